"""Steps that open a session, such as `ssh HOST`: what follows is typed there, so it never runs on the worker."""

from __future__ import annotations

import pytest

from app.domain.plan import RunSettings, digest_of
from app.planning.outline.reader import read_outline
from app.planning.outline.sessions import opens_session
from app.planning.render import to_markdown


def kinds(text: str) -> list[str]:
    draft = read_outline(text, has_model=True)
    again = read_outline(to_markdown(draft, "X"), has_model=True)
    assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())
    return [task.action.type for task in draft.tasks()]


def warned(text: str, line: int, words: str) -> bool:
    return any(
        warning.startswith(f"Line {line}: ") and words in warning
        for warning in read_outline(text, has_model=True).warnings
    )


OPEN = [
    *(
        "ssh db1",
        "ssh -i key.pem -p 22 admin@db1",
        "ssh -t db1",
        "mosh db1",
        "vagrant ssh",
        "gcloud compute ssh a --zone b",
    ),
    *(
        "kubectl exec -it pod -- bash",
        "kubectl -n a exec -it pod -c b -- /bin/sh",
        "oc rsh pod",
        "docker attach a",
        "kubectl exec -n a $(kubectl get po -o name | head -1)",
    ),
    *(
        "docker exec -it app bash",
        "docker compose exec db psql -U a",
        "docker run -it --rm alpine sh",
        "lxc exec a bash",
    ),
    *("psql", "psql -U a shop", "sudo -u postgres psql", "mysql -u root -p", "redis-cli", "mongosh", "sqlplus a"),
    *("sudo -i", "sudo su -", "su - postgres", "bash", "chroot /mnt", "aws ssm start-session --target i-1"),
    *(
        "rails console",
        "bundle exec rails c",
        "python3 manage.py shell",
        "./manage.py dbshell",
        "python3",
        "heroku run bash",
    ),
]


@pytest.mark.parametrize("command", OPEN)
def test_what_follows_such_a_step_is_for_a_person(command: str) -> None:
    text = f"1. Go in: `{command}`\n2. Remove it: `make remove`\n3. Look\n\n## Then\n\n- Check: `make check`\n"
    assert kinds(text) == ["manual", "manual", "manual", "shell"]
    assert warned(text, 1, "opens a session")
    assert warned(text, 2, "in line 1 opens a session, and this step is meant for it")
    nested = f"- Do\n  - `{command}`\n  - `make remove`\n- Check: `make check`\n"
    assert kinds(nested) == ["manual", "manual", "shell"]
    blocks = f"## A\n\n```sh\n{command}\n```\n\nThen:\n\n```sh\nmake remove\n```\n"
    assert kinds(blocks) == ["manual", "manual"]
    assert warned(blocks, 9, "in line 3 opens a session")
    assert kinds(f"1. Do\n\n   ```sh\n   {command}\n   make remove\n   ```\n2. Check: `make check`\n") == [
        "manual",
        "shell",
    ]


@pytest.mark.parametrize(
    "command",
    [
        *(
            "ssh db1 uptime",
            "ssh -fN -L 1:db1:2 db1",
            "ssh -V",
            "ssh db1 'ls; exit'",
            "ssh-keygen -t ed25519",
            "scp a db1:",
        ),
        *("kubectl exec pod -- ls", "kubectl exec -it pod -- sh -c 'ls'", "docker exec app ls", "docker run alpine sh"),
        *(
            "docker exec mysql mysqldump shop",
            "docker compose exec -T db psql -c 'x'",
            "psql -c 'select 1'",
            "psql -f a.sql",
        ),
        *("psql < a.sql", "cat a.sql | psql shop", "mysql shop < a.sql", "mysql -e 'x'", "redis-cli ping", "su -c ls"),
        *(
            "sudo -u postgres pg_dump shop",
            "bash a.sh",
            "bash -c ls",
            "chroot /mnt ls",
            "python3 a.py",
            "rails db:migrate",
        ),
    ],
)
def test_a_command_that_ends_by_itself_opens_none(command: str) -> None:
    assert opens_session(command) is None
    assert kinds(f"1. Do: `{command}`\n2. Check: `make check`\n") == ["shell", "shell"]


@pytest.mark.parametrize(
    "leave",
    [
        *("`exit`", "Leave: `logout`", "Log out of the server", "Exit the container", "Press Ctrl-D", "`\\q`"),
        *("Disconnect", "Close the connection"),
    ],
)
def test_a_step_that_leaves_the_session_is_the_last_in_it(leave: str) -> None:
    assert kinds(f"1. Go in: `ssh db1`\n2. Stop: `make stop`\n3. {leave}\n4. Check: `make check`\n")[-1] == "shell"


@pytest.mark.parametrize(
    "words",
    [
        "Back on your machine",
        "On your laptop, check",
        "Locally",
        "From your workstation",
        "Go back to your terminal and check",
    ],
)
def test_a_step_for_the_own_machine_runs(words: str) -> None:
    text = f"1. Go in: `ssh db1`\n2. Stop: `make stop`\n3. {words}: `make check`\n4. Again: `make check`\n"
    assert kinds(text) == ["manual", "manual", "shell", "shell"]
    steps = {"1. Go in": "ssh db1", "2. Stop": "make stop", words: "make check"}
    sections = "".join(f"## {name}\n\n```sh\n{command}\n```\n\n" for name, command in steps.items())
    assert kinds(sections) == ["manual", "manual", "shell"]


def test_the_sections_beside_and_below_are_in_the_session() -> None:
    text = "# A\n\n## Do\n\n### 1. Go in\n\n```sh\nssh db1\n```\n\n### 2. Stop\n\n1. Stop: `make stop`\n"
    text += "\n## Check\n\n```sh\nmake check\n```\n"
    assert kinds(text) == ["manual", "manual", "shell"]
    assert warned(text, 13, "meant for it")


def test_nothing_is_meant_for_a_session_that_is_the_last_step() -> None:
    assert kinds("1. Do: `make a`\n2. Go in: `ssh db1`\n") == ["shell", "shell"]
    assert kinds("## A\n\n```sh\nssh db1\n```\n") == ["shell"]


def test_run_says_otherwise() -> None:
    text = "1. Go in: `ssh db1`\n2. Stop: `make stop` {run}\n3. Look: `make look`\n"
    assert kinds(text) == ["manual", "shell", "manual"]
    assert kinds("1. Go in: `ssh db1` {run}\n2. Stop: `make stop`\n") == ["shell", "shell"]


@pytest.mark.parametrize(
    "words",
    [
        "`ssh` to the replica",
        "SSH into db1",
        "Log in to the bastion",
        "Connect to the node with ssh",
        "Open an SSH session",
    ],
)
def test_words_open_a_session_as_well(words: str) -> None:
    text = f"1. {words}.\n2. `systemctl stop x`\n\nThen:\n\n1. `make check`\n"
    assert kinds(text) == ["manual", "manual", "shell"]
    assert warned(text, 2, "meant for it")


@pytest.mark.parametrize(
    "words", ["Log in to your account", "Copy your SSH keys", "SSH keys are in the safe", "Connect the cable"]
)
def test_other_words_open_none(words: str) -> None:
    assert kinds(f"1. {words}.\n2. `make check`\n")[1] == "shell"
