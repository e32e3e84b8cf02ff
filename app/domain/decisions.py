"""Decisions: what a person is asked, and the state of the question."""

from __future__ import annotations

from enum import StrEnum


class QuestionKind(StrEnum):
    """Why a person is asked."""

    DECISION = "decision"
    TASK_FAILED = "task_failed"
    WORKER_LOST = "worker_lost"
    AGENT = "agent"
    CHANGED = "changed"


# How the name of an actor begins that is a model.
MODEL_ACTOR = "model:"
# The answer to a question of the kind `changed` that runs the task anyway, with the files as they are now.
RUN_AS_IT_IS = "run"


class QuestionStatus(StrEnum):
    """State of a question that a person is asked."""

    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
