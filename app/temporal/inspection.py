"""What Temporal reports about a run: what waits for a worker, what an operator has paused, and what keeps failing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from temporalio.api.enums.v1 import PendingActivityState, PendingWorkflowTaskState
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client

from workflows.contracts import WORKFLOW_TYPE

# A workflow task may fail once for a passing reason, such as a killed worker. Temporal retries it after 10 s.
FAILING_ATTEMPTS = 3
_PROBLEMS, _PAUSES = "TemporalReportedProblems", "TemporalPauseInfo"
_TROUBLED = f"WorkflowType='{WORKFLOW_TYPE}' AND ExecutionStatus='Running' AND ({_PROBLEMS} IS NOT NULL OR {_PAUSES} IS NOT NULL)"


class Trouble(StrEnum):
    """A reason, known only to Temporal, why a run is stuck."""

    WORKFLOW_TASK_FAILING = "workflow_task_failing"
    ACTIVITY_PAUSED = "activity_paused"


@dataclass(frozen=True)
class PausedActivity:
    """An activity that an operator has paused. It has stopped, or never started."""

    activity_id: str
    name: str
    since: datetime
    reason: str


@dataclass(frozen=True)
class Inspection:
    """A run as Temporal describes it.

    Attributes:
        waiting_since: when the oldest item that waits for a worker was put on the workflow queue; None if nothing waits.
        paused: the activity that has been paused longest, if any.
        failures: how often the current workflow task has failed.
    """

    waiting_since: datetime | None
    paused: PausedActivity | None
    failures: int

    @property
    def is_failing(self) -> bool:
        """Whether the workflow cannot continue on its current worker."""
        return self.failures + 1 >= FAILING_ATTEMPTS


def inspect(described: DescribeWorkflowExecutionResponse, queue: str) -> Inspection:
    """Read Temporal's description of a run. `queue` is the workflows' task queue."""
    return Inspection(
        waiting_since=min(_waiting(described, queue), default=None),
        paused=min(_paused(described), key=lambda activity: activity.since, default=None),
        failures=max(described.pending_workflow_task.attempt - 1, 0),
    )


async def find_troubled(client: Client) -> dict[str, Trouble]:
    """Return the stuck runs in Temporal's own list, by project id.

    The list is a few seconds behind, and includes a workflow task only after it has failed several times.

    Raises:
        RPCError: Temporal does not answer, or its version has no such list.
    """
    found: dict[str, Trouble] = {}
    async for execution in client.list_workflows(_TROUBLED):
        fails = _PROBLEMS in execution.raw_info.search_attributes.indexed_fields
        found[execution.id] = Trouble.WORKFLOW_TASK_FAILING if fails else Trouble.ACTIVITY_PAUSED
    return found


def _waiting(described: DescribeWorkflowExecutionResponse, queue: str) -> Iterator[datetime]:
    """Yield the time at which each item that no worker has taken was put on the queue."""
    task = described.pending_workflow_task
    if task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED:
        yield task.original_scheduled_time.ToDatetime(UTC)
    for activity in described.pending_activities:
        scheduled = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
        if scheduled and activity.activity_options.task_queue.name in {queue, ""}:
            yield activity.scheduled_time.ToDatetime(UTC)


def _paused(described: DescribeWorkflowExecutionResponse) -> Iterator[PausedActivity]:
    for activity in described.pending_activities:
        if activity.paused and activity.state != PendingActivityState.PENDING_ACTIVITY_STATE_STARTED:
            yield PausedActivity(
                activity_id=activity.activity_id,
                name=activity.activity_type.name,
                since=activity.pause_info.pause_time.ToDatetime(UTC),
                reason=activity.pause_info.manual.reason,
            )
