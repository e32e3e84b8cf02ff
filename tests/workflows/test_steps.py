"""How many steps Temporal takes for a plan and for a run's start, and what happens if a step cannot be made in place."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from activities.run_state import SHORT_OUTLINE
from tests.conftest import Stack, eventually, running_stack
from tests.workflows.test_planning import PatientPlanner
from workflows.project import ProjectWorkflow

COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
# Reading an outline of this many characters may take longer than requests to the workflow should wait.
LONG = "- A: `true`\n\n" + "x" * SHORT_OUTLINE


class Requested(NamedTuple):
    """A project whose plan is requested. `release` lets others write to the database."""

    stack: Stack
    project_id: str
    release: Callable[[], None]


async def steps(stack: Stack, project_id: str) -> list[str]:
    """The workflow tasks of a project, and the names of the activities that they have scheduled."""
    found: list[str] = []
    history = await stack.temporal.get_workflow_handle(project_id).fetch_history()
    for event in history.events:
        if event.event_type == COMPLETED:
            found.append("workflow task")
        elif event.event_type == SCHEDULED:
            found.append(event.activity_task_scheduled_event_attributes.activity_type.name)
    return found


async def check_replay(stack: Stack, project_id: str) -> None:
    history = await stack.temporal.get_workflow_handle(project_id).fetch_history()
    await Replayer(workflows=[ProjectWorkflow], data_converter=pydantic_data_converter).replay_workflow(history)


async def settled(stack: Stack, project_id: str, count: int) -> list[str]:
    async def enough() -> list[str] | None:
        found = await steps(stack, project_id)
        return found if len(found) >= count else None

    return await eventually(enough, what="the workflow task is completed")


async def test_a_plan_from_an_outline_takes_one_workflow_task(signoff: Stack) -> None:
    project_id = await signoff.planned("- A: `true`", by_workflow=True)
    assert await settled(signoff, project_id, 1) == ["workflow task"]


async def test_an_approval_takes_one_workflow_task_to_the_first_task(signoff: Stack) -> None:
    project_id = await signoff.planned("- A: `true`", by_workflow=True)
    await settled(signoff, project_id, 1)
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.finished(project_id)
    assert (await settled(signoff, project_id, 3))[:3] == ["workflow task", "workflow task", "shell"]


async def test_a_long_outline_is_read_where_a_cancel_can_stop_it(signoff: Stack) -> None:
    project_id = await signoff.planned(LONG, by_workflow=True)
    assert "make_plan" in await settled(signoff, project_id, 3)


@asynccontextmanager
async def requested_while_nobody_can_write(server: WorkflowEnvironment, folder: Path) -> AsyncGenerator[Requested]:
    """A project whose plan is requested, and a worker that cannot write to the database."""
    async with running_stack(server, folder, worker=False) as stack:
        project_id = await stack.create("- A: `true`")
        await stack.call("POST", f"/{project_id}/generate-plan", status=202)
        writing = sqlite3.connect(stack.settings.data_dir / "signoff.db", isolation_level=None)
        try:
            writing.execute("BEGIN IMMEDIATE")
            await stack.start_worker()
            yield Requested(stack, project_id, writing.close)
        finally:
            writing.close()


@pytest.mark.usefixtures("soon_recorded", "sqlite_only")
async def test_what_cannot_be_recorded_in_place_is_tried_again_as_an_activity(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with requested_while_nobody_can_write(temporal_server, tmp_path) as requested:

        async def handed_out() -> bool:
            return "decide" in await steps(requested.stack, requested.project_id)

        await eventually(handed_out, what="the decision is an activity")
        requested.release()
        await requested.stack.until(requested.project_id, stage="awaiting_approval")
        await check_replay(requested.stack, requested.project_id)


@pytest.mark.usefixtures("soon_recorded", "sqlite_only")
async def test_a_step_that_a_stopping_worker_has_given_up_is_made_by_the_next(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with requested_while_nobody_can_write(temporal_server, tmp_path) as requested:
        handle = requested.stack.temporal.get_workflow_handle(requested.project_id)

        async def begun() -> bool:
            history = await handle.fetch_history()
            return any(event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED for event in history.events)

        await eventually(begun, what="the workflow task has started")
        await requested.stack.stop_worker()
        requested.release()
        await requested.stack.start_worker()
        await requested.stack.until(requested.project_id, stage="awaiting_approval")


@pytest.mark.usefixtures("soon_recorded")
async def test_a_cancel_stops_a_plan_that_is_made_in_place(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    planner = PatientPlanner()
    async with running_stack(temporal_server, tmp_path, worker=False) as stack:
        project_id = await stack.create("- A: `true`")
        await stack.call("POST", f"/{project_id}/generate-plan", status=202)
        await stack.call("POST", f"/{project_id}/cancel", status=202)
        await stack.start_worker([planner])
        await asyncio.wait_for(planner.cancelled.wait(), 60)
        assert (await stack.finished(project_id))["status"] == "cancelled"
        assert "make_plan" not in await settled(stack, project_id, 1)
        await check_replay(stack, project_id)
