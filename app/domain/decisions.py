"""Requests that change the course of a project, and the decision on each: who decided what, and the outcome."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any, TypedDict

from pydantic import BaseModel, Field

from app.domain.errors import DomainError, ErrorInfo
from app.domain.plan import canonical_json


class DecisionKind(StrEnum):
    """What a request asks a project to do."""

    GENERATE = "generate"
    RETURN = "return"
    APPROVE = "approve"
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY_RUN = "retry_run"
    EDIT = "edit"
    ANSWER = "answer"
    EXPIRE = "expire"
    COMPLETE = "complete"
    SKIP = "skip"
    RETRY = "retry"
    FAIL = "fail"


# The answers to a waiting task. Each says what happens to the task.
TASK_ANSWERS = (DecisionKind.COMPLETE, DecisionKind.SKIP, DecisionKind.RETRY, DecisionKind.FAIL)


class QuestionKind(StrEnum):
    """Why a person is asked."""

    DECISION = "decision"
    TASK_FAILED = "task_failed"
    WORKER_LOST = "worker_lost"
    AGENT = "agent"
    CHANGED = "changed"


# The answer to a question of the kind `changed` that runs the task anyway, with the files as they are now.
RUN_AS_IT_IS = "run"


class QuestionStatus(StrEnum):
    """State of a question that a person is asked."""

    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Outcome(StrEnum):
    """Outcome of a request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class DecisionSeal(TypedDict):
    """The id and hash of a decision."""

    decision_id: str
    decision_hash: str


class CancelSeal(TypedDict, total=False):
    """The reason for a cancellation, and the seal of its decision. Empty if no decision caused it."""

    reason: str
    decision_id: str
    decision_hash: str


class CommentSeal(TypedDict, total=False):
    """The comment of a decision, and its seal. Empty if no decision caused the event."""

    comment: str
    decision_id: str
    decision_hash: str


class DecisionRequest(BaseModel):
    """A request to be decided. A repeated `request_id` returns the first outcome."""

    project_id: str
    request_id: str
    kind: DecisionKind
    actor: str
    comment: str = ""
    payload: dict[str, Any] = Field(default_factory=dict)


class Decision(BaseModel):
    """A decided request. It stays on record while its project exists."""

    id: str
    project_id: str
    request_id: str
    kind: DecisionKind
    actor: str
    at: str
    comment: str = ""
    plan_version: int | None = None
    plan_digest: str | None = None
    outcome: Outcome
    error: ErrorInfo | None = None
    payload: dict[str, Any] = Field(default_factory=dict)

    def seal(self) -> DecisionSeal:
        """The id and hash that the event of this decision carries, so that the event chain covers the decision."""
        digest = hashlib.sha256(canonical_json(self.model_dump(mode="json"))).hexdigest()
        return {"decision_id": self.id, "decision_hash": digest}

    def raise_if_refused(self) -> None:
        """Raise the recorded error if the request was refused.

        Raises:
            DomainError: the recorded error.
        """
        if self.error is not None:
            raise DomainError.from_info(self.error)
