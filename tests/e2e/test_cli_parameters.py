"""Parameters of a plan at the terminal: `--set`, questions, and what the signer sees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Stack, free_port
from tests.e2e.command_line import CommandLine

PLAN = """---
# What this release needs
parameters:
  version: {description: The version to release, pattern: '[0-9.]+'}
  target: {choices: [staging, production]}
  copies: {type: number, default: 3}
---

# Release

- Build: `echo "$VERSION for $TARGET" > built.txt` {#build files=built.txt}
"""


@pytest.fixture
def work(signoff: Stack) -> Path:
    """A folder of the user in which projects may work."""
    folder = signoff.root / f"work-{free_port()}"
    folder.mkdir()
    (folder / "plan.md").write_text(PLAN)
    return folder


@pytest.fixture
def cli(signoff: Stack, work: Path) -> CommandLine:
    return CommandLine(work, {"SIGNOFF_URL": signoff.url, "SIGNOFF_DATA_DIR": f"{work}-data"})


async def test_set_gives_values_and_the_signer_sees_them(cli: CommandLine, work: Path) -> None:
    ended = await cli("run", "plan.md", "--yes", "--set", "version=2.40", "--set", "target=production")
    assert ended.code == 0, ended
    assert (work / "built.txt").read_text() == "2.40 for production\n"
    assert "Release" in ended.out
    assert "version = 2.40  string · matches [0-9.]+" in ended.out
    assert "target = production  choice · one of staging, production" in ended.out
    assert "copies = 3  number · default 3" in ended.out


async def test_without_a_terminal_all_that_is_missing_is_named(cli: CommandLine) -> None:
    ended = await cli("run", "plan.md", "--yes", "--set", "copies=many", "--set", "color=red")
    assert ended.code == 1
    assert "The plan has no parameter 'color'" in ended.err
    for name in ("version", "target", "copies"):
        assert f"parameters.{name}" in ended.err, ended.err


async def test_a_person_is_asked_for_what_is_missing(cli: CommandLine, work: Path) -> None:
    async with cli.terminal("run", "plan.md") as terminal:
        await terminal.seen("version: The version to release:")
        terminal.type("2.5\n")
        await terminal.seen("target [staging/production]")
        terminal.type("nowhere\n")
        await terminal.seen("target [staging/production]")
        terminal.type("staging\n")
        await terminal.seen("Approve and run this plan? [y/N]")
        terminal.type("y\n")
        assert await terminal.ended() == 0
    assert (work / "built.txt").read_text() == "2.5 for staging\n"


async def test_a_new_plan_with_another_value_keeps_the_others(cli: CommandLine) -> None:
    created = await cli(
        "projects", "create", "--description", "@plan.md", "--set", "version=2.5", "--set", "target=staging", "--json"
    )
    project = json.loads(created.out)["id"]
    assert (await cli("projects", "plan", project, "--generate")).code == 0
    again = await cli("projects", "regenerate", project, "--set", "version=2.6")
    assert "version = 2.6" in again.out
    assert "target = staging" in again.out
    changes = await cli("projects", "diff", project)
    assert "version" in changes.out
    assert "2.6" in changes.out


@pytest.mark.parametrize("given", [["--set", "version"], ["--set", "=2"], ["--set", "a=1", "--set", "a=2"]])
async def test_a_value_needs_one_name(cli: CommandLine, given: list[str]) -> None:
    ended = await cli("run", "plan.md", *given)
    assert ended.code == 2
    assert "NAME" in ended.err


async def test_a_task_can_depend_on_a_value(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.planned(PLAN, parameters={"version": "2.4", "target": "staging"})
    tell = ("tasks", "add", project, "Tell them", "--key", "tell", "--command", "true")
    both = await cli(*tell, "--if", "build:completed", "--if-parameter", "target:production")
    assert (both.code, "not both" in both.err) == (2, True)
    wrong = await cli(*tell, "--if-parameter", "target:moon")
    assert (wrong.code, "moon" in wrong.err) == (1, True)
    added = await cli(*tell, "--if-parameter", "target:production")
    assert added.code == 0, added.err
    shown = await cli("projects", "plan", project)
    assert "skipped: target is 'staging'" in shown.out, shown.out
    await signoff.call("POST", f"/{project}/approve")
    tasks = {task["key"]: task for task in (await signoff.finished(project))["tasks"]}
    assert (tasks["tell"]["status"], tasks["tell"]["reason"]) == ("skipped", "condition_not_met")
    assert tasks["build"]["status"] == "completed"
