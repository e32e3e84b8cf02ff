"""Finds what a person's device has to sign at a gate, as it is now. A challenge and the decision compare the two."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from app.domain.command_payload import CommandPayload
from app.domain.commands import CommandKind
from app.domain.frozen import Frozen
from app.domain.signed_gates import SignedGate, digest_of, digest_of_tasks
from app.storage import plans
from app.storage.gates import GateStatus, in_run, retry_subject
from app.storage.plan_versions import PlanRow
from app.storage.projects import ProjectRow
from app.storage.questions import QuestionRow
from app.storage.tables import gates
from app.storage.tasks import TaskRow
from signoff.vocabulary import GateKind


def of_phase(conn: Connection, project: ProjectRow, phase_id: str) -> SignedGate:
    """Return what a device signs to let a phase start."""
    return SignedGate(
        kind=GateKind.PHASE,
        answer=CommandKind.APPROVE,
        run_id=project.run_id,
        opening=_opening(conn, project, GateKind.PHASE, in_run(phase_id, project)),
        phase_id=phase_id,
        frozen_digest=_frozen(plans.current(conn, project)),
    )


def of_task(
    conn: Connection, project: ProjectRow, task: TaskRow, answer: CommandKind, payload: CommandPayload
) -> SignedGate:
    """Return what a device signs to release a task, or to complete or skip it instead."""
    return SignedGate(
        kind=GateKind.TASK,
        answer=answer,
        run_id=project.run_id,
        opening=_opening(conn, project, GateKind.TASK, in_run(task.id, project)),
        task_id=task.id,
        attempt=task.attempt,
        outputs_digest=digest_of(payload),
        frozen_digest=_frozen(plans.current(conn, project)),
    )


def of_retry(conn: Connection, project: ProjectRow, again: Sequence[str]) -> SignedGate:
    """Return what a device signs to let these tasks run again."""
    return SignedGate(
        kind=GateKind.RETRY,
        answer=CommandKind.RETRY_RUN,
        run_id=project.run_id,
        opening=_opening(conn, project, GateKind.RETRY, retry_subject(project, again)),
        tasks_digest=digest_of_tasks(again),
        frozen_digest=_frozen(plans.current(conn, project)),
    )


def of_change(conn: Connection, project: ProjectRow, task: TaskRow, question: QuestionRow) -> SignedGate:
    """Return what a device signs to let a task run although it no longer matches what was signed."""
    return SignedGate(
        kind=GateKind.CHANGE,
        answer=CommandKind.ANSWER,
        run_id=project.run_id,
        opening=_opening(conn, project, GateKind.CHANGE, question.id),
        task_id=task.id,
        decision_id=question.id,
        frozen_digest=_frozen(plans.current(conn, project)),
    )


def _opening(conn: Connection, project: ProjectRow, kind: GateKind, subject: str) -> int:
    """The number of the opening that waits now, or that the next request makes."""
    named = (gates.c.project_id == project.id, gates.c.kind == kind, gates.c.subject == subject)
    closed = select(func.count()).select_from(gates).where(*named, gates.c.status != GateStatus.OPEN)
    return conn.execute(closed).scalar_one() + 1


def _frozen(plan: PlanRow) -> str | None:
    return Frozen.model_validate(plan.frozen).seen_digest() if plan.frozen is not None else None
