"""A Signoff with a planner that never finishes, for tests that request it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from app.domain.plan import PlanDraft
from app.planning.outline import OutlinePlanner
from app.planning.planner import Brief
from tests.conftest import Stack, running_stack

# The body of a request for a plan that is never ready.
TAKE_YOUR_TIME = {"planner": "patient"}


class PatientPlanner:
    """A planner that never finishes."""

    name = "patient"

    async def plan(self, brief: Brief) -> PlanDraft:
        del brief
        await asyncio.Event().wait()
        raise AssertionError


@pytest.fixture(scope="session")
async def patient(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    async with running_stack(temporal_server, tmp_path_factory.mktemp("patient"), worker=False) as stack:
        await stack.start_worker([OutlinePlanner(), PatientPlanner()])
        yield stack


async def begin_planning(stack: Stack, project_id: str, call: str = "generate-plan") -> None:
    """Start a plan that is never ready, on the stack `patient`."""
    await stack.call("POST", f"/{project_id}/{call}", status=202, json=TAKE_YOUR_TIME, headers={"Prefer": "wait=0"})
    await stack.until(project_id, stage="planning")


async def end_planning(stack: Stack, project_id: str) -> None:
    """Stop a planner that would otherwise never finish. Projects that wait for a person cost nothing, so they stay."""
    answer = await stack.http.get(f"/api/projects/{project_id}")
    if answer.status_code == 200 and answer.json()["stage"] == "planning":
        await stack.call("DELETE", f"/{project_id}")
