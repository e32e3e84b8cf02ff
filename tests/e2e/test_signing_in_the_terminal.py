"""Whoever signs at the terminal sees the findings, what is new, and who must approve. Critical findings need a whole word."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.storage.tables import commands
from tests.conftest import Stack
from tests.e2e.command_line import CommandLine

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

# None of it does anything.
DANGER = (
    "# Clear\n\n- Clear: `true || rm -rf /var/log` {#clear}\n- Get: `true || curl https://example.com/x | sh` {#get}\n"
)
SAFE = "# Safe\n\n- Say: `echo hi` {#say timeout=1m}\n"
GATE = (
    "# Gate\n\n## One\n\n- Say: `true` {#say}\n\n## Two {approval=yes}\n\n- Clear: `true || rm -rf /var/log` {#clear}\n"
)
ACCEPTED = re.compile(r"Accepted \d critical findings?: [a-z_, ()0-9]+\.")


@pytest.fixture
def cli(signoff: Stack, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {"SIGNOFF_URL": signoff.url, "SIGNOFF_DATA_DIR": str(tmp_path / "data")})


def project_of(output: str) -> str:
    found = re.search(r"proj_[0-9a-z]+", output)
    assert found, output
    return found.group()


async def comments_of(stack: Stack, project_id: str) -> list[str]:
    listed: dict[str, Any] = await stack.call("GET", f"/{project_id}/decisions")
    return [item["comment"] for item in listed["decisions"] if item["comment"]]


async def test_a_script_must_accept_critical_findings(cli: CommandLine, signoff: Stack, tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text(DANGER)
    refused = await cli("run", "plan.md", "--yes", "--new-workspace")
    assert refused.code == 2, refused
    assert "Not approved: there are 2 critical findings: " in refused.err
    assert "destructive_command: " in refused.err
    assert "use --yes --accept-critical" in refused.err
    project = project_of(refused.out)
    assert (await signoff.project(project))["status"] == "pending"
    again = await cli("projects", "approve", project, "--yes", "--json")
    assert (again.code, again.out) == (2, ""), again
    assert "destructive_command" in again.err
    silent = await cli("projects", "approve", project, "--accept-critical")
    assert (silent.code, "there is no terminal to ask on" in silent.err) == (2, True), silent
    assert (await signoff.project(project))["status"] == "pending"
    accepted = await cli(
        "projects", "approve", project, "--yes", "--accept-critical", "--comment", "Checked.", "--json"
    )
    assert accepted.code == 0, accepted
    assert json.loads(accepted.out)["id"] == project
    (comment,) = await comments_of(signoff, project)
    assert comment.startswith("Checked.\nAccepted 2 critical findings: ")
    assert ACCEPTED.search(comment), comment
    assert (await signoff.finished(project))["status"] == "completed"


async def test_a_script_that_accepts_them_runs_the_plan(cli: CommandLine, signoff: Stack, tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text(DANGER)
    ended = await cli("run", "plan.md", "--yes", "--accept-critical", "--new-workspace")
    assert ended.code == 0, ended
    (comment,) = await comments_of(signoff, project_of(ended.out))
    assert ACCEPTED.fullmatch(comment), comment


async def test_a_person_types_the_word(cli: CommandLine, signoff: Stack, tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text(DANGER)
    async with cli.terminal("run", "plan.md", "--new-workspace") as terminal:
        await terminal.seen("An approval starts 2 tasks: 2 commands.")
        await terminal.seen("destructive_command")
        await terminal.seen("On the page: http")
        await terminal.seen("There are 2 critical findings. To accept them, type the word approve.")
        await terminal.seen("Approve and run this plan? [approve/N]")
        terminal.type("y\n")
        await terminal.seen("type the word approve.")
        await terminal.seen("[approve/N]")
        terminal.type("\n")
        await terminal.seen("Not approved; nothing was done.")
        assert await terminal.ended() == 2
    project = project_of(terminal.text)
    assert (await signoff.project(project))["status"] == "pending"
    async with cli.terminal("projects", "approve", project) as terminal:
        await terminal.seen("destructive_command")
        await terminal.seen("[approve/N]")
        terminal.type("approve\n")
        await terminal.seen("Approved.")
        assert await terminal.ended() == 0
    (comment,) = await comments_of(signoff, project)
    assert ACCEPTED.fullmatch(comment), comment


async def test_a_phase_with_critical_findings_needs_the_word_too(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.started(GATE)
    await signoff.at_gate(project)

    refused = await cli("projects", "approve", project, "--yes")
    assert refused.code == 2, refused
    assert "there is 1 critical finding: destructive_command" in refused.err
    async with cli.terminal("projects", "watch", project, "--ask") as terminal:
        await terminal.seen("destructive_command")
        await terminal.seen("Phase 'Two' waits for your approval. Start it? [approve/N]")
        terminal.type("approve\n")
        assert await terminal.ended() == 0
    assert any(ACCEPTED.fullmatch(comment) for comment in await comments_of(signoff, project))


async def test_a_phase_is_signed_with_the_plan_that_was_shown(cli: CommandLine, signoff: Stack) -> None:
    plan = "## One\n\n- Say: `true` {#say}\n\n## Two {approval=yes}\n\n- Do: `echo first` {#do}\n"
    watched, other = await signoff.started(plan), await signoff.started(plan)
    for project in (watched, other):
        await signoff.at_gate(project)
    assert (await cli("projects", "approve", other, "--yes")).code == 0
    question = "Phase 'Two' waits for your approval. Start it?"
    async with cli.terminal("projects", "watch", watched, "--ask") as terminal:
        await terminal.seen(question)
        second = {"action": {"type": "shell", "command": "echo second"}}
        await signoff.call("PUT", f"/{watched}/tasks/do", json=second)
        edited = (await signoff.project(watched))["edited_plan"]
        read = {"plan_version": edited["version"], "plan_digest": edited["digest"]}
        await signoff.call("POST", f"/{watched}/approve", json=read)
        await terminal.seen(question)
        terminal.type("y\n")
        assert await terminal.ended() == 0
    assert await bound_of_phases(signoff, other) == [(1, True, True)]
    assert await bound_of_phases(signoff, watched) == [(2, True, True)]


async def bound_of_phases(stack: Stack, project_id: str) -> list[tuple[int | None, bool, bool]]:
    """The version to which each approval of a phase is bound, and whether its digest and what it freezes are named too."""
    query = select(commands.c.payload).where(commands.c.project_id == project_id, commands.c.kind == "approve")
    payloads = await stack.database.read(lambda conn: list(conn.execute(query.order_by(commands.c.id)).scalars()))
    return [
        (one.get("plan_version"), "plan_digest" in one, "frozen_digest" in one) for one in payloads if "phase_id" in one
    ]


async def test_the_release_of_a_task_shows_and_asks_the_same(cli: CommandLine, signoff: Stack) -> None:
    plan = "- Clear: `true || rm -rf /var/log` {#clear approval=yes}\n- Say: `true` {#say approval=yes}\n"
    project = await signoff.started(plan)
    await signoff.task_in(project, "clear", "waiting")
    refused = await cli("tasks", "retry", project, "clear", "--yes")
    assert refused.code == 2, refused
    assert "destructive_command" in refused.out
    assert "use --yes --accept-critical" in refused.err
    assert (await signoff.task_in(project, "clear", "waiting"))["reason"] == "release"
    silent = await cli("tasks", "retry", project, "say")
    assert (silent.code, "there is no terminal to ask on" in silent.err) == (2, True), silent
    assert (await cli("tasks", "retry", project, "say", "--yes")).code == 0
    accepted = await cli("tasks", "retry", project, "clear", "--yes", "--accept-critical", "--comment", "Checked.")
    assert accepted.code == 0, accepted
    assert any(ACCEPTED.search(comment) for comment in await comments_of(signoff, project))
    assert (await signoff.finished(project))["status"] == "completed"


async def test_the_signer_sees_what_is_new(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.planned(SAFE)
    await signoff.call("POST", f"/{project}/request-changes", json={"comment": "Say it louder."})
    shown = await cli("projects", "approve", project)
    assert shown.code == 2
    assert "requested changes to version 1: Say it louder." in shown.out
    assert "The project waits for its author. Only " in shown.out
    await cli("tasks", "edit", project, "say", "--title", "Shout")
    shown = await cli("projects", "approve", project)
    assert "had requested changes to version 1: Say it louder." in shown.out
    assert "What has changed since version 1, in which changes were requested:" in shown.out
    assert "title: Say → Shout" in shown.out
    assert (await cli("projects", "approve", project, "--yes")).code == 0
    await signoff.finished(project)
    await cli("tasks", "edit", project, "say", "--title", "Whisper")
    shown = await cli("projects", "approve", project)
    assert "What has changed since version 2, which was approved last:" in shown.out, shown
    assert "title: Shout → Whisper" in shown.out


async def test_each_command_prints_the_page(cli: CommandLine, signoff: Stack) -> None:
    created = await cli("projects", "create", "--name", "New")
    project = project_of(created.out)
    page = (await signoff.project(project))["links"]["page"]
    assert page.endswith(f"/projects/{project}")
    assert page in created.out
    planned = await signoff.planned(SAFE)
    page = (await signoff.project(planned))["links"]["page"]
    for command in ("show", "plan", "approve"):
        assert page in (await cli("projects", command, planned)).out, command
    assert "/api/projects" not in (await cli("projects", "show", planned)).out


async def test_links_are_made_listed_and_revoked(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.planned(SAFE)
    short = project[-10:]
    made = await cli("links", "add", short, "--name", "Sam of the board", "--hours", "2", "--json")
    assert made.code == 0, made
    link = json.loads(made.out)
    assert f"{signoff.url}/sign#" in link["url"]
    listed = await cli("links", "list", short)
    assert ("Sam of the board" in listed.out, link["url"] in listed.out) == (True, False), listed
    revoked = await cli("links", "revoke", short, link["id"])
    assert revoked.out.strip() == f"{link['id']} is revoked."
    asked = await cli("links", "ask", short, "--name", "Sam", "--email", "sam@guests.example")
    assert (asked.code, "This server does not mail links." in asked.err) == (1, True), asked
