"""Checks times that a workflow names against the server's clock and the plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from app.domain.identity import isoformat
from app.storage.tasks import TaskRow

# A workflow's clock shows the start of its step, but the activity is scheduled at the end of the step.
_SLACK = timedelta(seconds=60)


def not_due(message: str) -> ApplicationError:
    """The error for a request that comes too early. Temporal retries it, at most 10 s later, until the record allows it."""
    return ApplicationError(message, type="NotDue")


def due_time(task: TaskRow, requested: str | None) -> str | None:
    """The end of a task's wait: the time that the workflow names, but not earlier than the plan allows."""
    seconds = task.seconds
    if seconds is None:
        return None
    scheduled = activity.info().scheduled_time if activity.in_activity() else datetime.now(UTC)
    earliest = isoformat(scheduled + timedelta(seconds=seconds) - _SLACK)
    return earliest if requested is None else max(requested, earliest)
