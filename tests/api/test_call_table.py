"""Who may ask for what, and when: every call on a real project in every situation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.api.answers import check_error
from tests.api.conftest import begin_planning
from tests.conftest import Stack

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
    return await stack.planned(PLAN)


async def _running(stack: Stack) -> str:
    project_id = await stack.started(PLAN)
    await stack.task_in(project_id, "look", "waiting")
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
    "approve": ("POST", "/approve", {}),
    "cancel": ("POST", "/cancel", {}),
    "rename": ("PUT", "", {"name": "renamed", "description": "- B: `true`"}),
    "auto": ("PUT", "", {"auto_approve_plan": True}),
    "strategy": ("PUT", "", {"strategy": "careful"}),
    "add task": ("POST", "/tasks", {"title": "Another"}),
    "delete": ("DELETE", "", None),
}
READY, OVER = "awaiting_approval", "finished"
# A string is the code of a 409; a pair is status and stage after a call that was allowed; None is a project that is gone.
Outcome = str | tuple[str, str] | None
Row = dict[str, Outcome]


def finished(status: str) -> Row:
    return {
        "generate": "plan_exists", "regenerate": ("pending", READY), "approve": "not_pending",
        "cancel": "already_finished", "rename": (status, OVER), "auto": (status, OVER), "strategy": ("pending", READY),
        "add task": ("pending", READY), "delete": None,
    }  # fmt: skip


def planning(status: str, after_cancel: tuple[str, str]) -> Row:
    stays = (status, "planning")
    return {
        "generate": "plan_not_ready", "regenerate": "plan_not_ready", "approve": "plan_not_ready",
        "cancel": after_cancel, "rename": stays, "auto": stays, "strategy": "plan_not_ready",
        "add task": "plan_not_ready", "delete": None,
    }  # fmt: skip


DRAFT, PLANNED, RUNNING = ("pending", "draft"), ("pending", READY), ("running", "executing")
TABLE: dict[str, tuple[Callable[[Stack], Awaitable[str]], Row]] = {
    "pending, no plan": (_draft, {
        "generate": PLANNED, "regenerate": PLANNED, "approve": "no_plan", "cancel": ("cancelled", OVER),
        "rename": DRAFT, "auto": DRAFT, "strategy": DRAFT, "add task": PLANNED, "delete": None,
    }),
    "pending, planning": (_planning, planning("pending", ("cancelled", OVER))),
    "pending, planning again": (_planning_again, planning("pending", ("cancelled", OVER))),
    "completed, planning": (_planning_after_a_run, planning("completed", ("completed", OVER))),
    "pending, plan ready": (_plan_ready, {
        "generate": "plan_exists", "regenerate": PLANNED, "approve": RUNNING, "cancel": ("cancelled", OVER),
        "rename": PLANNED, "auto": PLANNED, "strategy": PLANNED, "add task": PLANNED, "delete": None,
    }),
    "running": (_running, {
        "generate": "project_running", "regenerate": "project_running", "approve": "project_running",
        "cancel": ("cancelled", OVER), "rename": RUNNING, "auto": "project_running", "strategy": "project_running",
        "add task": "project_running", "delete": None,
    }),
    "completed": (_completed, finished("completed")),
    "failed": (_failed, finished("failed")),
    "cancelled, with a plan": (_cancelled, finished("cancelled")),
    "cancelled before any plan": (_cancelled_unplanned, {
        "generate": PLANNED, "regenerate": PLANNED, "approve": "no_plan", "cancel": "already_finished",
        "rename": ("cancelled", OVER), "auto": ("cancelled", OVER), "strategy": ("cancelled", OVER),
        "add task": PLANNED, "delete": None,
    }),
}  # fmt: skip


def _lasting(project: dict[str, Any]) -> dict[str, Any]:
    """A project without what changes by itself."""
    tasks = [task | {"duration_ms": None} for task in project["tasks"]]
    return project | {"updated_at": None, "live": None, "since": None, "tasks": tasks}


async def outcome(stack: Stack, project_id: str, call: str) -> Outcome:
    """What a call comes to, after checking that a refusal changed nothing."""
    method, path, body = CALLS[call]
    before = await stack.project(project_id)
    answer = await stack.http.request(method, f"/api/projects/{project_id}{path}", json=body)
    if answer.status_code == 409:
        code = check_error(answer)["code"]
        assert _lasting(await stack.project(project_id)) == _lasting(before), call
        return code
    assert answer.status_code in {200, 201}, f"{call}: {answer.status_code} {answer.text[:500]}"
    if (await stack.http.get(f"/api/projects/{project_id}")).status_code == 404:
        return None
    project = await stack.project(project_id)
    return project["status"], project["stage"]


@pytest.mark.parametrize("situation", TABLE)
async def test_calls_in_each_situation(patient: Stack, situation: str) -> None:
    make, expected = TABLE[situation]

    async def one(call: str) -> tuple[str, Outcome]:
        project_id = await make(patient)
        found = await outcome(patient, project_id, call)
        await patient.http.delete(f"/api/projects/{project_id}")
        return call, found

    assert dict(await asyncio.gather(*(one(call) for call in CALLS))) == expected
