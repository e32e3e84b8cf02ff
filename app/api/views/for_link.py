"""What the person of a link is told about the gate at which they sign."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from app.api.views import gates as views
from app.commands.approvals import already_complete
from app.domain.gates import refusal
from app.domain.sender import Sender
from app.storage import gates
from app.storage.projects import ProjectRow
from app.storage.signing_links import SigningLink
from signoff.schemas.gates import Gate
from signoff.vocabulary import GateKind


def gate_for_link(conn: Connection, project: ProjectRow, link: SigningLink, reader: Sender) -> Gate | None:
    """The gate, if policies are about it, with whether the person may approve."""
    for row in gates.open_of(conn, project.id):
        is_phase = row.kind == GateKind.PHASE and row.subject.partition(":")[0] == link.phase_id
        is_plan = row.kind in {GateKind.PLAN, GateKind.EDIT} and link.phase_id is None
        if not is_phase and not (is_plan and row.plan_version == link.plan_version):
            continue
        rules = row.demands
        authors = gates.authors_of(conn, project) if rules.four_eyes else set[str]()
        who = replace(gates.approver(conn, reader, project), vouched_by=link.created_by_id)
        why = refusal(row.kind, rules, gates.approvals_of(conn, row), who, authors)
        why = already_complete(row) if row.completed_by is not None else why
        told = why.info.message if why is not None else None
        return views.shown(conn, row).model_copy(update={"may_approve": why is None, "why_not": told})
    return None
