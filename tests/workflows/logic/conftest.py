"""Temporal's test server, which skips the time in which a workflow only waits."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from app.domain.identity import new_id
from tests.waiting import eventually
from tests.workflows.logic.record import Record
from workflows.attribute_names import SEARCH_ATTRIBUTES
from workflows.contracts import ProjectInput, ProjectResult, Snapshot, Thresholds
from workflows.project import ProjectWorkflow

SERVER = Path(sys.executable).with_name("temporal-test-server")


@pytest.fixture(scope="session")
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    assert SERVER.exists(), "`make install` installs it"
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(SERVER), data_converter=pydantic_data_converter
    )
    wanted = dict.fromkeys(SEARCH_ATTRIBUTES, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
    await environment.client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(search_attributes=wanted, namespace=environment.client.namespace)
    )
    yield environment
    await environment.shutdown()


@dataclass
class Running:
    """A workflow that runs on a record in memory."""

    environment: WorkflowEnvironment
    handle: WorkflowHandle[ProjectWorkflow, ProjectResult]
    began: datetime

    async def ended(self) -> str | None:
        """Let the workflow run to its end, and return the project's status."""
        return (await self.handle.result()).status

    async def snapshot(self) -> Snapshot:
        return await self.handle.query(ProjectWorkflow.snapshot)

    async def until(self, condition: Callable[[Snapshot], bool]) -> None:
        """Wait until the workflow shows this. Its time is not skipped meanwhile."""

        async def reached() -> bool:
            return condition(await self.snapshot())

        await eventually(reached, what="the workflow gets there")

    async def until_waiting(self, key: str, state: str) -> None:
        """Wait until a task in progress only waits in this way."""
        await self.until(lambda seen: [task.state for task in seen.in_progress if task.key == key] == [state])

    async def histories(self) -> list[int]:
        """The number of events of each history, the first history first."""
        lengths, run_id = list[int](), self.handle.first_execution_run_id
        while run_id:
            handle = self.environment.client.get_workflow_handle(self.handle.id, run_id=run_id)
            events = [event async for event in handle.fetch_history_events()]
            lengths.append(len(events))
            run_id = events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
        return lengths

    async def took(self) -> timedelta:
        """How much time passed in the workflow until its end. The server's clock may have skipped more since."""
        closed = (await self.handle.describe()).close_time
        assert closed is not None
        return closed - self.began


class Workflows:
    """Starts workflows on the test server."""

    def __init__(self, environment: WorkflowEnvironment) -> None:
        self._environment = environment

    @asynccontextmanager
    async def running(self, record: Record, thresholds: Thresholds | None = None) -> AsyncIterator[Running]:
        queue = new_id("queue")
        client = self._environment.client
        async with Worker(client, task_queue=queue, workflows=[ProjectWorkflow], activities=record.activities):
            start = ProjectInput(project_id="proj_1", thresholds=thresholds or Thresholds())
            began = await self._environment.get_current_time()
            handle = await client.start_workflow(ProjectWorkflow.run, start, id=new_id("proj"), task_queue=queue)
            yield Running(self._environment, handle, began)


@pytest.fixture
def workflows(time_skipping: WorkflowEnvironment) -> Workflows:
    return Workflows(time_skipping)
