"""Code that names something does not run, and what stands for a value in a command is asked for."""

from __future__ import annotations

import pytest

from app.domain.errors import Invalid
from app.domain.plan import PlanDraft, RunSettings, digest_of
from app.planning.outline.reader import read_outline, read_with_parameters
from app.planning.render import to_markdown


def plan(text: str) -> PlanDraft:
    draft = read_outline(text, has_model=False)
    again = read_outline(to_markdown(draft, "Plan"), has_model=False)
    assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())
    return draft


def actions(text: str) -> list[str]:
    return [task.action.type for task in plan(text).tasks()]


@pytest.mark.parametrize(
    "item",
    [
        "Image registry: `images.example/team/app`",
        "Namespace: `releases-app`",
        "Target: `main`",
        "Resource: `app-db-endpoints`",
        "`app-db-endpoints`",
        "`kernel`",
        "`sw-agg`",
        "`(\\d+$)`",
        "`spec.replicas`",
        "`app#ports()`",
        "`/var/log/app:/var/log/app`",
        "`/var/log/app/`",
        "`-store.engine=blocks`",
        "`GET /api/v1/apps`",
        "`SELECT count(*) FROM orders;`",
        "Clean: `update orders set done = 1`",
        "Leave it: `\\q`",
        "`\\dt`",
    ],
)
def test_a_name_and_a_query_are_no_commands(item: str) -> None:
    assert actions(f"1. {item}\n2. Look: `make look`\n") == ["manual", "shell"]


@pytest.mark.parametrize(
    "item",
    [
        "Build the image: `make`",
        "`make`",
        "`true`",
        "`reboot`",
        "Look: `[ -e fixed ]`",
        "Both: `{ true; true; }`",
        "`./run`",
        "`/opt/app/bin/run`",
        "`deploy.sh`",
        "`sat init`",
        "Tag: `git tag v1`",
        "Refresh: `update-ca-certificates`",
        "The user: `sudo make user`",
    ],
)
def test_a_call_still_runs(item: str) -> None:
    assert actions(f"1. {item}\n") == ["shell"]


def test_options_with_a_value_do_not_hide_a_session() -> None:
    text = "1. `docker exec -it db psql -Uclient -dcl`\n2. `VALUES (1);`\n3. `\\q`\n4. Look: `make look`\n"
    assert actions(text) == ["manual", "manual", "manual", "shell"]
    assert actions("1. `mysql -userver`\n2. `call x();`\n") == ["manual", "manual"]
    assert actions("1. Ask: `docker exec db psql -Uclient -c 'select 1'`\n2. Look: `make look`\n") == ["shell", "shell"]


def test_a_block_that_is_a_list_is_for_a_person() -> None:
    (task,) = plan("## Set these\n\n```sh\n- APP_URL=http://app\n- APP_MODE=fast\n```\n").tasks()
    assert task.action.type == "manual"
    assert "- APP_MODE=fast" in task.description


@pytest.mark.parametrize(
    ("command", "expected", "parameters"),
    [
        ("docker pull app:[tag]", 'docker pull app:"${TAG}"', ["tag"]),
        ("tar xf app.[version].tgz", 'tar xf app."${VERSION}".tgz', ["version"]),
        ("cat ${path to file.yml}", 'cat "${PATH_TO_FILE_YML}"', ["path_to_file_yml"]),
        ("make release-YYYYMMDD", 'make release-"${DATE}"', ["date"]),
        ("ssh MY_USER@MY_HOST ls", 'ssh "${MY_USER}"@"${MY_HOST}" ls', ["my_user", "my_host"]),
        ("openssl genrsa -out yourdomain.com.key", 'openssl genrsa -out "${YOURDOMAIN_COM}".key', ["yourdomain_com"]),
    ],
)
def test_more_forms_of_placeholders_become_parameters(command: str, expected: str, parameters: list[str]) -> None:
    text = f"1. Do\n\n   ```sh\n   {command}\n   ```\n"
    with pytest.raises(Invalid, match="is a placeholder"):
        read_outline(text, has_model=False)
    draft = read_with_parameters(text, has_model=False)
    assert draft is not None
    assert draft.tasks()[0].action.fields()["command"] == expected
    assert list(draft.parameters) == parameters


@pytest.mark.parametrize(
    "command",
    [
        "cat > a.cnf <<E\n   [alt_names]\n   DNS.1=a\n   E",
        "echo ${map[name]}",
        "ls file[tag]",
        "date --format=YYYY-MM-DD",
        "echo $MY_USER@host",
        "cd ${HOME}/mydomain",
        "tr [a-z] [A-Z] < a",
    ],
)
def test_other_brackets_and_names_are_none(command: str) -> None:
    draft = plan(f"---\nunset_variables: warn\n---\n1. Do\n\n   ```bash\n   {command}\n   ```\n")
    assert [task.action.type for task in draft.tasks()] == ["shell"]


def test_a_value_with_a_command_in_backticks_is_computed() -> None:
    text = "1. Make\n\n   ```sh\n   DIR=backup_`date +%F`\n   mkdir $DIR\n   ```\n2. Fill\n\n   ```sh\n   cp a $DIR\n   ```\n"
    draft = plan(text)
    assert draft.parameters == {}
    assert [task.action.type for task in draft.tasks()] == ["shell", "manual"]


def test_a_variable_in_a_prompt_is_not_set_by_it() -> None:
    ask = '1. Ask\n\n   ```bash\n   SERVER=db\n   read -p "${SERVER} password: " PW\n   ```\n'
    draft = plan(f'{ask}2. Go\n\n   ```sh\n   ping "$SERVER"\n   ```\n')
    assert list(draft.parameters) == ["server"]


def test_a_name_in_lowercase_that_nothing_sets_is_pointed_out() -> None:
    draft = plan('1. Go\n\n   ```sh\n   ping "$server"\n   for x in a; do echo "$x"; done\n   ```\n')
    assert [
        text for text in draft.warnings if "Nothing in this step sets $server, so the shell reads it as empty" in text
    ]
    assert draft.parameters == {}


def test_script_needs_a_keyboard() -> None:
    assert any("'script log' needs a keyboard" in text for text in plan("1. Record: `script -a log`\n").warnings)
    assert not any("'script" in text for text in plan("1. Record: `script -c 'make x' log`\n").warnings)


class TestOpposites:
    BACKUP = "## Creating a backup\n\n```sh\nmake dump\n```\n\n"
    RESTORE = "## Restoring a backup\n\n```sh\nmake load\n```\n"

    def test_a_section_that_takes_back_the_one_before_it_is_asked_for(self) -> None:
        draft = plan(f"# Data\n\n{self.BACKUP}{self.RESTORE}")
        assert [phase.name for phase in draft.phases] == [
            "Creating a backup",
            "Restoring a backup: does it apply?",
            "Restoring a backup",
        ]
        assert draft.phases[2].condition is not None
        assert any("'Restoring a backup' is not always done" in text for text in draft.warnings)

    @pytest.mark.parametrize(
        "text",
        [
            f"# Data\n\n{BACKUP}## Upgrade\n\n```sh\nmake up\n```\n\n{RESTORE}",  # one procedure
            "# Data\n\n## 1. Back up\n\n```sh\na\n```\n\n## 2. Restore\n\n```sh\nb\n```\n",
            "# Data\n\n## Back up\n\n```sh\na\n```\n\n## Restore {run}\n\n```sh\nb\n```\n",
            "# Data\n\n## Back up\n\nText.\n\n## Restore\n\n```sh\nb\n```\n",
            "# Data\n\n## Back up\n\n```sh\na\n```\n\n## Restore {#restore}\n\n```sh\nb\n```\n",
        ],
    )
    def test_other_sections_run(self, text: str) -> None:
        assert all(phase.condition is None for phase in plan(text).phases)

    def test_an_example_is_text(self) -> None:
        draft = plan(f"# Data\n\n{self.BACKUP}## A sample backup script\n\n```sh\nmake all\n```\n")
        assert [task.action.fields()["command"] for task in draft.tasks()] == ["make dump"]
        assert any("'A sample backup script' is treated as text" in text for text in draft.warnings)
        assert len(plan(f"# Data\n\n{self.BACKUP}## Example upgrade\n\n```sh\nmake up\n```\n").tasks()) == 2
