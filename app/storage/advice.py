"""What a model has proposed as the answer to a question that was then left to a person, as the record has it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from app.storage.record_tables import events
from signoff.vocabulary import EventType

STEP = "advice"
_DATA = events.c.data
_PROPOSALS = (
    select(
        _DATA["question_id"].as_string(),
        _DATA["answer"].as_string(),
        _DATA["said"].as_string(),
        _DATA["model"].as_string(),
        _DATA["left_because"].as_string(),
    )
    .where(
        events.c.type == EventType.TASK_PROGRESS,
        _DATA["step"].as_string() == STEP,
        _DATA["answer"].as_string().is_not(None),
    )
    .order_by(events.c.seq)
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A model's answer that was not taken.

    Attributes:
        answer: the answer that it proposes.
        reason: why it proposes this.
        model: its name.
        left_because: why a person is asked nevertheless.
    """

    answer: str
    reason: str
    model: str
    left_because: str


def proposals_of(conn: Connection, project_id: str) -> dict[str, Proposal]:
    """Return what models have proposed in a project, by the id of the question."""
    rows = conn.execute(_PROPOSALS.where(events.c.project_id == project_id))
    return {asked: Proposal(answer, said or "", model or "", why or "") for asked, answer, said, model, why in rows}
