"""Decisions: those that somebody is asked for, and those that were made."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from app.api.models.record import RecordSeal


class SignedDifference(BaseModel):
    """Something that is not as it was signed: a file, a program, an agent, an action or a setting.

    `text` is the difference line by line, where there is one; `why` says who may have made it.
    """

    what: str
    name: str
    signed: str | None
    now: str | None
    text: str
    why: str


class DecisionError(BaseModel):
    """Why a request was refused."""

    code: str
    message: str


class Decision(BaseModel):
    """One decision.

    An open one is asked for by a task: it has a question, options and, perhaps, a default and an end. One that was made
    says who decided what; where it answers an open one, `question_id` names that. Of the kind `changed` it asks whether
    to run what is not as it was signed: `differences`.
    """

    id: str
    project_id: str
    kind: str
    status: Literal["open", "answered", "expired", "withdrawn", "accepted", "refused"]
    task_id: str | None = None
    question: str = ""
    options: list[str] = []
    default: str | None = None
    opened_at: str | None = None
    expires_at: str | None = None
    answer: str | None = None
    question_id: str | None = None
    actor: str | None = None
    at: str | None = None
    comment: str = ""
    plan_version: int | None = None
    plan_digest: str | None = None
    error: DecisionError | None = None
    request_id: str | None = None
    differences: list[SignedDifference] = []


class AnsweredDecision(Decision):
    """A decision that was just answered.

    `seal` is the app's signature over the record up to the answer; null where the record could not be sealed in time.
    """

    seal: RecordSeal | None


class DecisionList(BaseModel):
    """Decisions of a project, newest last; `open` counts those that wait for an answer."""

    decisions: list[Decision]
    total: int
    open: int
