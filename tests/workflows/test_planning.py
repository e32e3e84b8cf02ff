"""Planning: what makes it fail, and what interrupts it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from activities.run_state import SHORT_OUTLINE
from app.domain.plan import PlanDraft
from app.planning.outline import OutlinePlanner
from app.planning.planner import Brief
from app.temporal import commands
from tests.conftest import Stack, running_stack


class PatientPlanner:
    """The outline planner, but it waits until it is told to plan."""

    name = "outline"

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def plan(self, brief: Brief) -> PlanDraft:
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return await OutlinePlanner().plan(brief)


async def test_who_prefers_to_wait_waits_for_a_late_decision_too(
    temporal_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "DECISION_SECONDS", 0.1)
    async with running_stack(temporal_server, tmp_path, worker=False) as stack:
        project_id = await stack.create("- A: `true`")
        path, wait = f"/{project_id}/generate-plan", {"Prefer": "wait=60"}
        waiting = asyncio.create_task(stack.call("POST", path, headers=wait))
        done, _ = await asyncio.wait([waiting], timeout=1)
        assert not done
        await stack.start_worker()
        assert (await waiting)["status"] == "ready"


async def test_cancel_interrupts_the_planner(temporal_server, tmp_path: Path) -> None:
    planner = PatientPlanner()
    # Only a long outline may take a while.
    outline = "- A: `true`\n\n" + "x" * SHORT_OUTLINE
    async with running_stack(temporal_server, tmp_path, worker=False) as stack:
        await stack.start_worker([planner])
        project_id = await stack.create(outline)
        recorded = await stack.call("POST", f"/{project_id}/generate-plan", status=202, headers={"Prefer": "wait=0"})
        assert recorded["recorded"] is True
        await stack.until(project_id, stage="planning")
        for call in ("generate-plan", "regenerate-plan", "approve"):
            assert (await stack.call("POST", f"/{project_id}/{call}", status=409))["code"] == "plan_not_ready"
        answer = await stack.call("POST", f"/{project_id}/cancel")
        assert answer["status"] == "cancelled"
        await asyncio.wait_for(planner.cancelled.wait(), 10)
        project = await stack.project(project_id)
        assert (project["status"], project["stage"], project["plan"]) == ("cancelled", "finished", None)
        # Cancelled before there was a plan. A new plan makes the project pending again.
        planner.go.set()
        await stack.call("POST", f"/{project_id}/generate-plan")
        assert (await stack.project(project_id))["status"] == "pending"


async def test_a_failed_planning_leaves_the_project_as_it_was(signoff: Stack) -> None:
    project_id = await signoff.planned("- A: `true` {#a}")
    before = await signoff.project(project_id)
    await signoff.call(
        "PUT", f"/{project_id}", json={"description": "- A: `true` {#a after=zzz}\n- B: `true` {#b after=yyy}"}
    )
    refused = await signoff.call("POST", f"/{project_id}/regenerate-plan", status=422)
    assert len(refused["details"]) >= 2
    project = await signoff.project(project_id)
    assert (project["status"], project["stage"]) == ("pending", "awaiting_approval")
    assert project["plan"] == before["plan"]
    assert project["failure"]["code"] == "plan_invalid"
    types = [event["type"] for event in await signoff.events(project_id)]
    assert types[-3:] == ["plan.returned", "plan.generating", "plan.failed"]
    await signoff.call("POST", f"/{project_id}/approve")
    assert (await signoff.finished(project_id))["status"] == "completed"


async def test_a_finished_project_is_planned_and_run_again(signoff: Stack) -> None:
    project_id = await signoff.started("- A: `echo a >> log`")
    first = await signoff.finished(project_id)
    await signoff.call("POST", f"/{project_id}/regenerate-plan")
    project = await signoff.project(project_id)
    assert (project["status"], project["plan"]["version"]) == ("pending", 2)
    await signoff.call("POST", f"/{project_id}/approve")
    second = await signoff.finished(project_id)
    assert (second["status"], second["run"]["number"]) == ("completed", 2)
    assert second["run"]["id"] != first["run"]["id"]
    assert (Path(second["workspace"]) / "log").read_text().split() == ["a", "a"]
