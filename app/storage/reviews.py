"""What reviewers have said about a plan that was not approved: requests for changes, and rejections. Read from the decisions."""

from __future__ import annotations

from sqlalchemy import Connection, select

from app.domain.commands import CommandKind, CommandRecord, Outcome
from app.storage.projects import ProjectRow
from app.storage.tables import decisions
from signoff.vocabulary import Outcome as ProjectOutcome
from signoff.vocabulary import ProjectStatus

_KINDS = (CommandKind.REQUEST_CHANGES, CommandKind.REJECT, CommandKind.APPROVE, CommandKind.WITHDRAW)


def standing_request(conn: Connection, project: ProjectRow) -> CommandRecord | None:
    """Return the newest request for changes of a pending project, or None.

    It stands until a version is approved, so that whoever reads the next version knows what it is about.
    """
    if project.status != ProjectStatus.PENDING or project.plan_version is None:
        return None
    undone: set[str] = set()
    for made in _newest_first(conn, project.id):
        if made.kind == CommandKind.REQUEST_CHANGES:
            return made
        if made.kind == CommandKind.WITHDRAW:
            undone.add(made.payload.get("withdrawn", ""))
        if made.id in undone:
            continue
        # An approval that has started a run names it, and one of the same person names the request that it withdraws.
        ends = made.payload.get("run_id") is not None or made.payload.get("withdrawn") is not None
        if made.kind == CommandKind.APPROVE and ends:
            return None
    return None


def rejection(conn: Connection, project: ProjectRow) -> CommandRecord | None:
    """Return the decision that has rejected the plan of a project and cancelled it, or None."""
    if project.outcome != ProjectOutcome.REJECTED:
        return None
    return next((made for made in _newest_first(conn, project.id) if made.kind == CommandKind.REJECT), None)


def _newest_first(conn: Connection, project_id: str) -> list[CommandRecord]:
    query = select(decisions).where(
        decisions.c.project_id == project_id,
        decisions.c.kind.in_(_KINDS),
        decisions.c.outcome == Outcome.ACCEPTED,
    )
    rows = conn.execute(query.order_by(decisions.c.position.desc())).mappings()
    return [CommandRecord.model_validate({name: row[name] for name in CommandRecord.model_fields}) for row in rows]
