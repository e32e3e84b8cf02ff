"""What happens to a task whose worker was lost."""

from __future__ import annotations

from sqlalchemy import Connection

from app.domain.states import FINISHED_TASK
from app.storage import attempts, needs, projects, quarantines, tasks
from app.storage.attempt_values import AttemptKey
from app.storage.needs import Needed
from signoff.vocabulary import TaskStatus
from workflows.contracts import LostAttempt, LostOutcome


def lost_outcome(conn: Connection, lost: LostAttempt) -> LostOutcome:
    """End an attempt whose worker was lost, and say what happens to its task."""
    task = tasks.find(conn, lost.project_id, lost.task)
    if task is None:
        # An edit of the plan removed the task before it started.
        return LostOutcome(then="final", status=TaskStatus.SKIPPED)
    quarantines.note_loss(conn, task, silent=lost.silent)
    killed = task.status == TaskStatus.RUNNING and quarantines.has_killed(conn, task, lost.run_id, silent=lost.silent)
    if lost.cancelling:
        status = TaskStatus.CANCELLED
    elif task.on_crash == "fail" or killed:
        status = TaskStatus.FAILED
    else:
        status = TaskStatus.WAITING
    ask = task.on_crash == "ask" and status == TaskStatus.WAITING
    key = AttemptKey(
        project_id=lost.project_id, run_id=lost.run_id, task_id=task.id, try_number=lost.try_number, token=""
    )
    recorded = attempts.mark_worker_lost(conn, key, status=status, cause=lost.cause, ask=ask, killed=killed)
    return _verdict(conn, lost, task.id, recorded)


def _verdict(conn: Connection, lost: LostAttempt, task_id: str, recorded: attempts.Recorded) -> LostOutcome:
    task = tasks.get(conn, lost.project_id, task_id)
    cancelling = needs.is_being_cancelled(conn, projects.get(conn, lost.project_id).stage, task.phase_id)
    exhausted = task.recorded_try >= lost.try_number
    quarantined = task.quarantine is not None
    if recorded.status in FINISHED_TASK:
        return LostOutcome(then="final", status=recorded.status, cancelling=cancelling)
    if lost.cancelling or cancelling:
        return LostOutcome(then="final", status=TaskStatus.CANCELLED, cancelling=True)
    if recorded.asks:
        return LostOutcome(then="ask", status=recorded.status, failed=exhausted, quarantined=quarantined)
    if recorded.status == TaskStatus.PENDING and not Needed.of(conn, task).finished:
        return LostOutcome(then="reload", status=TaskStatus.PENDING)
    return LostOutcome(
        then="final" if exhausted else "rerun",
        status=TaskStatus.WAITING,
        quarantined=quarantined,
        due_at=task.due_at if exhausted else None,
    )
