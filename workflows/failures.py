"""What the error of a task's activity says about the attempt, how long to wait before the next one, and what a failure means."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.exceptions import TimeoutError as TemporalTimeout

from signoff.schemas.json_value import JsonObject

with workflow.unsafe.imports_passed_through():
    from app.domain.backoff import backoff
    from signoff.vocabulary import TaskStatus
    from workflows.contracts import ADVISE, ASKED, PhaseWork

# The statuses that a failed attempt may report, in the first detail of its error.
_FAILURES = frozenset({ASKED, str(TaskStatus.FAILED), str(TaskStatus.WAITING)})
FIRST_BACKOFF_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 60.0


def backoff_seconds(try_number: int) -> float:
    """Return how long to wait after a failed attempt: 1 s, doubled each time, at most 60 s."""
    return backoff(try_number, FIRST_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS)


def reported(cause: BaseException | None) -> tuple[str | None, bool]:
    """Return the status that a failed attempt reports, and whether to ask the model. None if the report is not Signoff's."""
    if not isinstance(cause, ApplicationError) or cause.type != "TaskFailed" or not cause.details:
        return None, False
    status = cause.details[0]
    return (status, ADVISE in cause.details[1:]) if status in _FAILURES else (None, False)


def is_loss(error: ActivityError) -> bool:
    """Whether the worker is gone or shutting down, so that the workflow was not told of any outcome."""
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return cause.type not in {"TaskFailed", "Fenced"}
    return isinstance(cause, TemporalTimeout)


def describe(cause: BaseException | None) -> str:
    """Say in a few words why an attempt did not complete."""
    if isinstance(cause, TemporalTimeout):
        return "no heartbeat" if cause.type is None else f"{cause.type.name.lower().replace('_', ' ')} timeout"
    return str(cause)[:200]


def failure_of_task(work: PhaseWork, task: int, status: str) -> JsonObject:
    """Return the failure of a project whose task has ended with this status."""
    became = "was cancelled" if status == TaskStatus.CANCELLED else "failed"
    message = f"Task '{work.tasks.titles[task]}' {became}."
    return {"code": "task_failed", "message": message, "task": work.tasks.keys[task]}
