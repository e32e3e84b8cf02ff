"""Which operation is allowed when: every operation on a real project in every situation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.api.answers import check_error
from tests.api.conftest import begin_planning, end_planning
from tests.conftest import Stack

# These are about what happens to a plan afterwards.
pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = "- [ ] Look {#look}"


async def _draft(stack: Stack) -> str:
    return await stack.create(PLAN)


async def _planning(stack: Stack) -> str:
    project_id = await stack.create(PLAN)
    await begin_planning(stack, project_id)
    return project_id


async def _planning_again(stack: Stack) -> str:
    project_id = await stack.planned(PLAN)
    await begin_planning(stack, project_id, "regenerate-plan")
    return project_id


async def _planning_after_a_run(stack: Stack) -> str:
    project_id = await _completed(stack)
    await begin_planning(stack, project_id, "regenerate-plan")
    return project_id


async def _plan_ready(stack: Stack) -> str:
    return await stack.planned(PLAN, by_workflow=True)


async def _plan_ready_without_workflow(stack: Stack) -> str:
    return await stack.planned(PLAN)


async def _changes_requested(stack: Stack) -> str:
    project_id = await stack.planned(PLAN)
    await stack.call("POST", f"/{project_id}/request-changes", json={"comment": "Not like this."})
    return project_id


async def _running(stack: Stack) -> str:
    project_id = await stack.started(PLAN)
    await stack.task_in(project_id, "look", "waiting")
    return project_id


async def _paused(stack: Stack) -> str:
    project_id = await _running(stack)
    await stack.call("POST", f"/{project_id}/pause")
    return project_id


async def _edited(stack: Stack) -> str:
    project_id = await _running(stack)
    await stack.call("POST", f"/{project_id}/tasks", status=201, json={"title": "Edit"})
    return project_id


async def _at_a_gate(stack: Stack) -> str:
    plan = "## One\n\n- Done {#done milestone}\n\n## Two\n\n- [ ] Look {#look}"
    project_id = await stack.started(plan, auto_approve_phases=False)
    await stack.until(project_id, stage="awaiting_phase_approval")
    return project_id


async def _asking(stack: Stack) -> str:
    project_id = await stack.started("- Look? {#look decision=yes,no}")
    await stack.until(project_id, stage="awaiting_decision")
    return project_id


async def _completed(stack: Stack) -> str:
    project_id = await stack.started("- Done {#done milestone}")
    assert (await stack.finished(project_id))["status"] == "completed"
    return project_id


async def _failed(stack: Stack) -> str:
    project_id = await stack.started("- Bad: `false`")
    assert (await stack.finished(project_id))["status"] == "failed"
    return project_id


async def _cancelled(stack: Stack) -> str:
    project_id = await stack.planned(PLAN)
    await stack.call("POST", f"/{project_id}/cancel")
    return project_id


async def _cancelled_unplanned(stack: Stack) -> str:
    project_id = await stack.create(PLAN)
    await stack.call("POST", f"/{project_id}/cancel")
    return project_id


CALLS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "generate": ("POST", "/generate-plan", {}),
    "regenerate": ("POST", "/regenerate-plan", {}),
    "refine": ("POST", "/refine-plan", {"edits": [{"op": "add_task", "title": "Another"}]}),
    "approve": ("POST", "/approve", {}),
    "cancel": ("POST", "/cancel", {}),
    "rename": ("PUT", "", {"name": "renamed", "description": "- B: `true`"}),
    "auto": ("PUT", "", {"auto_approve_plan": True}),
    "strategy": ("PUT", "", {"strategy": "careful"}),
    "add task": ("POST", "/tasks", {"title": "Another"}),
    "add phase": ("POST", "/phases", {"name": "Another"}),
    "change task": ("PUT", "/tasks/{first}", {"title": "Other"}),
    "remove task": ("DELETE", "/tasks/{first}", None),
    "pause": ("POST", "/pause", {}),
    "resume": ("POST", "/resume", {}),
    "discard": ("POST", "/discard-edit", {}),
    "request changes": ("POST", "/request-changes", {"comment": "Not like this."}),
    "reject": ("POST", "/reject", {"comment": "Not at all."}),
    "comment": ("POST", "/plan/comments", {"text": "What about Friday?"}),
    "retry": ("POST", "/retry", {}),
    "delete": ("DELETE", "", None),
}
READY, OVER = "awaiting_approval", "finished"
# A string is the code of a 409. A pair is the status and stage after an allowed call. None means that the project is deleted.
Outcome = str | tuple[str, str] | None
Row = dict[str, Outcome]
EDITS = ("add task", "add phase", "change task", "remove task")
NOT_RUNNING = {"pause": "project_not_running", "resume": "project_not_running", "discard": "no_edit_waiting"}
DRAFT, PLANNED, RUNNING = ("pending", "draft"), ("pending", READY), ("running", "executing")
CANCELLED = ("cancelled", OVER)
CHANGES = ("pending", "changes_requested")
NO_TASK = "task_not_found"


def edits(outcome: Outcome, **others: Outcome) -> Row:
    return {**dict.fromkeys(EDITS, outcome), **{name.replace("_", " "): value for name, value in others.items()}}


def finished(status: str, retry: Outcome) -> Row:
    return {
        "generate": "plan_exists",
        "regenerate": PLANNED,
        "refine": PLANNED,
        "approve": "not_pending",
        "cancel": "already_finished",
        "rename": (status, OVER),
        "auto": (status, OVER),
        "strategy": PLANNED,
        **edits(PLANNED),
        **NOT_RUNNING,
        "request changes": "plan_not_waiting",
        "reject": "plan_not_waiting",
        "comment": (status, OVER),
        "retry": retry,
        "delete": None,
    }


def planning(status: str, after_cancel: tuple[str, str], **others: Outcome) -> Row:
    stays, refused = (status, "planning"), "plan_not_ready"
    return {
        "generate": refused,
        "regenerate": refused,
        "refine": refused,
        "approve": refused,
        "cancel": after_cancel,
        "rename": stays,
        "auto": stays,
        "strategy": refused,
        **edits(refused, **others),
        **NOT_RUNNING,
        "request changes": refused,
        "reject": refused,
        "comment": stays,
        "retry": refused,
        "delete": None,
    }


def running(stage: str, **others: Outcome) -> Row:
    stays, refused = ("running", stage), "project_running"
    # An edit waits for its approval. A pause is shown first.
    edited = stays if stage == "paused" else ("running", READY)
    row = {
        "generate": refused,
        "regenerate": refused,
        "refine": refused,
        "approve": refused,
        "cancel": CANCELLED,
        "rename": stays,
        "auto": refused,
        "strategy": refused,
        **edits(edited, change_task="task_started", remove_task="plan_invalid"),
        "pause": ("running", "paused"),
        "resume": "not_paused",
        "discard": "no_edit_waiting",
        "request changes": "plan_not_waiting",
        "reject": "plan_not_waiting",
        "comment": stays,
        "retry": refused,
        "delete": None,
    }
    return row | {name.replace("_", " "): value for name, value in others.items()}


PLAN_READY: Row = {
    "generate": "plan_exists",
    "regenerate": PLANNED,
    "refine": PLANNED,
    "approve": RUNNING,
    "cancel": CANCELLED,
    "rename": PLANNED,
    "auto": PLANNED,
    "strategy": PLANNED,
    **edits(PLANNED),
    **NOT_RUNNING,
    "request changes": CHANGES,
    "reject": CANCELLED,
    "comment": PLANNED,
    "retry": "not_finished",
    "delete": None,
}
TABLE: dict[str, tuple[Callable[[Stack], Awaitable[str]], Row]] = {
    "pending, no plan": (
        _draft,
        {
            "generate": PLANNED,
            "regenerate": PLANNED,
            "refine": "no_plan",
            "approve": "no_plan",
            "cancel": CANCELLED,
            "rename": DRAFT,
            "auto": DRAFT,
            "strategy": DRAFT,
            **edits(PLANNED, change_task=NO_TASK, remove_task=NO_TASK),
            **NOT_RUNNING,
            "request changes": "no_plan",
            "reject": "no_plan",
            "comment": "no_plan",
            "retry": "no_plan",
            "delete": None,
        },
    ),
    "pending, planning": (
        _planning,
        planning("pending", CANCELLED, change_task=NO_TASK, remove_task=NO_TASK) | {"comment": "no_plan"},
    ),
    "pending, planning again": (_planning_again, planning("pending", CANCELLED)),
    "completed, planning": (_planning_after_a_run, planning("completed", ("completed", OVER))),
    "pending, plan ready": (_plan_ready, PLAN_READY),
    # The app decides, as it does for a copy. Where a workflow has planned, it is open and decides.
    "pending, plan ready, no workflow": (_plan_ready_without_workflow, PLAN_READY),
    "pending, changes requested": (
        _changes_requested,
        {
            "generate": "plan_exists",
            "regenerate": PLANNED,
            "refine": PLANNED,
            # Whoever requested the changes approves the version after all.
            "approve": RUNNING,
            "cancel": CANCELLED,
            "rename": CHANGES,
            "auto": CHANGES,
            "strategy": PLANNED,
            **edits(PLANNED),
            **NOT_RUNNING,
            "request changes": "changes_requested",
            "reject": CANCELLED,
            "comment": CHANGES,
            "retry": "not_finished",
            "delete": None,
        },
    ),
    "running": (_running, running("executing")),
    "running, paused": (_paused, running("paused", pause="already_paused", resume=RUNNING)),
    "running, edited": (_edited, running(READY, approve=RUNNING, discard=RUNNING, remove_task="task_started")),
    "running, at a gate": (
        _at_a_gate,
        running(
            "awaiting_phase_approval",
            approve=RUNNING,
            change_task="phase_finished",
            remove_task="phase_finished",
        ),
    ),
    "running, asking": (_asking, running("awaiting_decision")),
    "completed": (_completed, finished("completed", ("completed", OVER))),
    "failed": (_failed, finished("failed", ("failed", OVER))),
    "cancelled, with a plan": (_cancelled, finished("cancelled", "plan_superseded")),
    "cancelled before any plan": (
        _cancelled_unplanned,
        {
            "generate": PLANNED,
            "regenerate": PLANNED,
            "refine": "no_plan",
            "approve": "no_plan",
            "cancel": "already_finished",
            "rename": CANCELLED,
            "auto": CANCELLED,
            "strategy": CANCELLED,
            **edits(PLANNED, change_task=NO_TASK, remove_task=NO_TASK),
            **NOT_RUNNING,
            "request changes": "no_plan",
            "reject": "no_plan",
            "comment": "no_plan",
            "retry": "no_plan",
            "delete": None,
        },
    ),
}


def _lasting(project: dict[str, Any]) -> dict[str, Any]:
    """A project without the fields that change automatically."""
    tasks = [task | {"duration_ms": None} for task in project["tasks"]]
    return project | {"updated_at": None, "last_seq": None, "live": None, "since": None, "tasks": tasks}


async def outcome(stack: Stack, project_id: str, call: str) -> Outcome:
    """The outcome of a call, after checking that a refusal changed nothing."""
    method, path, body = CALLS[call]
    before = await stack.project(project_id)
    first = before["tasks"][0]["id"] if before["tasks"] else "nothing"
    answer = await stack.http.request(method, f"/api/projects/{project_id}{path.format(first=first)}", json=body)
    if answer.status_code >= 400:
        refusal = check_error(answer)
        assert (answer.status_code, refusal["code"]) in REFUSALS or answer.status_code == 409, refusal
        assert _lasting(await stack.project(project_id)) == _lasting(before), call
        return refusal["code"]
    assert answer.status_code in {200, 201}, f"{call}: {answer.status_code} {answer.text[:500]}"
    if (await stack.http.get(f"/api/projects/{project_id}")).status_code == 404:
        return None
    if call == "retry":
        # The run that it starts may have finished before it can be inspected.
        project = await stack.finished(project_id)
    else:
        project = await stack.project(project_id)
    return project["status"], project["stage"]


# Besides the 409s in the table: a task or a plan that does not exist, and a plan that would be empty.
REFUSALS = {(404, NO_TASK), (404, "no_plan"), (422, "plan_invalid")}


@pytest.mark.parametrize("situation", TABLE)
async def test_calls_in_each_situation(patient: Stack, situation: str) -> None:
    make, expected = TABLE[situation]

    async def in_turn(*calls: str) -> dict[str, Outcome]:
        project_id = await make(patient)
        found = {call: await outcome(patient, project_id, call) for call in calls}
        await end_planning(patient, project_id)
        return found

    assert set(expected) == set(CALLS)
    # A refusal changes nothing, so all of them can be made on one project.
    refusals = [call for call in CALLS if isinstance(expected[call], str)]
    allowed = [call for call in CALLS if call not in refusals]
    found = await asyncio.gather(in_turn(*refusals), *(in_turn(call) for call in allowed))
    assert {call: result for part in found for call, result in part.items()} == expected
