"""A Signoff whose planner takes its time where it is asked to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from app.domain.plan import PlanDraft
from app.planning.outline import OutlinePlanner
from app.planning.planner import Brief
from tests.conftest import Stack, eventually, running_stack

TAKE_YOUR_TIME = "take your time"


class PatientPlanner:
    """The outline planner, but with the instructions `take your time` it never comes to an end."""

    name = "outline"

    async def plan(self, brief: Brief) -> PlanDraft:
        if brief.instructions == TAKE_YOUR_TIME:
            await asyncio.Event().wait()
        return await OutlinePlanner().plan(brief)


@pytest.fixture(scope="session")
async def patient(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    async with running_stack(temporal_server, tmp_path_factory.mktemp("patient"), worker=False) as stack:
        await stack.start_worker([PatientPlanner()])
        yield stack


async def begin_planning(stack: Stack, project_id: str, call: str = "generate-plan") -> None:
    """Have a plan made that will never be ready, on the stack `patient`."""
    body = {"instructions": TAKE_YOUR_TIME}
    await stack.call("POST", f"/{project_id}/{call}", status=202, json=body, headers={"Prefer": "wait=0"})

    async def planning() -> bool:
        return (await stack.project(project_id))["stage"] == "planning"

    await eventually(planning, what=f"{project_id} is planning")
