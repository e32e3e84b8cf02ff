"""Quarantine: a task whose workers were lost while it ran gets its own process.

A worker that is killed loses all of its tasks, and cannot say which of them was the cause. A single loss is therefore not held
against a task. Alone in a process, a task can harm no other, and it is responsible for whatever happens to that process.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select, update

from app.domain.states import AttemptStatus
from app.storage.tables import attempts, projects, tasks
from app.storage.tasks import TaskRow
from signoff.vocabulary import ProjectStatus, TaskStatus

# How many workers may be lost during a task before the task is quarantined, and how many quarantine processes may then vanish
# without a witness. A single loss proves nothing, because the whole machine may have gone down.
MAX_WORKERS = 2
MAX_QUARANTINES = 2
PREFIX = "quarantine:"


def note_loss(conn: Connection, task: TaskRow, *, silent: bool) -> None:
    """Record that a task's current attempt was lost. `silent`: its worker did not report it, and is gone or frozen."""
    if silent:
        conditions = (
            attempts.c.task_id == task.id,
            attempts.c.status == AttemptStatus.RUNNING,
            attempts.c.ended_at.is_(None),
        )
        conn.execute(update(attempts).where(*conditions).values(with_worker=True))


def reason_for(conn: Connection, task: TaskRow, run_id: str) -> str | None:
    """Return why a task must run in quarantine from now on, or None if it need not."""
    if task.quarantine is not None:
        return task.quarantine
    workers = _lost_workers(conn, task, run_id)
    if len(workers) < MAX_WORKERS:
        return None
    return f"{len(workers)} workers were lost while it was in progress ({', '.join(workers)}); it now runs in its own process."


def has_killed(conn: Connection, task: TaskRow, run_id: str, *, silent: bool) -> bool:
    """Whether a quarantined task has killed or frozen its own process. Call it after `note_loss`."""
    if task.quarantine is None:
        return False
    conditions = (attempts.c.task_id == task.id, attempts.c.run_id == run_id, attempts.c.worker.startswith(PREFIX))
    if conn.execute(select(func.count()).where(*conditions, attempts.c.witnessed)).scalar_one():
        return True
    return (
        silent
        and conn.execute(select(func.count()).where(*conditions, attempts.c.with_worker)).scalar_one()
        >= MAX_QUARANTINES
    )


def count_open(conn: Connection) -> int:
    """Count the quarantined tasks that have not ended."""
    query = (
        select(func.count())
        .select_from(tasks.join(projects, projects.c.id == tasks.c.project_id))
        .where(tasks.c.quarantine.is_not(None), projects.c.status == ProjectStatus.RUNNING)
        .where(tasks.c.status.in_([TaskStatus.PENDING, TaskStatus.WAITING, TaskStatus.RUNNING]))
    )
    return conn.execute(query).scalar_one()


def is_carrying(conn: Connection, worker: str) -> bool:
    """Whether a quarantine worker is currently running a task."""
    conditions = (attempts.c.worker == worker, attempts.c.status == AttemptStatus.RUNNING)
    return conn.execute(select(attempts.c.task_id).where(*conditions).limit(1)).first() is not None


def any_running(conn: Connection) -> bool:
    """Whether a quarantined task is in progress."""
    query = select(tasks.c.id).where(tasks.c.quarantine.is_not(None), tasks.c.status == TaskStatus.RUNNING)
    return conn.execute(query.limit(1)).first() is not None


def witness(conn: Connection, worker: str) -> None:
    """Record that a quarantine process was seen to end during a task, although nobody had told it to stop."""
    conditions = (attempts.c.worker == worker, attempts.c.status.in_([AttemptStatus.RUNNING, AttemptStatus.LOST]))
    conn.execute(update(attempts).where(*conditions).values(witnessed=True))


def is_given_up(conn: Connection, worker: str) -> bool:
    """Whether Signoff gave up on an attempt because its quarantine process went silent, which means that it is frozen."""
    conditions = (attempts.c.worker == worker, attempts.c.status == AttemptStatus.LOST, attempts.c.with_worker)
    return conn.execute(select(attempts.c.task_id).where(*conditions).limit(1)).first() is not None


def _lost_workers(conn: Connection, task: TaskRow, run_id: str) -> list[str]:
    conditions = (attempts.c.task_id == task.id, attempts.c.run_id == run_id, attempts.c.with_worker)
    query = select(attempts.c.worker).where(*conditions)
    return list(conn.execute(query.order_by(attempts.c.number)).scalars())
