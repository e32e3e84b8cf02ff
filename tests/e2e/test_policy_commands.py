"""Who must sign is listed, tested and shown on the command line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from app.domain.policies import Policies
from tests.conftest import Stack, running_stack
from tests.e2e.command_line import CommandLine
from tests.e2e.test_people_commands import KEY, command_line
from tests.signers import people_of

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

POLICIES = {
    "policy": [
        {
            "name": "Production changes",
            "match": {"labels": ["production"]},
            "approvals": 2,
            "from": ["role:approver", "key:first", "key:second", "person:nobody"],
            "four_eyes": True,
            "expires": "3d",
        },
        {"name": "Critical commands", "match": {"critical": True}, "from": ["role:admin"]},
    ]
}
WORDS = (
    "Production changes: two from among the key first, the key second, nobody and people with the role approver, "
    "not the author, within 3 days."
)


@pytest.fixture
async def locked(temporal_server: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[Stack]:
    policies = Policies.model_validate(POLICIES)
    async with running_stack(temporal_server, tmp_path, api_key=KEY, signoff=policies) as stack:
        stack.http.headers.update({"Authorization": f"Bearer {KEY}"})
        yield stack


async def test_policies_are_listed_and_tested(locked: Stack, tmp_path: Path) -> None:
    cli = command_line(locked, tmp_path)
    listed = json.loads((await cli("policy", "list", "--json")).out)
    assert [(row["about"], row["demands"], row["unknown"]) for row in listed["policies"]] == [
        ("documents with the label production", WORDS, ["key:first", "key:second", "person:nobody"]),
        ("documents with a critical finding", "Critical commands: anybody with the role admin.", []),
    ]
    assert "person:nobody does not exist" in " ".join((await cli("policy", "list")).out.split())
    plan = tmp_path / "plan.md"
    plan.write_text("- Clean: `rm -rf /` {#clean}\n")
    tested = await cli("policy", "test", str(plan), "--label", "production")
    assert (tested.code, tested.out) == (0, f"{WORDS}\nCritical commands: anybody with the role admin.\n"), tested
    plan.write_text("- Say: `echo hi`\n")
    none = await cli("policy", "test", str(plan))
    assert (none.code, none.out.startswith("No policy matches.")) == (0, True), none
    plan.write_text("- [ ] A {#a}\n- [ ] B {#a}\n")
    assert (await cli("policy", "test", str(plan))).code == 1


async def test_an_approval_that_is_not_the_last_says_who_is_missing(locked: Stack, tmp_path: Path) -> None:
    keys: list[CommandLine] = []
    for name in ("first", "second"):
        made = await locked.http.post("/api/keys", json={"name": name, "roles": [{"role": "approver"}]})
        keys.append(command_line(locked, tmp_path, made.json()["key"]))
    async with people_of(locked, dana=["author", "approver"]) as people:
        project_id = await people["dana"].planned("- A: `true`", labels=["production"])
    shown = await keys[0]("projects", "show", project_id)
    assert WORDS in " ".join(shown.out.split()), shown
    first = await keys[0]("projects", "approve", project_id, "--yes")
    assert (first.code, "Your approval is recorded: 1 of 2. It needs one more approval from" in first.out) == (
        0,
        True,
    ), first
    again = await keys[0]("projects", "approve", project_id, "--yes")
    assert (again.code, "first has already approved this" in again.err) == (1, True), again
    assert "has already approved" not in again.out, again
    audited = await keys[0]("projects", "audit", project_id)
    assert "the record is intact" in audited.out, audited
    second = await keys[1]("projects", "approve", project_id, "--yes")
    assert (second.code, "first approved at" in second.out, "Approved. To watch" in second.out) == (0, True, True), (
        second
    )
    assert (await locked.finished(project_id))["status"] == "completed"


async def test_the_servers_key_is_called_so(locked: Stack, tmp_path: Path) -> None:
    """The record calls it `admin`, which is the name of no person."""
    cli = command_line(locked, tmp_path)
    async with people_of(locked, dana=["author"]) as people:
        project_id = await people["dana"].planned("- A: `true`", labels=["production"])
    assert (await cli("projects", "approve", project_id, "--yes")).code == 0
    shown = " ".join((await cli("projects", "show", project_id)).out.split())
    assert "server key approved at" in shown, shown
    assert "server key has already approved this" in shown, shown


async def test_a_refusal_that_roles_do_not_explain_has_no_advice_about_roles(locked: Stack, tmp_path: Path) -> None:
    made = await locked.http.post("/api/keys", json={"name": "third", "roles": [{"role": "approver"}]})
    third = command_line(locked, tmp_path, made.json()["key"])
    async with people_of(locked, dana=["author"]) as people:
        project_id = await people["dana"].planned("- A: `rm -rf /nowhere || true`", labels=["production"])
    refused = await third("projects", "approve", project_id, "--yes", "--accept-critical")
    assert (refused.code, "is not one of those who must approve this" in refused.err) == (1, True), refused
    assert "whoami" not in refused.err


async def test_an_approval_that_can_still_be_undone_is_not_asked_for(locked: Stack, tmp_path: Path) -> None:
    cli = command_line(locked, tmp_path)
    plan = "## One\n\n- A: `true` {#a}\n\n## Two {approval=yes}\n\n- B: `true` {#b}\n"
    project_id = await locked.planned(plan, signing={"undo": "5m"})
    async with cli.terminal("projects", "watch", project_id) as terminal:
        await terminal.seen("The plan waits for approval")
        approved = await cli("projects", "approve", project_id, "--yes")
        assert (approved.code, "Your approval takes effect at" in approved.out) == (0, True), approved
        await terminal.seen("The plan is approved. That takes effect at")
        shown = " ".join((await cli("projects", "show", project_id)).out.split())
        assert "stage awaiting approval (approved; takes effect at" in shown
        assert "All approvals are there. The last one takes effect at" in shown
        rows = " ".join((await cli("projects", "list")).out.split())
        assert "approved; takes effect at" in rows
        assert (await cli("projects", "undo", project_id)).code == 0
        await terminal.seen("The plan waits for approval")
    assert "waits for approval" in " ".join((await cli("projects", "list")).out.split())


async def test_a_project_demands_more_but_not_less(locked: Stack, tmp_path: Path) -> None:
    cli = command_line(locked, tmp_path)
    made = json.loads((await cli("projects", "create", "--approvals", "2", "--four-eyes", "--json")).out)
    assert made["signing"] == {"approvals": 2, "four_eyes": True, "expires": None, "undo": None}
    changed = json.loads((await cli("projects", "update", made["id"], "--approve-within", "1d", "--json")).out)
    assert changed["signing"] == {"approvals": 2, "four_eyes": True, "expires": "1d", "undo": None}
    wrong = await cli("projects", "update", made["id"], "--approve-within", "soon")
    assert (wrong.code, "write 30m, 12h, 3d or 2w" in wrong.err) == (1, True), wrong
    async with people_of(locked, dana=["author"]) as people:
        looser = await people["dana"].call("PUT", f"/{made['id']}", status=403, json={"signing": None})
        assert looser["code"] == "role_needed"
        stricter = {"signing": {"approvals": 3, "four_eyes": True, "expires": "1h", "undo": None}}
        assert (await people["dana"].call("PUT", f"/{made['id']}", json=stricter))["signing"] == stricter["signing"]
