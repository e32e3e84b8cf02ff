"""Decisions: open questions, and decisions that were made."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from signoff.schemas.record import RecordSeal
from signoff.schemas.tasks import AnswerEffect


class SignedDifference(BaseModel):
    """A file, a program, an agent, an action or a setting that has changed since it was approved.

    `text` shows the difference line by line, if there is one; `why` says who or what may have changed it.
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


class ModelProposal(BaseModel):
    """The answer that a model proposes to a question, and why. `left_because` says why a person is asked nevertheless."""

    answer: str
    reason: str
    model: str
    left_because: str


class Decision(BaseModel):
    """A decision: a question that a task asks, or a request that was decided.

    A question has options and may have a default and an expiry time. A decided request says who decided what; if it answers a
    question, `question_id` names that question. A question of the kind `changed` asks whether to run something that has
    changed since its approval; `differences` lists the changes. An open question of the kind `decision` says in `follows` what
    follows from each answer. `other_than` has the keys of the decisions that another person must have answered. If a model has
    proposed an answer, and a person is asked nevertheless, `proposal` has it.

    A decided request says by id, means and address who sent it. If it came through a link to sign, `vouched_by` is the name of
    whoever made the link.
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
    actor_id: str | None = None
    via: str | None = None
    address: str | None = None
    session_id: str | None = None
    vouched_by: str | None = None
    at: str | None = None
    comment: str = ""
    plan_version: int | None = None
    plan_digest: str | None = None
    error: DecisionError | None = None
    request_id: str | None = None
    differences: list[SignedDifference] = []
    follows: list[AnswerEffect] = []
    other_than: list[str] = []
    proposal: ModelProposal | None = None


class AnsweredDecision(Decision):
    """A decision that was just answered.

    `seal` is the app's signature over the record up to the answer; null if the record could not be sealed in time.
    """

    seal: RecordSeal | None


class DecisionList(BaseModel):
    """The decisions of a project, newest last. `open` counts the decisions that wait for an answer."""

    decisions: list[Decision]
    total: int
    open: int
