"""What waits in a project for an approval that a link can give: the plan, an edit of a running plan, or a phase."""

from __future__ import annotations

from sqlalchemy import Connection

from app.domain.errors import Conflict, DomainError
from app.domain.gates import refusal
from app.domain.sender import Sender
from app.domain.signing_links import Signable
from app.domain.states import Situation
from app.storage import gates, plans, proposals, runs
from app.storage.gates import GateRow
from app.storage.projects import ProjectRow, situation
from signoff.vocabulary import GateKind, PhaseStatus


def waiting(conn: Connection, project: ProjectRow) -> Signable:
    """Return what waits for approval in a project.

    Raises:
        Conflict: `nothing_to_sign`.
    """
    if situation(project) == Situation.PLAN_READY:
        plan = plans.current(conn, project)
        return Signable(plan.version, str(plan.digest), None)
    edited = proposals.find(conn, project)
    if edited is not None:
        return Signable(edited.version, str(edited.digest), None)
    if situation(project) == Situation.RUNNING:
        for phase in runs.phases_of(conn, project.id):
            if phase.status == PhaseStatus.AWAITING_APPROVAL:
                plan = plans.current(conn, project)
                return Signable(plan.version, str(plan.digest), phase.id)
    raise Conflict("Nothing in this project waits for an approval now.", code="nothing_to_sign")


def gate_of(conn: Connection, project: ProjectRow, what: Signable) -> GateRow | None:
    """Return the open gate at which it waits; None if no policy is about it."""
    for row in gates.open_of(conn, project.id):
        is_phase = row.kind == GateKind.PHASE and row.subject.partition(":")[0] == what.phase_id
        is_plan = row.kind in {GateKind.PLAN, GateKind.EDIT} and what.phase_id is None
        if is_phase or (is_plan and row.plan_version == what.version):
            return row
    return None


def why_not(
    conn: Connection, project: ProjectRow, gate: GateRow, who: Sender, vouched_by: str | None
) -> DomainError | None:
    """Return why somebody who comes by a link may not approve at a gate now; None if they may.

    Args:
        conn: an open transaction.
        project: the project.
        gate: the gate.
        who: the person of the link.
        vouched_by: the id of whoever made the link.
    """
    if gate.completed_by is not None:
        return gates.already_complete(gate)
    rules = gate.demands
    authors = gates.authors_of(conn, project) if rules.four_eyes else set[str]()
    person = gates.approver_by_link(conn, who, project, vouched_by)
    return refusal(gate.kind, rules, gates.approvals_of(conn, gate), person, authors)
