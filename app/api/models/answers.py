"""Answers that tell what a request came to, and the one body of every error."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from app.api.models.record import RecordSeal
from app.domain.errors import Problem
from app.domain.states import ProjectStatus, Stage


class ErrorBody(BaseModel):
    """Every error."""

    error: str
    code: str
    message: str
    status: int
    details: list[Problem]
    context: dict[str, Any]
    request_id: str


class Recorded(BaseModel):
    """Durably recorded, not yet decided or done."""

    id: str
    status: ProjectStatus
    stage: Stage
    recorded: Literal[True] = True
    request_id: str


class StatusAnswer(BaseModel):
    """What a decision came to.

    `seal` is the app's signature over the record up to this decision; null where the record could not be sealed in time.
    """

    id: str
    status: ProjectStatus
    updated_at: str
    stage: Stage
    decision_id: str
    seal: RecordSeal | None


class CancelCounts(BaseModel):
    """How the tasks of a cancelled project ended."""

    completed: int
    interrupted: int
    never_started: int
    did_not_stop: int


class CancelAnswer(StatusAnswer):
    """What a cancel came to; with 202 it is recorded, and tasks are still being stopped."""

    tasks: CancelCounts
    recorded: bool = True
    request_id: str


class DeleteAnswer(BaseModel):
    """What a delete came to."""

    deleted: bool
    deleting: bool = False
    id: str


class BatchFailure(BaseModel):
    """Why one of many projects was not deleted; `error` is the code."""

    id: str
    error: str
    message: str


class BatchDeleteAnswer(BaseModel):
    """What became of each: gone, being cancelled before it goes, or still there."""

    deleted: list[str]
    deleting: list[str]
    failed: list[BatchFailure]
    message: str
