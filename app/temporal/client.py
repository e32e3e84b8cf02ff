"""The client side of Temporal: start, signal, query, describe. Every call has a time limit. RPC errors become domain errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import NamedTuple, TypeVar

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError, RPCStatusCode

from app.domain.commands import StoredCommand
from app.domain.errors import Unavailable
from app.domain.plan import DEFAULT_AGENT
from app.settings import Settings
from app.storage.projects import ProjectRow
from app.temporal.cache import Cache
from app.temporal.connection import connect
from app.temporal.inspection import Inspection, Trouble, find_troubled, inspect
from app.temporal.workers import Workers, workers_of
from signoff.vocabulary import ProjectStatus, Stage
from workflows import search_attributes
from workflows.contracts import WORKFLOW_TYPE, CommandSignal, ProjectInput, Snapshot, Thresholds
from workflows.notification import NOTIFICATION_TYPE, NotificationRef
from workflows.options import shorten

T = TypeVar("T")
RPC_TIMEOUT = timedelta(seconds=5)
QUERY_TIMEOUT = timedelta(milliseconds=500)
# An answer is shared for SNAPSHOT_SECONDS. A project that did not answer is not asked again for SILENCE_SECONDS.
SNAPSHOT_SECONDS = 0.25
SILENCE_SECONDS = 5.0
# How old the number of a queue's workers may be for callers that ask often.
WORKERS_SECONDS = 1.0
# How old the list of stuck runs may be.
TROUBLED_SECONDS = 5.0
# An idle worker polls Temporal again every 60 s.
POLL_SECONDS = 70.0
_AWAY = {
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.ABORTED,
}


class WorkflowState(Enum):
    """State of a project's newest workflow run, according to Temporal."""

    OPEN = "open"
    CLOSED = "closed"
    TERMINATED = "terminated"
    MISSING = "missing"


class Backlog(NamedTuple):
    """The tasks that wait in a queue: about how many, and for how many seconds the oldest has waited."""

    tasks: int
    seconds: float


class Engine:
    """Talks to Temporal for the app.

    Args:
        settings: names the server, the namespace and the task queue.
        client: a client to use; without one, the first call connects.
        thresholds: the history lengths at which runs continue as new.
    """

    def __init__(self, settings: Settings, client: Client | None = None, thresholds: Thresholds | None = None) -> None:
        self._settings = settings
        self._client = client
        self._thresholds = thresholds or Thresholds()
        self._snapshots = Cache(self._query, lambda found: SILENCE_SECONDS if found is None else SNAPSHOT_SECONDS)
        self._workers = Cache(
            self._ask_for_workers, lambda found: SILENCE_SECONDS if found is None else WORKERS_SECONDS
        )
        self._troubled = Cache(self._ask_for_troubled, lambda _found: TROUBLED_SECONDS)
        self._silent_until = 0.0

    async def _connected(self) -> Client:
        if self._client is None:
            self._client = await connect(self._settings, lazy=True)
        return self._client

    async def _call(self, call: Awaitable[T]) -> T:
        """Await an RPC.

        Raises:
            Unavailable: Temporal cannot be reached or does not answer in time.
            RPCError: any other refusal.
        """
        try:
            async with asyncio.timeout(RPC_TIMEOUT.total_seconds() + 1):
                return await call
        except (TimeoutError, RuntimeError) as error:
            raise _away(self._settings) from error
        except RPCError as error:
            if error.status in _AWAY:
                raise _away(self._settings) from error
            raise

    async def signal(self, command: StoredCommand) -> bool:
        """Signal a stored command to a project's open workflow. Returns False if there is none.

        Raises:
            Unavailable: Temporal does not answer.
        """
        handle = (await self._connected()).get_workflow_handle(command.project_id)
        name, payload = command.command_type.signal, CommandSignal(command=command.id)
        try:
            await self._call(handle.signal(name, payload, rpc_timeout=RPC_TIMEOUT))
        except RPCError as error:
            # Both a closed and an unknown workflow: "already completed" and "not found" differ in text only.
            if error.status == RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True

    async def signal_with_start(self, project: ProjectRow, command: StoredCommand) -> None:
        """Signal a stored command to a project's workflow, starting the workflow if none is open.

        Raises:
            Unavailable: Temporal does not answer.
        """
        client = await self._connected()
        await self._call(
            client.start_workflow(
                WORKFLOW_TYPE,
                ProjectInput(project_id=project.id, thresholds=self._thresholds),
                id=project.id,
                task_queue=self._settings.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                start_signal=command.command_type.signal,
                start_signal_args=[CommandSignal(command=command.id)],
                search_attributes=_attributes(project),
                static_summary=shorten(project.name),
                static_details=self._details(project.id),
                rpc_timeout=RPC_TIMEOUT,
            )
        )

    async def start_notification(self, notification_id: str) -> None:
        """Start the workflow that sends a notification, or a batch of them, unless it is open.

        Raises:
            Unavailable: Temporal does not answer.
        """
        client = await self._connected()
        await self._call(
            client.start_workflow(
                NOTIFICATION_TYPE,
                NotificationRef(notification_id=notification_id),
                id=notification_id,
                task_queue=self._settings.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                rpc_timeout=RPC_TIMEOUT,
            )
        )

    async def state(self, project_id: str) -> WorkflowState:
        """Return the state of a project's newest workflow run.

        Raises:
            Unavailable: Temporal does not answer.
        """
        handle = (await self._connected()).get_workflow_handle(project_id)
        try:
            described = await self._call(handle.describe(rpc_timeout=RPC_TIMEOUT))
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return WorkflowState.MISSING
            raise
        if described.status in {WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW}:
            return WorkflowState.OPEN
        if described.status == WorkflowExecutionStatus.TERMINATED:
            return WorkflowState.TERMINATED
        return WorkflowState.CLOSED

    async def snapshot(self, project_id: str) -> Snapshot | None:
        """Return the workflow's own view of a project, or None if it does not answer within 500 ms."""
        return await self._snapshots.get(project_id)

    async def _query(self, project_id: str) -> Snapshot | None:
        try:
            handle = (await self._connected()).get_workflow_handle(project_id)
            query = handle.query("snapshot", result_type=Snapshot, rpc_timeout=QUERY_TIMEOUT)
            async with asyncio.timeout(QUERY_TIMEOUT.total_seconds()):
                return await query
        except (TimeoutError, RuntimeError, RPCError, WorkflowQueryFailedError):
            return None

    async def workers(self, queue: str | None = None) -> Workers:
        """Return the workers that poll a task queue: an agent's queue, or by default the workflows' queue.

        A worker that was killed is counted for 70 s after its last poll. A worker of an agent's queue does not poll while it
        has no free slot, so it is not counted after that time.

        Raises:
            Unavailable: Temporal does not answer.
        """
        client = await self._connected()
        usual = queue is None or queue == self._settings.task_queue
        kind = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW if usual else TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
        request = DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=queue or self._settings.task_queue),
            task_queue_type=kind,
        )
        try:
            answer = await self._call(client.workflow_service.describe_task_queue(request, timeout=RPC_TIMEOUT))
        except RPCError as error:
            raise _away(self._settings) from error
        horizon = time.time() - POLL_SECONDS
        found = {poller.identity for poller in answer.pollers if poller.last_access_time.seconds > horizon}
        return workers_of(found)

    async def backlog(self, queue: str) -> Backlog | None:
        """Return how many tasks wait in a queue for a worker. None if Temporal does not answer within 500 ms."""
        request = DescribeTaskQueueRequest(
            namespace=self._settings.temporal_namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            report_stats=True,
        )
        try:
            service = (await self._connected()).workflow_service
            async with asyncio.timeout(QUERY_TIMEOUT.total_seconds()):
                stats = (await service.describe_task_queue(request, timeout=QUERY_TIMEOUT)).stats
        except (TimeoutError, RuntimeError, RPCError):
            return None
        return Backlog(stats.approximate_backlog_count, stats.approximate_backlog_age.ToTimedelta().total_seconds())

    async def known_workers(self, queue: str) -> Workers | None:
        """Return the result of `workers`, at most a second old; None if Temporal does not answer within 500 ms."""
        return await self._workers.get(queue)

    async def _ask_for_workers(self, queue: str) -> Workers | None:
        try:
            async with asyncio.timeout(QUERY_TIMEOUT.total_seconds()):
                return await self.workers(queue)
        except (TimeoutError, Unavailable):
            return None

    async def inspect(self, project_id: str) -> Inspection | None:
        """Return what Temporal reports about a project's run. None if it has none, or Temporal does not answer within 500 ms.

        After a timeout, Temporal is not asked again for a while, so that readers do not wait for it each time.
        """
        began = time.monotonic()
        if began < self._silent_until:
            return None
        described = None
        try:
            handle = (await self._connected()).get_workflow_handle(project_id)
            describing = handle.describe(rpc_timeout=QUERY_TIMEOUT)
            async with asyncio.timeout(QUERY_TIMEOUT.total_seconds()):
                described = await describing
        except (TimeoutError, RuntimeError, RPCError):
            return None
        finally:
            # This covers every time limit, including a caller's own.
            if described is None and (now := time.monotonic()) - began > 0.9 * QUERY_TIMEOUT.total_seconds():
                self._silent_until = now + SILENCE_SECONDS
        if described is None or described.status != WorkflowExecutionStatus.RUNNING:
            return None
        return inspect(described.raw_description, self._settings.task_queue)

    async def last_event(self, project_id: str) -> tuple[datetime, str] | None:
        """Return the time and failure message of a run's newest event, or None if Temporal does not answer in time."""
        client = await self._connected()
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace, execution=WorkflowExecution(workflow_id=project_id), maximum_page_size=1
        )
        service = client.workflow_service
        try:
            async with asyncio.timeout(QUERY_TIMEOUT.total_seconds()):
                answer = await service.get_workflow_execution_history_reverse(request, timeout=QUERY_TIMEOUT)
        except (TimeoutError, RuntimeError, RPCError):
            return None
        event = answer.history.events[0]
        return event.event_time.ToDatetime(UTC), event.workflow_task_failed_event_attributes.failure.message

    async def troubled(self) -> Mapping[str, Trouble]:
        """Return every stuck run that only Temporal knows about, at most 5 s old. Empty if Temporal does not answer."""
        return await self._troubled.get(self._settings.temporal_namespace)

    async def _ask_for_troubled(self, _namespace: str) -> Mapping[str, Trouble]:
        try:
            async with asyncio.timeout(QUERY_TIMEOUT.total_seconds()):
                return await find_troubled(await self._connected())
        except (TimeoutError, RuntimeError, RPCError):
            return {}

    async def terminate(self, project_id: str, reason: str) -> None:
        """End a project's workflow at once, without its cooperation. Does nothing if none is open.

        Raises:
            Unavailable: Temporal does not answer.
        """
        handle = (await self._connected()).get_workflow_handle(project_id)
        try:
            await self._call(handle.terminate(reason=reason, rpc_timeout=RPC_TIMEOUT))
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise

    def _details(self, project_id: str) -> str:
        """Return the links back to the project, as Markdown. Temporal's Web UI shows them from the workflow's start."""
        api = f"{self._settings.effective_public_url}/api/projects/{project_id}"
        return f"[Project `{project_id}`]({self.page(project_id)}), [as JSON]({api})"

    def page(self, project_id: str) -> str:
        """Return the address at which people read a project."""
        return f"{self._settings.effective_public_url}/projects/{project_id}"

    def link(self, project_id: str) -> str | None:
        """Return the address of a project's runs in Temporal's Web UI, or None."""
        base = self._settings.effective_temporal_ui_url
        return f"{base}/namespaces/{self._settings.temporal_namespace}/workflows/{project_id}" if base else None


def _attributes(project: ProjectRow) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(search_attributes.STATUS, str(ProjectStatus(project.status))),
            SearchAttributePair(search_attributes.STAGE, str(Stage(project.stage))),
            SearchAttributePair(search_attributes.STRATEGY, project.strategy),
            SearchAttributePair(search_attributes.AGENT, project.agent_id or DEFAULT_AGENT),
        ]
    )


def _away(settings: Settings) -> Unavailable:
    address = settings.effective_temporal_address
    message = f"Temporal does not answer at {address}. Start it, or check SIGNOFF_TEMPORAL_ADDRESS. You can repeat the request."
    return Unavailable(message, code="temporal_unavailable")
