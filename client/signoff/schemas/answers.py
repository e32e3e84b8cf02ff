"""Answers that report the outcome of a request, and the body of every error."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from signoff.schemas.json_value import JsonMapping
from signoff.schemas.problems import Problem
from signoff.schemas.record import RecordSeal
from signoff.vocabulary import ProjectStatus, Stage


class ErrorBody(BaseModel):
    """The body of every error.

    `error` is the kind of the HTTP status and `code` the exact reason. `details` lists the fields that are not valid, and
    `context` has further data that depends on the code.
    """

    error: str
    code: str
    message: str
    status: int
    details: list[Problem]
    context: JsonMapping
    request_id: str


class Recorded(BaseModel):
    """A request that is durably recorded but not decided or done yet."""

    id: str
    status: ProjectStatus
    updated_at: str
    stage: Stage
    recorded: Literal[True] = True
    request_id: str


class ApprovalsSoFar(BaseModel):
    """An approval at a gate with policies: whether it opens the gate, and in words what is still missing if it does not.

    With `undo_until`, nothing is missing: the approval opens the gate at that time, and can be withdrawn until then.
    """

    opens: bool
    given: int
    needed: int
    missing: list[str]
    undo_until: str | None = None


class StatusAnswer(BaseModel):
    """The outcome of a decision.

    `seal` is the app's signature over the record up to this decision; null if the record could not be sealed in time.
    `approvals` is null unless policies say who must approve.
    """

    id: str
    status: ProjectStatus
    updated_at: str
    stage: Stage
    decision_id: str
    seal: RecordSeal | None
    approvals: ApprovalsSoFar | None = None


class CancelCounts(BaseModel):
    """The tasks of a cancelled project, by how they ended."""

    completed: int
    interrupted: int
    never_started: int
    did_not_stop: int


class CancelAnswer(StatusAnswer):
    """The outcome of a cancellation. With status 202, it is recorded, and tasks are still being stopped."""

    tasks: CancelCounts
    recorded: bool = True
    request_id: str


class DeleteAnswer(BaseModel):
    """The outcome of a deletion. `deleting` is true while the project is still being cancelled.

    `updated_at` is missing once the project is deleted.
    """

    deleted: bool
    deleting: bool = False
    id: str
    updated_at: str | None = None


class BatchFailure(BaseModel):
    """Why one of several projects was not deleted; `error` is the error code."""

    id: str
    error: str
    message: str


class ArchiveAnswer(BaseModel):
    """The projects by outcome: `done` are now where they should be, also if they were there before."""

    done: list[str]
    failed: list[BatchFailure]
    message: str


class BatchDeleteAnswer(BaseModel):
    """The projects by outcome: deleted, being cancelled before deletion, or not deleted."""

    deleted: list[str]
    deleting: list[str]
    failed: list[BatchFailure]
    message: str
