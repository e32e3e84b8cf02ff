"""Opens gates for plans and their parts, with what the version says about them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from app.domain.errors import Conflict
from app.domain.parameters import values_of
from app.domain.plan import PhaseDraft, PlanDraft
from app.storage import gates, projects
from app.storage.gates import GateRow
from app.storage.plan_versions import PlanRow
from app.storage.projects import ProjectRow
from signoff.vocabulary import GateKind


def open_new(conn: Connection, project_id: str, kind: GateKind, version: int, digest: str, draft: PlanDraft) -> None:
    """Settle who must approve a new version. An earlier version needs no approval any more."""
    gates.withdraw(conn, project_id, (GateKind.PLAN, GateKind.EDIT, GateKind.RETRY))
    project = projects.get(conn, project_id)
    _open(conn, project, kind, str(version), (version, digest), draft, draft.phases)


def open_again(conn: Connection, project: ProjectRow, subject: str, row: PlanRow) -> GateRow | None:
    """Settle who must approve that a version runs again. None if no policy is about it."""
    draft = _draft(row)
    return _open(conn, project, GateKind.RETRY, subject, _named(row), draft, draft.phases)


def open_phase(conn: Connection, project: ProjectRow, subject: str, row: PlanRow, key: str) -> GateRow | None:
    """Settle who must approve a phase of a version. None if no policy is about it."""
    draft = _draft(row)
    own = [phase for phase in draft.phases if phase.key == key]
    return _open(conn, project, GateKind.PHASE, subject, _named(row), draft, own)


def open_task(
    conn: Connection, project: ProjectRow, kind: GateKind, subject: str, row: PlanRow, key: str
) -> GateRow | None:
    """Settle who must approve something about one task of a version. None if no policy is about it."""
    draft = _draft(row)
    # Its dependencies have ended, so only what the task itself does matters.
    own = [
        phase.model_copy(update={"tasks": [task.model_copy(update={"depends_on": []})]})
        for phase in draft.phases
        for task in phase.tasks
        if task.key == key
    ]
    return _open(conn, project, kind, subject, _named(row), draft, own)


def _draft(row: PlanRow) -> PlanDraft:
    return PlanDraft.model_validate(row.draft)


def _named(row: PlanRow) -> tuple[int, str]:
    if row.digest is None:
        raise Conflict(f"Plan version {row.version} is {row.status} and has no content.", code="plan_not_ready")
    return row.version, row.digest


def _open(
    conn: Connection,
    project: ProjectRow,
    kind: GateKind,
    subject: str,
    plan: tuple[int, str],
    draft: PlanDraft,
    phases: Sequence[PhaseDraft],
) -> GateRow | None:
    values = values_of(draft.parameters)
    return gates.open_gate(conn, project, kind, subject, plan=plan, phases=phases, parameters=values)
