"""Edits of a run to which a person says no: the run continues with the plan that was approved."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.conftest import Stack, eventually
from tests.workflows.test_live_edits import HOLD, alterations, approve, release, shell

PLAN = f"1. Hold: `{HOLD}` {{#hold}}\n2. Next: `echo signed >> ran` {{#next}}\n\n## Two\n\n- Last: `echo last >> ran`"


async def edit(signoff: Stack, project_id: str, command: str = "echo changed >> ran") -> dict[str, Any]:
    """Change a task that has not started. Returns the plan that waits."""
    changed = {"action": {"type": "shell", "command": command}}
    await signoff.call("PUT", f"/{project_id}/tasks/next", json=changed)
    return await signoff.call("GET", f"/{project_id}/plan")


async def discard(signoff: Stack, project_id: str, plan: dict[str, Any], status: int = 200, **fields: Any) -> Any:
    body = {"plan_version": plan["version"], "plan_digest": plan["digest"], **fields}
    return await signoff.call("POST", f"/{project_id}/discard-edit", status=status, json=body)


async def held(signoff: Stack) -> str:
    project_id = await signoff.started(PLAN)
    await signoff.task_in(project_id, "hold", "running")
    return project_id


async def test_a_run_continues_with_its_approved_plan_once_an_edit_is_discarded(signoff: Stack) -> None:
    project_id = await held(signoff)
    before = await signoff.project(project_id)
    waiting = await edit(signoff, project_id)
    release(before)
    await signoff.task_in(project_id, "hold", "completed")
    answer = await discard(signoff, project_id, waiting, comment="Not this week.")
    assert (answer["status"], answer["stage"]) == ("running", "executing")
    project = await signoff.finished(project_id)
    assert (project["status"], project["edited_plan"]) == ("completed", None), project["failure"]
    assert project["plan"]["version"] == before["plan"]["version"]
    assert (Path(project["workspace"]) / "ran").read_text().split() == ["signed", "last"]

    # What was edited stays in the record, with who discarded it and why.
    versions = (await signoff.call("GET", f"/{project_id}/plans"))["plans"]
    assert [(one["version"], one["status"]) for one in versions] == [(2, "discarded"), (1, "approved")]
    kept = await signoff.call("GET", f"/{project_id}/plan", params={"version": 2})
    assert "echo changed >> ran" in str(kept)
    decisions = (await signoff.call("GET", f"/{project_id}/decisions"))["decisions"]
    (made,) = [one for one in decisions if one["kind"] == "discard"]
    assert (made["status"], made["plan_version"], made["comment"]) == ("accepted", 2, "Not this week.")
    (told,) = [event for event in await signoff.events(project_id) if event["type"] == "plan.discarded"]
    assert (
        told["data"] | {"plan_version": 2, "plan_digest": waiting["digest"], "comment": "Not this week."}
        == told["data"]
    )
    assert (told["actor"], told["data"]["decision_id"]) == (made["actor"], made["id"])
    assert await alterations(signoff, project_id) == []


async def test_all_edits_that_wait_are_discarded_and_the_next_edit_begins_from_the_approved_plan(
    signoff: Stack,
) -> None:
    project_id = await held(signoff)
    await edit(signoff, project_id)
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json=shell("Gone", "echo gone >> ran"))
    await discard(signoff, project_id, await signoff.call("GET", f"/{project_id}/plan"))
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json=shell("Added", "echo added >> ran"))
    read = await approve(signoff, project_id)
    assert "gone" not in str(read)
    assert "echo changed" not in str(read)
    release(await signoff.project(project_id))
    project = await signoff.finished(project_id)
    assert (Path(project["workspace"]) / "ran").read_text().split()[0] == "signed"
    assert {task["key"]: task["status"] for task in project["tasks"]}["added"] == "completed"
    versions = (await signoff.call("GET", f"/{project_id}/plans"))["plans"]
    assert [one["status"] for one in versions] == ["approved", "discarded", "superseded", "superseded"]
    assert await alterations(signoff, project_id) == []


async def test_only_the_edit_that_was_read_is_discarded(signoff: Stack) -> None:
    project_id = await held(signoff)
    first = await edit(signoff, project_id)
    second = await edit(signoff, project_id, "echo other >> ran")
    refused = await discard(signoff, project_id, first, status=409)
    assert (refused["code"], refused["context"]["plan_version"]) == ("plan_superseded", second["version"])
    stale = {"If-Match": f'"{first["digest"]}"'}
    await signoff.call("POST", f"/{project_id}/discard-edit", status=412, json={}, headers=stale)
    assert (await signoff.project(project_id))["edited_plan"]["version"] == second["version"]
    # Without a version, it is the one that waits when the request arrives.
    await signoff.call("POST", f"/{project_id}/discard-edit", json={})
    refused = await signoff.call("POST", f"/{project_id}/discard-edit", status=409, json={})
    assert refused["code"] == "no_edit_waiting"
    release(await signoff.project(project_id))
    assert (await signoff.finished(project_id))["status"] == "completed"
    refused = await signoff.call("POST", f"/{project_id}/discard-edit", status=409, json={})
    assert refused["code"] == "no_edit_waiting"
    assert await alterations(signoff, project_id) == []


async def test_of_an_approval_and_a_discard_at_once_one_wins(signoff: Stack) -> None:
    project_id = await held(signoff)
    plan = await edit(signoff, project_id)
    read = {"plan_version": plan["version"], "plan_digest": plan["digest"]}
    calls = [signoff.http.post(f"/api/projects/{project_id}/{call}", json=read) for call in ("approve", "discard-edit")]
    approved, discarded = [answer.status_code == 200 for answer in await asyncio.gather(*calls)]
    assert approved != discarded
    release(await signoff.project(project_id))
    project = await signoff.finished(project_id)
    ran = (Path(project["workspace"]) / "ran").read_text().split()
    assert ran == ["changed" if approved else "signed", "last"]
    assert await alterations(signoff, project_id) == []


async def test_a_run_that_only_the_edit_kept_open_ends_once_it_is_discarded(signoff: Stack) -> None:
    project_id = await signoff.started(f"- Hold: `{HOLD}` {{#hold}}")
    await signoff.task_in(project_id, "hold", "running")
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json=shell("Added", "touch added"))
    release(await signoff.project(project_id))
    await signoff.task_in(project_id, "hold", "completed")
    await signoff.call("POST", f"/{project_id}/discard-edit", json={})
    project = await signoff.finished(project_id)
    assert (project["status"], [task["key"] for task in project["tasks"]]) == ("completed", ["hold"])
    assert not (Path(project["workspace"]) / "added").exists()


async def test_a_discarded_correction_leaves_the_failed_task_waiting(signoff: Stack) -> None:
    project_id = await signoff.started("- Bad: `[ -e fixed ]` {#bad after_failure=ask}")
    asked = await signoff.question(project_id)
    await signoff.call("PUT", f"/{project_id}/tasks/bad", json={"action": {"type": "shell", "command": "true"}})
    await signoff.call("POST", f"/{project_id}/discard-edit", json={})
    project = await signoff.project(project_id)
    assert project["stage"] == "awaiting_decision"
    (Path(project["workspace"]) / "fixed").touch()
    await signoff.call("POST", f"/{project_id}/decisions/{asked['id']}", json={"answer": "retry"})
    assert (await signoff.finished(project_id))["status"] == "completed"


async def test_a_discard_sent_by_hand_is_decided_alike(signoff_by_hand: Stack) -> None:
    project_id = await signoff_by_hand.started("- [ ] Ask {#ask}")
    await signoff_by_hand.task_in(project_id, "ask", "waiting")
    await signoff_by_hand.call("POST", f"/{project_id}/tasks", status=201, json=shell("Added", "touch added"))
    handle = signoff_by_hand.temporal.get_workflow_handle(project_id)
    await handle.signal("discard", {"plan_version": 2, "comment": "no"})
    await signoff_by_hand.until(project_id, stage="executing")
    await handle.signal("discard", {})

    async def refused() -> bool:
        listed = await signoff_by_hand.call("GET", f"/{project_id}/decisions?status=refused")
        return [one["kind"] for one in listed["decisions"]] == ["discard"]

    await eventually(refused, what="the other is refused: no edit waits any more")
    await signoff_by_hand.call("POST", f"/{project_id}/cancel")
