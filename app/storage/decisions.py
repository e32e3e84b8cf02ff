"""Decisions: each request that changes a project's course is decided here, once, and kept with its outcome.

A repeat of the same `request_id` finds the first outcome and changes nothing. A refusal is kept as well.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, RowMapping, insert, select

from app.domain.decisions import Decision, DecisionKind, DecisionRequest, Outcome
from app.domain.errors import DomainError
from app.domain.events import EventType
from app.domain.identity import new_id, now
from app.storage import events, projects
from app.storage.tables import decisions

# Does what was asked for; may add to the decision what it was bound to. Raises DomainError to refuse.
Effect = Callable[[Connection, Decision], None]


def find(conn: Connection, project_id: str, request_id: str) -> Decision | None:
    """What became of a request; None while it is undecided."""
    query = select(decisions).where(decisions.c.project_id == project_id, decisions.c.request_id == request_id)
    row = conn.execute(query).mappings().one_or_none()
    return _decision(row) if row is not None else None


def by_id(conn: Connection, project_id: str, decision_id: str) -> Decision | None:
    """A decision that was made, or None."""
    query = select(decisions).where(decisions.c.project_id == project_id, decisions.c.id == decision_id)
    row = conn.execute(query).mappings().one_or_none()
    return _decision(row) if row is not None else None


def all_of(conn: Connection, project_id: str) -> list[Decision]:
    """Every decision that was made about a project, oldest first."""
    query = select(decisions).where(decisions.c.project_id == project_id).order_by(decisions.c.position)
    return [_decision(row) for row in conn.execute(query).mappings()]


def has_made_plan(conn: Connection, project_id: str, version: int) -> bool:
    """Whether an accepted edit has made this version of the plan."""
    edited = (decisions.c.kind == DecisionKind.EDIT, decisions.c.outcome == Outcome.ACCEPTED)
    query = select(decisions.c.id).where(decisions.c.project_id == project_id, decisions.c.plan_version == version)
    return conn.execute(query.where(*edited).limit(1)).first() is not None


def _decision(row: RowMapping) -> Decision:
    return Decision.model_validate({key: row[key] for key in Decision.model_fields})


def decide(conn: Connection, request: DecisionRequest, effect: Effect, *, announce_refusal: bool = False) -> Decision:
    """Carry `request` out by `effect`, or record why not.

    With `announce_refusal` a refusal is an event too: whoever was told "recorded" learns the outcome from the stream.

    Raises:
        NotFound: there is no such project.
    """
    project = projects.get(conn, request.project_id)
    earlier = find(conn, project.id, request.request_id)
    if earlier is not None:
        return earlier
    decision = Decision(
        id=new_id("dec"),
        project_id=project.id,
        request_id=request.request_id,
        kind=request.kind,
        actor=request.actor,
        at=now(),
        comment=request.comment,
        plan_version=project.plan_version,
        outcome=Outcome.ACCEPTED,
        payload=request.payload,
    )
    try:
        with conn.begin_nested():
            effect(conn, decision)
    except DomainError as error:
        decision = decision.model_copy(update={"outcome": Outcome.REFUSED, "error": error.info})
    record(conn, decision)
    if announce_refusal and decision.error is not None:
        told = {"kind": decision.kind, "outcome": decision.outcome, "request_id": decision.request_id}
        told |= {"code": decision.error.code, "message": decision.error.message, **decision.seal()}
        events.append(conn, project.id, (EventType.DECISION_MADE, told), actor=decision.actor)
    return decision


def record(conn: Connection, decision: Decision) -> None:
    """Keep a decision."""
    conn.execute(insert(decisions).values(decision.model_dump(mode="json")))
