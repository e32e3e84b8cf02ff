"""`signoff inbox` lists what waits and, in a terminal, asks about one after the other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.conftest import Stack, eventually, running_stack
from tests.e2e.command_line import CommandLine

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = "- Clear: `true || rm -rf /var/log` {#clear}\n"
TASKS = "- Run: `true` {#run approval=yes}\n- [ ] Read {#read}\n- Ship it? {#ship decision=yes,no}\n"


@pytest.fixture
async def stack(temporal_server: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[Stack]:
    async with running_stack(temporal_server, tmp_path) as stack:
        yield stack


def command_line(stack: Stack, folder: Path) -> CommandLine:
    return CommandLine(folder, {"SIGNOFF_URL": stack.url, "SIGNOFF_DATA_DIR": str(folder / "client")})


async def test_an_empty_inbox_says_so(stack: Stack, tmp_path: Path) -> None:
    ended = await command_line(stack, tmp_path)("inbox")
    assert (ended.code, ended.out) == (0, "Nothing is waiting for you.\n")


async def test_without_a_terminal_it_lists_and_asks_nothing(stack: Stack, tmp_path: Path) -> None:
    project_id = await stack.planned(PLAN, name="Clear logs")
    cli = command_line(stack, tmp_path)
    ended = await cli("inbox")
    assert (ended.code, "Clear logs" in ended.out, "1 critical" in ended.out, len(ended.out.splitlines()) == 1) == (
        *(0, True, True),
        True,
    ), ended
    listed = json.loads((await cli("inbox", "--json")).out)
    assert [item["project_id"] for item in listed["items"]] == [project_id]
    assert (await stack.project(project_id))["stage"] == "awaiting_approval"


async def test_in_a_terminal_one_is_answered_after_the_other(stack: Stack, tmp_path: Path) -> None:
    planned = await stack.planned(PLAN, name="Clear logs")
    started = await stack.started(TASKS, name="Tasks")

    async def all_wait() -> bool:
        return (await stack.http.get("/api/inbox")).json()["total"] == 4

    await eventually(all_wait, what="four items wait")
    async with command_line(stack, tmp_path).terminal("inbox") as terminal:
        await terminal.seen("4 of 4")
        await terminal.seen("1 of 4: Clear logs, plan")
        # What is signed is shown with its findings before the question.
        await terminal.seen("rm -rf /var/log")
        await terminal.seen("destructive_command")
        await terminal.seen("Approve and run this plan? [approve/later/quit]")
        terminal.type("yes\n")
        await terminal.seen("Answer one of: approve, later, quit.")
        await terminal.seen("[approve/later/quit]")
        terminal.type("approve\n")
        await terminal.seen("Done.")
        for _ in range(3):
            await terminal.seen(" of 4: Tasks, ")
            await terminal.seen("/later/quit]")
            asked = terminal.text.rsplit(" of 4: ", 1)[1]
            terminal.type("run\n" if "Run it now" in asked else "done\n" if "Is it done?" in asked else "yes\n")
            await terminal.seen("Done.")
        assert (await terminal.ended()) == 0
    assert (await stack.finished(planned))["status"] == "completed"
    assert (await stack.finished(started))["status"] == "completed"


async def test_authors_see_what_must_change(stack: Stack, tmp_path: Path) -> None:
    project_id = await stack.planned(PLAN, name="Clear logs")
    await stack.call("POST", f"/{project_id}/request-changes", json={"comment": "Ask the DBA first."})
    async with command_line(stack, tmp_path).terminal("inbox") as terminal:
        await terminal.seen("1 of 1: Clear logs, changes requested: Ask the DBA first.")
        await terminal.seen("requested changes to version 1: Ask the DBA first.")
        await terminal.seen(f"`signoff tasks edit {project_id} TASK`")
        assert (await terminal.ended()) == 0
    assert (await stack.project(project_id))["stage"] == "changes_requested"


async def test_a_critical_plan_needs_the_whole_word(stack: Stack, tmp_path: Path) -> None:
    project_id = await stack.planned(PLAN)
    async with command_line(stack, tmp_path).terminal("inbox") as terminal:
        await terminal.seen("To accept it, type the whole word approve.")
        await terminal.seen("/quit]")
        terminal.type("a\n")
        await terminal.seen("Answer one of: approve, later, quit.")
        await terminal.seen("/quit]")
        terminal.type("approve\n")
        await terminal.seen("Done.")
        assert (await terminal.ended()) == 0
    made = (await stack.call("GET", f"/{project_id}/decisions"))["decisions"]
    assert made[-1]["comment"] == "Accepted 1 critical finding: destructive_command."


async def test_later_and_quit_answer_nothing(stack: Stack, tmp_path: Path) -> None:
    made = [await stack.planned(PLAN, name=f"Plan {number}") for number in range(3)]
    async with command_line(stack, tmp_path).terminal("inbox") as terminal:
        await terminal.seen("Approve and run this plan?")
        terminal.type("l\n")
        await terminal.seen("2 of 3: Plan 1")
        await terminal.seen("Approve and run this plan?")
        terminal.type("q\n")
        assert (await terminal.ended()) == 0
    assert {(await stack.project(project_id))["stage"] for project_id in made} == {"awaiting_approval"}
