"""Approvals of plans and phases, through the API and directly through Temporal, in turn and at the same moment."""

from __future__ import annotations

import asyncio

import pytest

from app.temporal import client
from tests.conftest import Stack, eventually
from tests.databases import tries

GATED = "## One\n\n- A: `true` {#a}\n\n## Two\n\n- B: `true` {#b}\n\n## Three\n\n- C: `true` {#c}"


async def test_each_later_phase_waits_for_its_approval(signoff: Stack) -> None:
    project_id = await signoff.started(GATED, auto_approve_phases=False)
    project = await signoff.at_gate(project_id, "two")
    assert project["stage"] == "awaiting_phase_approval"
    assert [t["status"] for t in project["tasks"]] == ["completed", "pending", "pending"]
    await signoff.call("POST", f"/{project_id}/approve", status=409, json={"phase_id": project["phases"][2]["id"]})
    answer = await signoff.call("POST", f"/{project_id}/approve", json={"phase_id": project["gate"]["phase_id"]})
    assert answer["status"] == "running"
    await signoff.at_gate(project_id, "three")
    await signoff.call("POST", f"/{project_id}/approve")
    assert (await signoff.finished(project_id))["status"] == "completed"


async def test_a_gate_that_was_opened_is_not_shown_once_more(signoff: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SNAPSHOT_SECONDS", 0.0)
    project_id = await signoff.started("## One\n- `true`\n## Two {approval=yes}\n- [ ] Wait {#wait}")
    gate = (await signoff.at_gate(project_id, "two"))["gate"]

    async def told() -> bool:
        return (await signoff.temporal.get_workflow_handle(project_id).query("snapshot"))["gate"] is not None

    await eventually(told, what="the workflow tells of its gate")
    await signoff.project(project_id)
    monkeypatch.setattr(client, "SNAPSHOT_SECONDS", 60.0)
    await signoff.call("POST", f"/{project_id}/approve", json={"phase_id": gate["phase_id"]})
    # The workflow's earlier answer is still cached.
    project = await signoff.project(project_id)
    assert (project["gate"], project["stage"]) == (None, "executing")
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_approving_a_running_project_without_a_gate_is_refused(signoff: Stack) -> None:
    project_id = await signoff.started("- [ ] Wait {#wait}")
    await signoff.task_in(project_id, "wait", "waiting")
    refused = await signoff.call("POST", f"/{project_id}/approve", status=409)
    assert refused["code"] == "project_running"
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_a_superseded_plan_cannot_be_approved(signoff: Stack) -> None:
    project_id = await signoff.planned("- A: `true`")
    old = await signoff.call("GET", f"/{project_id}/plan")
    await signoff.call("POST", f"/{project_id}/regenerate-plan")
    new = await signoff.call("GET", f"/{project_id}/plan")
    assert new["version"] == old["version"] + 1
    refused = await signoff.call("POST", f"/{project_id}/approve", status=409, json={"plan_version": old["version"]})
    assert refused["code"] == "plan_superseded"
    assert refused["context"] == {"plan_version": new["version"], "plan_digest": new["digest"]}
    assert (await signoff.project(project_id))["status"] == "pending"


async def test_of_twenty_approves_one_wins(signoff: Stack) -> None:
    for plan_by_hand in (False, True):
        project_id = await signoff.create("- A: `true`")
        if plan_by_hand:
            body = {"title": "A", "action": {"type": "shell", "command": "true"}}
            await signoff.call("POST", f"/{project_id}/tasks", status=201, json=body)
        else:
            await signoff.call("POST", f"/{project_id}/generate-plan")
        path = f"/api/projects/{project_id}/approve"
        answers = await asyncio.gather(*(signoff.http.post(path) for _ in range(20)))
        # 202: not decided within 5 s, on a busy machine. The record has the outcome.
        codes = [answer.status_code for answer in answers]
        assert set(codes) <= {200, 202, 409}
        assert codes.count(200) <= 1
        await signoff.finished(project_id)
        runs = [run async for run in signoff.temporal.list_workflows(f"WorkflowId = '{project_id}'")]
        assert len(runs) == 1
        types = [event["type"] for event in await signoff.events(project_id)]
        assert types.count("run.started") == 1


async def test_approve_against_cancel_always_agrees_with_the_end(signoff: Stack) -> None:
    async def race(number: int) -> tuple[int, int, str]:
        project_id = await signoff.planned("- A: `sleep 0.2`")
        calls = [
            signoff.http.post(f"/api/projects/{project_id}/approve"),
            signoff.http.post(f"/api/projects/{project_id}/cancel"),
        ]
        if number % 2:
            approve, cancel = await asyncio.gather(*calls)
        else:
            cancel, approve = await asyncio.gather(*reversed(calls))
        project = await signoff.finished(project_id)
        return approve.status_code, cancel.status_code, project["status"]

    for _ in range(tries(1, 2)):
        for result in await asyncio.gather(*(race(number) for number in range(8))):
            assert result in {
                (200, 200, "cancelled"),  # approved, then cancelled
                (409, 200, "cancelled"),  # cancelled before it was approved
                (200, 409, "completed"),  # finished before the cancel came
            }, result


async def test_signals_sent_by_hand_follow_the_same_rules(signoff_by_hand: Stack) -> None:
    project_id = await signoff_by_hand.planned("- [ ] Wait {#wait}")
    handle = signoff_by_hand.temporal.get_workflow_handle(project_id)
    await handle.signal("approve", {"plan_version": 99})
    await handle.signal("approve", "nonsense")
    await handle.signal("approve")
    task = await signoff_by_hand.task_in(project_id, "wait", "waiting")
    await handle.signal("plan")
    await handle.signal("answer", {"task": "wait", "outputs": {"by": "hand"}})
    project = await signoff_by_hand.finished(project_id)
    assert project["status"] == "completed"
    assert project["tasks"][0]["outputs"] == {"by": "hand"}
    events = await signoff_by_hand.events(project_id)
    approved = [event for event in events if event["type"] == "plan.approved"]
    assert [event["actor"] for event in approved] == ["temporal (unauthenticated)"]
    assert task["status"] == "waiting"
