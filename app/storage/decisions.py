"""The records of commands. Each command that changes a project's course is decided here once, and stored with its outcome.

A repeat of the same `request_id` returns the first outcome and changes nothing. Refusals are stored as well.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select

from app.domain.commands import CommandKind, CommandRecord, CommandRequest, Outcome
from app.domain.errors import DomainError
from app.domain.identity import new_id, now
from app.storage import events, projects
from app.storage.tables import decisions
from signoff.schemas.event_data import DecisionMade

# Carries out a command. May add to its record what it was bound to. Raises DomainError to refuse.
Handler = Callable[[Connection, CommandRecord], None]
_FIND = select(decisions).where(
    decisions.c.project_id == bindparam("of_project"), decisions.c.request_id == bindparam("requested")
)


def find(conn: Connection, project_id: str, request_id: str) -> CommandRecord | None:
    """Return the decision on a request, or None while it is undecided."""
    row = conn.execute(_FIND, {"of_project": project_id, "requested": request_id}).mappings().one_or_none()
    return _decision(row) if row is not None else None


def by_id(conn: Connection, project_id: str, decision_id: str) -> CommandRecord | None:
    """Return a recorded decision by its id, or None."""
    query = select(decisions).where(decisions.c.project_id == project_id, decisions.c.id == decision_id)
    row = conn.execute(query).mappings().one_or_none()
    return _decision(row) if row is not None else None


def all_of(conn: Connection, project_id: str) -> list[CommandRecord]:
    """Return every recorded decision about a project, oldest first."""
    query = select(decisions).where(decisions.c.project_id == project_id).order_by(decisions.c.position)
    return [_decision(row) for row in conn.execute(query).mappings()]


def count(conn: Connection, project_id: str, kind: CommandKind) -> int:
    """Return how many decisions of a kind a project has."""
    of_kind = (decisions.c.project_id == project_id, decisions.c.kind == kind)
    return conn.execute(select(func.count()).where(*of_kind)).scalar_one()


def has_made_plan(conn: Connection, project_id: str, version: int) -> bool:
    """Whether an accepted edit created this version of the plan."""
    edited = (decisions.c.kind == CommandKind.EDIT, decisions.c.outcome == Outcome.ACCEPTED)
    query = select(decisions.c.id).where(decisions.c.project_id == project_id, decisions.c.plan_version == version)
    return conn.execute(query.where(*edited).limit(1)).first() is not None


def _decision(row: RowMapping) -> CommandRecord:
    return CommandRecord.model_validate({key: row[key] for key in CommandRecord.model_fields})


def decide(
    conn: Connection, request: CommandRequest, handler: Handler, *, announce_refusal: bool = False
) -> CommandRecord:
    """Apply `request` through `handler`, or record why it was refused.

    With `announce_refusal`, a refusal is an event too: a caller that was only told "recorded" learns the outcome from the
    event stream.

    Raises:
        NotFound: there is no such project.
    """
    project = projects.get(conn, request.project_id)
    earlier = find(conn, project.id, request.request_id)
    if earlier is not None:
        return earlier
    decision = CommandRecord(
        id=new_id("dec"),
        project_id=project.id,
        request_id=request.request_id,
        kind=request.kind,
        actor=request.actor,
        **request.sender.origin,
        at=now(),
        comment=request.comment,
        plan_version=project.plan_version,
        outcome=Outcome.ACCEPTED,
        payload=request.payload,
    )
    try:
        with conn.begin_nested():
            handler(conn, decision)
    except DomainError as error:
        # The handler may have replaced what was asked for, such as the digest of what the sender saw. The record of a refusal
        # has what was asked for, so that it matches its command.
        asked = {name: value for name, value in request.payload.items() if name != "captured"}
        payload = {**decision.payload, **asked}
        decision = decision.model_copy(update={"outcome": Outcome.REFUSED, "error": error.info, "payload": payload})
    record(conn, decision)
    if announce_refusal and decision.error is not None:
        refused = DecisionMade(
            kind=decision.kind,
            outcome=decision.outcome,
            request_id=decision.request_id,
            code=decision.error.code,
            message=decision.error.message,
            **decision.seal(),
        )
        events.append(conn, project.id, refused, actor=decision.sender)
    return decision


def record(conn: Connection, decision: CommandRecord) -> None:
    """Store a decision."""
    conn.execute(insert(decisions).values(decision.model_dump(mode="json")))
