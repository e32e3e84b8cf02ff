"""Times that a workflow names, held against the clock of the server and the plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from app.domain.identity import isoformat
from app.storage.tasks import TaskRow

# A workflow's clock stands at the start of its step; the activity is scheduled when the step is over.
_SLACK = timedelta(seconds=60)


def not_due(message: str) -> ApplicationError:
    """The error for what is too early; Temporal asks again, at most 10 s later, until the record allows it."""
    return ApplicationError(message, type="NotDue")


def due_time(task: TaskRow, wanted: str | None) -> str | None:
    """When the wait of a task ends: as the workflow wants it, but not sooner than the plan says."""
    seconds = task.action.get("seconds", task.action.get("expires_seconds"))
    if seconds is None:
        return None
    asked = activity.info().scheduled_time if activity.in_activity() else datetime.now(UTC)
    earliest = isoformat(asked + timedelta(seconds=float(seconds)) - _SLACK)
    return earliest if wanted is None else max(wanted, earliest)
