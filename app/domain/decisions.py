"""Who decided what: the requests that change a project's course, and what became of each."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from app.domain.errors import DomainError, ErrorInfo
from app.domain.plan import canonical_json


class DecisionKind(StrEnum):
    """What was asked for."""

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


# Answers to a task that waits; each is what becomes of the task.
TASK_ANSWERS = (DecisionKind.COMPLETE, DecisionKind.SKIP, DecisionKind.RETRY, DecisionKind.FAIL)


class QuestionKind(StrEnum):
    """Why a decision is asked for."""

    DECISION = "decision"
    TASK_FAILED = "task_failed"
    WORKER_LOST = "worker_lost"
    AGENT = "agent"
    CHANGED = "changed"


# The answer to a question of the kind `changed` that has the task run as things are.
RUN_AS_IT_IS = "run"


class QuestionStatus(StrEnum):
    """Where a decision that is asked for stands."""

    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Outcome(StrEnum):
    """What became of it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class DecisionRequest(BaseModel):
    """A request as it reaches the one who decides; `request_id` makes a repeat find the first outcome."""

    project_id: str
    request_id: str
    kind: DecisionKind
    actor: str
    comment: str = ""
    payload: dict[str, Any] = Field(default_factory=dict)


class Decision(BaseModel):
    """A decided request, on record as long as its project."""

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

    def seal(self) -> dict[str, str]:
        """What the event of this decision carries, so that the event chain covers it."""
        digest = hashlib.sha256(canonical_json(self.model_dump(mode="json"))).hexdigest()
        return {"decision_id": self.id, "decision_hash": digest}

    def raise_if_refused(self) -> None:
        """Raise the error that the request was refused with.

        Raises:
            DomainError: the recorded one.
        """
        if self.error is not None:
            raise DomainError.from_info(self.error)
