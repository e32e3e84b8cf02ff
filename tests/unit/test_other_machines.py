"""Blocks that log in to another machine: what follows the login is never run on the worker."""

from __future__ import annotations

import json

import pytest

from app.domain.plan import RunSettings, digest_of
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown


@pytest.mark.parametrize(
    "lines",
    [
        "ssh db1\nsystemctl stop postgres",
        "ssh -i key.pem -p 22 admin@db1\nrm -rf data",
        "$ ssh -A db1\n$ rm -rf data",
    ],
)
@pytest.mark.parametrize("language", ["sh", "bash", "console"])
def test_what_follows_a_login_is_for_a_person(lines: str, language: str) -> None:
    plan = read_outline(
        f"# Move\n\n1. Stop it\n\n   ```{language}\n" + _indented(lines) + "\n   ```\n", has_model=False
    )
    assert [task.action.type for task in plan.tasks()] == ["manual"]
    assert any(warning.lower().startswith("line 5") for warning in plan.warnings)


@pytest.mark.parametrize(
    "lines", ["ssh db1 uptime\ndate", "ssh db1 <<'X'\nuptime\nX\ndate", "scp a db1:\ndate", "ssh -V\ndate"]
)
def test_a_remote_command_runs(lines: str) -> None:
    plan = read_outline("# Look\n\n1. Look\n\n   ```bash\n" + _indented(lines) + "\n   ```\n", has_model=False)
    assert [task.action.type for task in plan.tasks()] == ["shell"]


def _indented(lines: str) -> str:
    return "\n".join(f"   {line}" for line in lines.split("\n"))


def kinds(text: str) -> list[str]:
    return [task.action.type for task in read_outline(text, has_model=True).tasks()]


@pytest.mark.parametrize(
    "heading",
    [
        *(
            "On the server",
            "On db-1",
            "On each node",
            "On all hosts",
            "Step 2: On the new database server",
            "On server B",
        ),
        *(
            "Restart (on every host)",
            "On the new system",
            "On your old machine",
            "On your old system, as the user app",
            "On `web01` and `web02`",
            "On the primary",
            "On db.example.com",
            "Inside the container",
        ),
        *("🔧 On the standby that took over", "Commands to run on the jump host"),
    ],
)
def test_the_steps_below_such_a_heading_are_for_a_person(heading: str) -> None:
    steps = "- Stop: `make stop`\n\nThen clean:\n\n```sh\nrm -rf cache\n```\n\n### More\n\n1. Start: `make start`\n"
    plan = read_outline(f"# Move\n\n## Here\n\n- Look: `ls x`\n\n## {heading}\n\n{steps}", has_model=True)
    assert [task.action.type for task in plan.tasks()] == ["shell", "manual", "manual", "manual"]
    assert any(warning.startswith("Line 7: ") and "{run}" in warning for warning in plan.warnings)
    assert "rm -rf cache" in plan.tasks()[2].description
    assert kinds(f"# Move\n\n## {heading} {{run}}\n\n{steps}") == ["shell"] * 3


@pytest.mark.parametrize(
    "heading",
    [
        *(
            "On failure",
            "On Debian",
            "On macOS",
            "On call",
            "On your machine",
            "On this host",
            "On localhost",
            "On master",
        ),
        *(
            "On Python3",
            "On step-2",
            "On Monday",
            "On the main branch",
            "From the root of the repository",
            "On node.js",
        ),
        *("On the other hand", "Restart the server", "In the cluster", "On day 2", "On GitHub", "From your laptop"),
    ],
)
def test_other_headings_are_no_other_machines(heading: str) -> None:
    assert kinds(f"# Move\n\n## {heading}\n\n- Stop: `systemctl stop app`\n") == ["shell"]


@pytest.mark.parametrize("words", ["On the server:", "Log in there. Run this on each node:", "Then, on db-1:"])
def test_a_sentence_says_so_too(words: str) -> None:
    block = f"# Move\n\n## Stop\n\n{words}\n\n```sh{{}}\nsystemctl stop app\n```\n\nThen look:\n\n```sh\nls x\n```\n"
    plan = read_outline(block.replace("{}", ""), has_model=True)
    assert [task.action.type for task in plan.tasks()] == ["manual", "shell"]
    assert any(warning.startswith("Line 5: What follows is for another machine") for warning in plan.warnings)
    assert kinds(block.replace("{}", " run")) == ["shell", "shell"]
    assert kinds(f"# Move\n\n## Stop\n\n{words}\n\n1. Stop: `make stop`\n2. Start: `make x` {{run}}\n") == [
        "manual",
        "shell",
    ]


def test_an_item_says_so_too() -> None:
    text = "1. On the server: `make stop`{}\n2. Stop both\n\n   On db-1:\n\n   ```sh{}\n   make stop\n   ```\n"
    plan = read_outline(text.replace("{}", ""), has_model=True)
    assert [task.action.type for task in plan.tasks()] == ["manual"] * 2
    assert [int(warning.split(":")[0].removeprefix("Line ")) for warning in plan.warnings] == [1, 4]
    assert kinds(text.replace("sh{}", "sh run").replace("{}", " {run}")) == ["shell", "shell"]
    assert kinds("1. On node 2:\n   1. Look: `ls x`\n   2. Stop: `make stop`\n") == ["manual"] * 3


def test_a_rollback_on_a_server_still_waits_for_a_failure() -> None:
    text = "# Move\n\n## Do\n\n- Go: `make x`\n\n## On the server\n\n- Stop: `make y`\n\n### Rollback\n\n- Start: `make z`\n"
    plan = read_outline(text, has_model=False)
    assert [phase.runs_on for phase in plan.phases] == ["success", "success", "failure"]
    assert [task.action.type for task in plan.tasks()] == ["shell", "manual", "manual"]


@pytest.mark.parametrize("heading", ["On the server {run}", "On the server {run on=always}", "On db-1"])
def test_printed_it_is_the_same_plan(heading: str) -> None:
    plan = read_outline(f"# Move\n\n## {heading}\n\n- On db-1: stop: `make x` {{run}}\n- b: `c d`\n", has_model=False)
    again = read_outline(to_markdown(plan, "Move"), has_model=False)
    assert digest_of(again, RunSettings()) == digest_of(plan, RunSettings())
    assert "```" not in to_markdown(plan, "Move")


_EVERYWHERE = [
    "Restart the service on each node",
    "Restart it on every host, one at a time",
    "On every host",
    "Run the following on all database servers in turn",
    "Stop the service on the server",
    "Stop the service on the old database server and wait",
    "Restart nginx on db-1",
    "Run the migration inside the container",
    "For each node",
    "For every server, run",
    "SSH into the bastion and run",
    "Log in to web-1, then run",
    "Log into each of the replicas and restart them",
    "Connect to the primary and run",
    "Repeat this on both replicas",
]


@pytest.mark.parametrize("words", _EVERYWHERE)
def test_words_that_name_another_machine_anywhere_count(words: str) -> None:
    command = "systemctl restart app"
    item = f"1. {words}: `{command}`{{}}\n2. Look: `ls x`\n"
    block = f"1. {words}:\n\n   ```sh{{}}\n   {command}\n   ```\n\n2. Look: `ls x`\n"
    nested = f"1. First\n\n   {words}:\n\n   ```sh{{}}\n   {command}\n   ```\n\n2. Look: `ls x`\n"
    sentence = f"## Do\n\n{words}:\n\n```sh{{}}\n{command}\n```\n\nThen look:\n\n```sh\nls x\n```\n"
    heading = f"## {words}{{}}\n\n```sh\n{command}\n```\n\n## Look\n\n- Look: `ls x`\n"
    for text, line, run in (
        (item, 1, " {run}"),
        (block, 1, " run"),
        (nested, 3, " run"),
        (sentence, 3, " run"),
        (heading, 1, " {run}"),
    ):
        plan = read_outline(text.replace("{}", ""), has_model=True)
        assert [task.action.type for task in plan.tasks()] == ["manual", "shell"], text
        warnings = [warning for warning in plan.warnings if "another machine" in warning]
        assert [warning.split(":")[0] for warning in warnings] in ([f"Line {line}"], [f"Line {line + 2}"]), text
        assert "run" in warnings[0]
        assert kinds(text.replace("{}", run)) == ["shell", "shell"], text


@pytest.mark.parametrize(
    "line",
    [
        "Restart the service on each node: `ssh db-1 systemctl restart app`",
        "Restart it on every host: `ansible all -m service -a name=app`",
        "Drain the pods on the node: `kubectl drain node-1`",
        "Migrate inside the container: `docker compose exec app migrate`",
        "Look at the health on each server: `curl https://web-1.example.com/health`",
        "Log in to the registry: `docker login registry.example.com`",
        "Copy it from the server: `scp db-1:file .`",
        "Deploy to all servers: `./deploy.sh`",
        "Restart the server: `./restart.sh`",
        "Publish it on crates.io: `cargo publish`",
        "Run the tests on py311: `tox -e py311`",
        "Keep an eye on the load of the server: `./load.sh`",
        "Start it on this machine: `./start.sh`",
        "Start it on the same host: `./start.sh now`",
        "Build it on your machine: `make build`",
        "For each file: `./convert.sh all`",
        "Connect to the database: `./connect.sh`",
    ],
)
def test_a_command_that_goes_there_itself_runs_here(line: str) -> None:
    assert kinds(f"1. {line}\n2. Look: `ls x`\n") == ["shell", "shell"]
    words, _, command = line.partition(": ")
    assert kinds(f"## {words}\n\n```sh\n{command.strip('`')}\n```\n") == ["shell"]


@pytest.mark.parametrize("words", ["Report on all servers", "Restart the service on each node"])
def test_words_without_a_command_stay_what_they_are(words: str) -> None:
    assert kinds(f"1. {words}\n2. Look: `ls x`\n") == ["agent", "shell"]


@pytest.mark.parametrize("action", ['{"type": "manual", "instructions": "Restore it."}', '{"type": "milestone"}'])
def test_an_action_block_says_itself_what_happens(action: str) -> None:
    text = f"1. Restore the dump on the server {{#restore}}\n\n   ```action\n   {action}\n   ```\n"
    plan = read_outline(text, has_model=False)
    assert (plan.tasks()[0].action.type, plan.warnings) == (json.loads(action)["type"], [])
    assert " run" not in to_markdown(plan, "T").partition("```")[0]
