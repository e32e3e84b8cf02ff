"""A workflow whose task keeps failing is reported everywhere, and can be cancelled and deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio import workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from app.cli.doctor import examine
from app.commands.handlers import HANDLERS
from app.domain.commands import CommandKind, CommandRequest
from app.storage import decisions
from app.temporal.client import Engine
from app.temporal.lost import reconcile_lost_runs
from tests.conftest import Stack, eventually, running_stack
from tests.processes import with_environment
from workflows.contracts import ProjectInput, ProjectResult

FAILURE = "this version cannot carry on what another began"


@workflow.defn(name="ProjectWorkflow")
class BrokenWorkflow:
    """What a bad deployment does to every run."""

    @workflow.run
    async def run(self, start: ProjectInput) -> ProjectResult:
        raise RuntimeError(FAILURE)


@dataclass
class Failing:
    """A Signoff with projects whose workflow tasks keep failing. Each is for one test.

    Attributes:
        stack: the Signoff.
        broken: the worker that makes them fail.
        asking: one whose first task waits for a person.
        deleted: another, which its test deletes.
        recorded: another, whose cancel is recorded.
        planned: one whose plan waits for approval.
    """

    stack: Stack
    broken: AsyncExitStack
    asking: str
    deleted: str
    recorded: str
    planned: str

    async def repaired(self) -> None:
        """Replace the broken worker."""
        await self.broken.aclose()
        await self.stack.start_worker()


async def asks(stack: Stack, plan: str) -> str:
    project_id = await stack.started(plan)
    await stack.task_in(project_id, "a", "waiting")
    return project_id


async def blocked(stack: Stack, project_id: str) -> dict[str, Any]:
    project = await stack.until(project_id, lambda project: project["blocked"], seconds=60)
    return project["blocked"]


@pytest.fixture(scope="module")
async def failing(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Failing]:
    """All of them fail at once: Temporal says so of a workflow only after ten seconds."""
    async with running_stack(temporal_server, tmp_path_factory.mktemp("failing")) as stack:
        asking = await asks(stack, "- [ ] Ask {#a}\n- B: `true` {#b after=a}")
        deleted, recorded = [await asks(stack, "- [ ] Ask {#a}") for _ in range(2)]
        planned = await stack.planned("- A: `true` {#a}")
        await stack.stop_worker()
        worker = Worker(
            stack.temporal,
            task_queue=stack.settings.task_queue,
            workflows=[BrokenWorkflow],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with AsyncExitStack() as broken:
            await broken.enter_async_context(worker)
            for project_id in (asking, deleted, recorded, planned):
                await stack.temporal.get_workflow_handle(project_id).signal("pause")
            for project_id in (asking, deleted, recorded, planned):
                await blocked(stack, project_id)
            yield Failing(stack, broken, asking, deleted, recorded, planned)


async def test_it_can_be_deleted(failing: Failing) -> None:
    stack, project_id = failing.stack, failing.deleted
    assert await stack.call("DELETE", f"/{project_id}") == {"deleted": True, "deleting": False, "id": project_id}
    await stack.call("GET", f"/{project_id}", status=404)


async def test_a_plan_that_waits_can_be_cancelled(failing: Failing) -> None:
    stack, project_id = failing.stack, failing.planned
    assert (await blocked(stack, project_id))["code"] == "workflow_task_failing"
    assert (await stack.call("POST", f"/{project_id}/cancel"))["status"] == "cancelled"
    assert not with_environment("SIGNOFF_PROJECT_ID", project_id)


async def test_a_cancel_that_was_recorded_is_carried_out_though_the_app_ended_in_between(failing: Failing) -> None:
    """The cancel is recorded, but the workflow was not terminated. The next check completes the cancel."""
    stack, project_id = failing.stack, failing.recorded
    request = CommandRequest(project_id=project_id, request_id="r", kind=CommandKind.CANCEL, actor="ann")
    await stack.database.transact(lambda conn: decisions.decide(conn, request, HANDLERS[request.kind]))
    await reconcile_lost_runs(stack.database, Engine(stack.settings, stack.temporal), project_id)
    assert (await stack.project(project_id))["status"] == "cancelled"


# The last of these tests: its end has a worker of this version again.
async def test_it_is_said_everywhere_and_a_cancel_ends_it(failing: Failing) -> None:
    stack, project_id = failing.stack, failing.asking
    told = await blocked(stack, project_id)
    assert told["code"] == "workflow_task_failing"
    assert FAILURE in told["message"]
    project = await stack.project(project_id)
    assert (project["status"], project["live"]) == ("running", False)

    async def listed() -> bool:
        rows = (await stack.call("GET", ""))["projects"]
        return [row["blocked"] for row in rows if row["id"] == project_id] == ["workflow_task_failing"]

    await eventually(listed, what="the list says it", seconds=60)
    ready = await stack.http.get("/ready")
    assert ready.status_code == 200
    assert project_id in ready.json()["checks"]["failing_runs"]
    findings = [finding for finding in await examine(stack.settings) if finding.part == "runs"]
    assert [project_id in finding.found for finding in findings] == [True]
    answer = await stack.call("POST", f"/{project_id}/cancel", json={"reason": "stuck"})
    assert answer["status"] == "cancelled"
    project = await stack.project(project_id)
    assert (project["status"], project["stage"], project["failure"]) == ("cancelled", "finished", None)
    assert {task["status"] for task in project["tasks"]} == {"cancelled"}
    assert (await stack.call("POST", f"/{project_id}/audit"))["trail"]["intact"]
    await failing.repaired()
    await stack.call("POST", f"/{project_id}/retry")
    ask = await stack.task_in(project_id, "a", "waiting")
    await stack.call("POST", f"/{project_id}/tasks/{ask['id']}/complete")
    assert (await stack.finished(project_id))["status"] == "completed"
