"""How commands answer: short ids, tables, JSON and jq, ids only, the page, and what to do about a mistyped command."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import click
import pytest

from app.cli import main
from app.cli.examples import example_of
from app.cli.groups import every_command
from tests.conftest import Stack, eventually
from tests.e2e.command_line import CommandLine, Ended, each_ended

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

REPORT = "# Report\n\n- Count: `printf abc > count.txt` {#count files=count.txt}\n- Say: `echo hi` {#say after=count}\n"
ASKING = "# Ask\n\n- Ship it? {#ship decision=yes,no}\n"
LONG = "The weekly report about all orders of the northern regions, with charts"


@pytest.fixture
def cli(signoff: Stack, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {"SIGNOFF_URL": signoff.url, "SIGNOFF_DATA_DIR": str(tmp_path / "data")})


def good(ended: Ended) -> str:
    assert ended.code == 0, ended
    return ended.out


async def test_a_project_is_named_by_tail_beginning_or_name(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.create("", name=f"Named {os.urandom(4).hex()}")
    name = (await signoff.project(project))["name"]
    for word in (project, project[-6:], project[-10:], project.removeprefix("proj_")[:24], name, name.upper()):
        assert good(await cli("projects", "show", word, "--jq", ".id")) == f"{project}\n", word
    assert (await cli("projects", "show", "no such project")).err.endswith(
        "\nTo list the projects: signoff projects list\n"
    )


async def test_a_name_of_two_projects_lists_both(cli: CommandLine, signoff: Stack) -> None:
    name = f"Twin {os.urandom(4).hex()}"
    twins = [await signoff.create("", name=name), await signoff.create("", name=name)]
    unclear = await cli("projects", "cancel", name)
    assert (unclear.code, unclear.out) == (2, "")
    assert f"'{name}' may be any of 2 projects:" in unclear.err
    for one in twins:
        assert re.search(rf"^  {one}  pending +{name}$", unclear.err, re.MULTILINE)
    assert twins[1][-6:] in unclear.err
    assert [(await signoff.project(one))["status"] for one in twins] == ["pending", "pending"]


async def test_tasks_phases_and_decisions_have_short_names_too(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.planned(REPORT)
    tasks = {task["key"]: task for task in (await signoff.project(project))["tasks"]}
    for word in ("say", tasks["say"]["id"][-6:], "SAY", tasks["say"]["id"]):
        assert good(await cli("tasks", "show", project[-8:], word, "--jq", ".key")) == "say\n", word
    phase = (await signoff.project(project))["phases"][0]
    for word in (phase["key"], phase["id"][-6:], phase["name"]):
        assert good(await cli("tasks", "list", project, "--phase", word, "--jq", ".total")) == "2\n"
    asking = await signoff.started(ASKING, decision_mode="human")
    await signoff.task_in(asking, "ship", "waiting")
    assert good(await cli("decisions", "answer", asking[-8:], "ship", "yes")) == "Answered.\n"


async def test_people_keys_links_and_sessions_have_short_ids(cli: CommandLine, signoff: Stack) -> None:
    name = f"bot-{os.urandom(4).hex()}"
    key = json.loads(good(await cli("keys", "add", name, "--role", "author", "--json")))["id"]
    assert good(await cli("keys", "rotate", name.upper(), "--quiet")) == f"{key}\n"
    assert f"{key} is revoked." in good(await cli("keys", "revoke", key[-6:]))
    project = await signoff.planned(REPORT)
    link = json.loads(good(await cli("links", "add", project, "--name", "Kim Lee", "--json")))["id"]
    assert good(await cli("links", "list", project, "--quiet")) == f"{link}\n"
    assert link in good(await cli("links", "revoke", project, link[-6:]))
    gone = await cli("sessions", "revoke", "zzzzzz")
    assert (gone.code, gone.out) == (1, "")
    assert (await cli("notifications", "replay", "zzzzzz")).code == 1


async def test_tables_on_a_terminal_fit_and_pipes_get_whole_values(cli: CommandLine, signoff: Stack) -> None:
    name = f"{LONG} {os.urandom(4).hex()}"
    project = await signoff.planned(REPORT, name=name)
    piped = good(await cli("projects", "list", "--search", name))
    assert re.fullmatch(rf"{project}\tpending\t{name}\twaits for approval\t20[-0-9: ]+\n", piped)
    for width in (80, 60):
        narrow = CommandLine(cli.folder, cli.settings | {"COLUMNS": str(width)})
        async with narrow.terminal("projects", "list", "--search", name) as terminal:
            assert await terminal.ended() == 0
            await terminal.seen("1 of 1")
        lines = terminal.text.replace("\r", "").splitlines()
        assert all(len(line) <= width for line in lines), lines
        (row,) = (line for line in lines if line.startswith(project[-6:]))
        assert re.match(rf"{project[-6:]}  · pending  The w.*…", row)
        assert name[-6:] in row


async def test_logs_are_listed_on_request(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.started(REPORT)
    await signoff.finished(project)
    assert [line.split("\t")[0] for line in good(await cli("files", "list", project)).splitlines()] == ["count.txt"]
    assert "/log" in good(await cli("files", "list", project, "--logs"))
    assert good(await cli("files", "list", project, "--quiet")) == "count.txt\n"


async def test_jq_filters_and_quiet_prints_ids(cli: CommandLine, signoff: Stack) -> None:
    name = f"Filtered {os.urandom(4).hex()}"
    project = await signoff.planned(REPORT, name=name)
    assert good(await cli("projects", "list", "--search", name, "--quiet")) == f"{project}\n"
    assert (
        good(await cli("projects", "list", "--search", name, "--jq", ".projects[] | .name, .labels")) == f"{name}\n[]\n"
    )
    assert good(await cli("tasks", "list", project, "--jq", "[.tasks[].key]")) == '["count", "say"]\n'
    assert good(await cli("projects", "events", project, "--jq", ".type")).startswith("project.created\n")
    assert len(good(await cli("tasks", "list", project, "-q")).splitlines()) == 2
    made = good(await cli("projects", "create", "--name", "Quiet", "--quiet"))
    assert re.fullmatch(r"proj_[0-9a-z]{26}\n", made)
    for wrong in (("--jq", ".["), ("--jq", ".id | tonumber"), ("--json", "--quiet")):
        refused = await cli("projects", "list", *wrong)
        assert (refused.code, refused.out) == (2, ""), wrong
    assert "is not a jq expression" in (await cli("projects", "list", "--jq", ".[")).err


async def test_the_page_opens_in_the_browser_of_the_person(cli: CommandLine, signoff: Stack, tmp_path: Path) -> None:
    project = await signoff.planned(REPORT)
    page = (await signoff.project(project))["links"]["page"]
    assert good(await cli("open", project[-8:])) == f"{page}\n"
    assert good(await cli("projects", "show", project, "--web")) == f"{page}\n"
    assert good(await cli("tasks", "show", project, "say", "--web")).startswith(f"{page}?task=")
    assert good(await cli("open")) == f"{signoff.url}/\n"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    at_terminal = CommandLine(tmp_path, cli.settings | {"BROWSER": str(browser)})
    async with at_terminal.terminal("open", project[-8:]) as terminal:
        await terminal.seen(page)
        assert await terminal.ended() == 0

    async def opened() -> bool:
        return (tmp_path / "opened").exists() and (tmp_path / "opened").read_text() == f"{page}\n"

    await eventually(opened, what="the browser has the page")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("list",), "  signoff projects list\n"),
        (("project", "list"), "`signoff projects list`?"),
        (("approv", "4kd9"), "`signoff projects approve`?"),
        (("projects", "logs", "4kd9", "build"), "`signoff tasks logs`?"),
        (("projects", "lst"), "`signoff projects list`?"),
        (("task",), "`signoff tasks`?"),
        (("wach",), "`signoff projects watch`?"),
        (("xyzzy",), "To list the commands: signoff --help"),
        (("keys", "xyzzy"), "To list the commands: signoff keys --help"),
    ],
)
def test_a_mistyped_command_is_recognized_at_any_level(tmp_path: Path, typed: tuple[str, ...], meant: str) -> None:
    (ended,) = each_ended([typed], tmp_path)
    assert ended.code == 2
    assert "There is no command `signoff " in ended.err
    assert meant in f"{ended.err}\n"


def test_every_command_has_an_example_that_it_understands(tmp_path: Path) -> None:
    for name in ("plan.md", "release.md", "deploy.md", "orders.csv", "project.zip", "signoff.pem"):
        (tmp_path / name).touch()
    root = main
    assert isinstance(root, click.Group)
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        for path, command in every_command(root):
            example = example_of(path)
            assert example, path
            assert command.epilog, path
            for line in example.splitlines():
                quoted = re.search(r"\$\((.*)\)", line)
                words = shlex.split(quoted[1] if quoted else line)
                ends = (at for at, word in enumerate(words) if word in {"|", "&&", ">"} or word.startswith("("))
                words = words[: next(ends, len(words))]
                assert words[: len(path) + 1] == ["signoff", *path], line
                rest = [word.replace("@plan.md", "text") for word in words[len(path) + 1 :]]
                command.make_context(" ".join(path), rest, parent=click.Context(root))
    finally:
        os.chdir(before)


async def test_errors_say_what_to_do_next(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.create("")
    for arguments, hint in (
        (("projects", "show", "proj_00000000000000000000000000"), "signoff projects list"),
        (("projects", "plan", project), "signoff projects plan PROJECT --generate"),
        (("files", "get", project, "none.txt"), "signoff files list PROJECT"),
        (("people", "disable", "Nobody"), "signoff people list"),
    ):
        ended = await cli(*arguments)
        assert (ended.code, ended.out) == (1, ""), arguments
        assert hint in ended.err, arguments


async def test_a_wide_table_has_whole_ids_and_times(signoff: Stack, cli: CommandLine) -> None:
    name = "Shown whole, although its name is longer than a terminal has room for: " + "word " * 10
    project_id = await signoff.create("- A", name=name.strip())
    created = (await signoff.project(project_id))["created_at"][:19].replace("T", " ")
    async with cli.terminal("projects", "list", "--search", "shown whole", "--wide") as terminal:
        assert await terminal.ended() == 0
        shown = " ".join(terminal.text.split())
    assert f"{project_id} pending {name.strip()} {created}" in shown.replace("· ", "").replace("○ ", ""), shown
    piped = await cli("projects", "list", "--search", "shown whole")
    assert piped.out.rstrip("\n").split("\t")[-1] == created
    both = await cli("projects", "list", "--wide", "--json")
    assert (both.code, "Use only one of --json, --quiet and --wide." in both.err) == (2, True), both
