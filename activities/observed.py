"""Says of each activity what it is about, in the worker's log and in its span, and measures those that run tasks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.task_metrics import TaskMetrics
from app import tracing
from signoff.vocabulary import TaskStatus
from workflows.contracts import ASKED, TaskResult

logger = logging.getLogger(__name__)
# What an activity's argument may name. Each is an id or a number, never a text of a user.
_NAMES = ("project_id", "run_id", "phase_id", "task", "try_number", "command", "notification_id")
# An attempt after which the task waits for its next one, as in the label of a metric.
RETRYING, LOST, REFUSED = "retrying", "lost", "refused"
_FAILURES = frozenset({TaskStatus.FAILED.value, LOST, REFUSED})


class ObservedActivities(Interceptor):
    """Observes every activity.

    Args:
        tasks: the names of the activities that run tasks.
        metrics: what is measured of those. None if the worker serves no metrics.
    """

    def __init__(self, tasks: Collection[str], metrics: TaskMetrics | None) -> None:
        self._tasks = frozenset(tasks)
        self._metrics = metrics

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - of the SDK
        """Observe each activity while it runs."""
        return _Observed(next, self._tasks, self._metrics)


class _Observed(ActivityInboundInterceptor):
    def __init__(
        self, following: ActivityInboundInterceptor, tasks: frozenset[str], metrics: TaskMetrics | None
    ) -> None:
        super().__init__(following)
        self._tasks = tasks
        self._metrics = metrics

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - of the SDK
        """Execute the activity, and note how it ended."""
        info = activity.info()
        argument = input.args[0] if input.args else None
        found = {name: getattr(argument, name, None) for name in _NAMES}
        about = {name: value for name, value in found.items() if value is not None}
        # Each activity has a context of its own, so nothing has to be undone.
        structlog.contextvars.bind_contextvars(activity=info.activity_type, **about)
        tracing.note({f"signoff.{name}": value for name, value in about.items()})
        if info.activity_type not in self._tasks:
            return await super().execute_activity(input)
        metrics, outcome = self._metrics, LOST
        if metrics is not None:
            metrics.begun(info, int(about.get("try_number") or 1))
        try:
            result = await super().execute_activity(input)
            outcome = result.status if isinstance(result, TaskResult) else REFUSED
            return result
        except ApplicationError as error:
            outcome = _outcome_of(error)
            raise
        except asyncio.CancelledError:
            outcome = TaskStatus.CANCELLED.value
            raise
        finally:
            tracing.note({"signoff.outcome": outcome}, failed=outcome in _FAILURES)
            seconds = (datetime.now(UTC) - info.started_time).total_seconds()
            logger.debug("an attempt has ended: %s, after %.3f s", outcome, seconds)
            if metrics is not None:
                metrics.ended(info.activity_type, outcome, seconds)


def _outcome_of(error: ApplicationError) -> str:
    """How an attempt ended that reports its outcome as an error. One of a fixed set, because it labels a metric."""
    if error.type == "WorkerLost":
        return LOST
    if error.type != "TaskFailed" or not error.details:
        return REFUSED
    match error.details[0]:
        case TaskStatus.FAILED.value:
            return TaskStatus.FAILED.value
        case TaskStatus.WAITING.value:
            return RETRYING
        case str() if error.details[0] == ASKED:
            return ASKED
        case _:
            return REFUSED
