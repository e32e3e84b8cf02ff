"""Tasks that were in progress each time that a worker was lost: they run on in a process of their own.

A worker that is killed loses all that it carries, and cannot say which of it was the cause. So nothing counts against a task
at first. Alone in a process, it can harm no other task, and what becomes of that process is its own doing.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select, update

from app.domain.states import ProjectStatus, TaskStatus
from app.storage.tables import attempts, projects, tasks
from app.storage.tasks import TaskRow

# How many workers may be lost in the middle of a task before it is quarantined, and then quarantines that nobody saw end: the
# whole machine may have gone down with them.
MAX_WORKERS = 2
MAX_QUARANTINES = 2
PREFIX = "quarantine:"


def note_loss(conn: Connection, task: TaskRow, *, silent: bool) -> None:
    """Note of a task's attempt in progress that it was lost; `silent`: its worker has not said so, and is gone or frozen."""
    if silent:
        mine = (attempts.c.task_id == task.id, attempts.c.status == TaskStatus.RUNNING, attempts.c.ended_at.is_(None))
        conn.execute(update(attempts).where(*mine).values(with_worker=True))


def reason_for(conn: Connection, task: TaskRow, run_id: str) -> str | None:
    """Why a task is to run in quarantine from now on; None where it is not."""
    if task.quarantine is not None:
        return task.quarantine
    workers = _lost_workers(conn, task, run_id)
    if len(workers) < MAX_WORKERS:
        return None
    return f"{len(workers)} workers were lost while it was in progress ({', '.join(workers)}); it runs in a process of its own."


def has_killed(conn: Connection, task: TaskRow, run_id: str, *, silent: bool) -> bool:
    """Whether a task in quarantine has ended or frozen the process that it had to itself; call after `note_loss`."""
    if task.quarantine is None:
        return False
    mine = (attempts.c.task_id == task.id, attempts.c.run_id == run_id, attempts.c.worker.startswith(PREFIX))
    if conn.execute(select(func.count()).where(*mine, attempts.c.witnessed)).scalar_one():
        return True
    return (
        silent
        and conn.execute(select(func.count()).where(*mine, attempts.c.with_worker)).scalar_one() >= MAX_QUARANTINES
    )


def count_open(conn: Connection) -> int:
    """How many tasks are in quarantine and have not ended."""
    query = (
        select(func.count())
        .select_from(tasks.join(projects, projects.c.id == tasks.c.project_id))
        .where(tasks.c.quarantine.is_not(None), projects.c.status == ProjectStatus.RUNNING)
        .where(tasks.c.status.in_([TaskStatus.PENDING, TaskStatus.WAITING, TaskStatus.RUNNING]))
    )
    return conn.execute(query).scalar_one()


def is_carrying(conn: Connection, worker: str) -> bool:
    """Whether a quarantine is in the middle of a task."""
    mine = (attempts.c.worker == worker, attempts.c.status == TaskStatus.RUNNING)
    return conn.execute(select(attempts.c.task_id).where(*mine).limit(1)).first() is not None


def any_running(conn: Connection) -> bool:
    """Whether a task in quarantine is in progress."""
    query = select(tasks.c.id).where(tasks.c.quarantine.is_not(None), tasks.c.status == TaskStatus.RUNNING)
    return conn.execute(query.limit(1)).first() is not None


def witness(conn: Connection, worker: str) -> None:
    """Note that a quarantine was seen to end in the middle of what it carried, which nobody had told it to."""
    mine = (attempts.c.worker == worker, attempts.c.status.in_([TaskStatus.RUNNING, "lost"]))
    conn.execute(update(attempts).where(*mine).values(witnessed=True))


def is_given_up(conn: Connection, worker: str) -> bool:
    """Whether an attempt that a quarantine carries was given up without a word from it: it is frozen."""
    mine = (attempts.c.worker == worker, attempts.c.status == "lost", attempts.c.with_worker)
    return conn.execute(select(attempts.c.task_id).where(*mine).limit(1)).first() is not None


def _lost_workers(conn: Connection, task: TaskRow, run_id: str) -> list[str]:
    mine = (attempts.c.task_id == task.id, attempts.c.run_id == run_id, attempts.c.with_worker)
    query = select(attempts.c.worker).where(*mine)
    return list(conn.execute(query.order_by(attempts.c.number)).scalars())
