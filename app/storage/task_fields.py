"""Fields of tasks and of the events about them that are only there if they have a value."""

from __future__ import annotations

from typing import TypedDict


class TaskError(TypedDict):
    """Why a task or an attempt has failed."""

    type: str
    message: str


class Reason(TypedDict, total=False):
    """The reason for a task's status, if there is one."""

    reason: str


class ErrorField(TypedDict, total=False):
    """The error of a task, if there is one."""

    error: dict[str, object]


def reason_of(reason: str | None) -> Reason:
    """Return the reason for an event about a task. Without a reason, the event lacks the field."""
    return {"reason": reason} if reason is not None else {}


def error_of(error: TaskError | None) -> ErrorField:
    """Return the error for an event about a task. Without an error, the event lacks the field."""
    return {"error": {**error}} if error is not None else {}
