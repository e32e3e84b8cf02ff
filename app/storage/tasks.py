"""Tasks. Every status change goes through `move`, and each has its event."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select, update

from app.domain.errors import Conflict, NotFound
from app.domain.events import EventType
from app.domain.identity import now
from app.domain.plan import DEFAULT_AGENT
from app.domain.replay import outputs_hash
from app.domain.states import TASK_MOVES, WaitReason, sources
from app.storage import events, locks
from app.storage.tables import WAITS_FOR_PERSON, projects, tasks
from signoff.vocabulary import ProjectStatus, TaskStatus

TaskRow = Row[Any]
News = tuple[EventType, dict[str, Any]]

EVENT_OF = {
    TaskStatus.COMPLETED: EventType.TASK_COMPLETED,
    TaskStatus.FAILED: EventType.TASK_FAILED,
    TaskStatus.CANCELLED: EventType.TASK_CANCELLED,
    TaskStatus.SKIPPED: EventType.TASK_SKIPPED,
    TaskStatus.WAITING: EventType.TASK_WAITING,
    TaskStatus.RUNNING: EventType.TASK_STARTED,
}


# Statements on the hot path are built once: building one costs more than running it.
_FIND = select(tasks).where(
    tasks.c.project_id == bindparam("in_project"),
    (tasks.c.id == bindparam("named")) | (tasks.c.key == bindparam("named")),
)
_MOVES = {
    status: update(tasks).where(tasks.c.id == bindparam("of_task"), tasks.c.status.in_(sources(TASK_MOVES, status)))
    for status in TaskStatus
}


def find(conn: Connection, project_id: str, task: str) -> TaskRow | None:
    """Return a task by its id or key, or None."""
    locks.hold_project(conn, project_id)
    return conn.execute(_FIND, {"in_project": project_id, "named": task}).one_or_none()


def manual_waiting(conn: Connection, project_ids: Collection[str]) -> dict[str, int]:
    """Count the tasks of each project that wait for a person to do them. Projects without such tasks are left out."""
    query = (
        select(tasks.c.project_id, func.count().label("number"))
        .where(tasks.c.project_id.in_(project_ids), WAITS_FOR_PERSON)
        .group_by(tasks.c.project_id)
    )
    return {row.project_id: row.number for row in conn.execute(query)}


def get(conn: Connection, project_id: str, task: str) -> TaskRow:
    """Return a task by its id or key.

    Raises:
        NotFound: the project has no such task.
    """
    row = find(conn, project_id, task)
    if row is None:
        raise NotFound(f"This project has no task {task}.", code="task_not_found")
    return row


def all_of(
    conn: Connection,
    project_id: str,
    *,
    status: str | None = None,
    phase_id: str | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[TaskRow]:
    """Return tasks of a project in plan order."""
    query = _matching(select(tasks), project_id, status, phase_id).order_by(tasks.c.position)
    return list(conn.execute(query.limit(limit).offset(offset)))


def ids_by_key(conn: Connection, project_id: str) -> dict[str, str]:
    """Return the ids of a project's tasks by key."""
    rows = conn.execute(select(tasks.c.key, tasks.c.id).where(tasks.c.project_id == project_id))
    return {row.key: row.id for row in rows}


def count(conn: Connection, project_id: str, *, status: str | None = None, phase_id: str | None = None) -> int:
    """Count the matching tasks."""
    return conn.execute(_matching(select(func.count()).select_from(tasks), project_id, status, phase_id)).scalar_one()


def count_by_status(conn: Connection, project_id: str) -> dict[str, int]:
    """Count the tasks of a project by status."""
    query = select(tasks.c.status, func.count().label("number")).where(tasks.c.project_id == project_id)
    return {row.status: row.number for row in conn.execute(query.group_by(tasks.c.status))}


def count_by_phase(conn: Connection, project_id: str) -> dict[str, dict[str, int]]:
    """Count the tasks of each phase by status, for each phase id."""
    query = (
        select(tasks.c.phase_id, tasks.c.status, func.count())
        .where(tasks.c.project_id == project_id)
        .group_by(tasks.c.phase_id, tasks.c.status)
    )
    counts: dict[str, dict[str, int]] = {}
    for phase_id, status, number in conn.execute(query):
        counts.setdefault(phase_id, {})[status] = number
    return counts


def _matching(query: Select[Any], project_id: str, status: str | None, phase_id: str | None) -> Select[Any]:
    query = query.where(tasks.c.project_id == project_id)
    if status is not None:
        query = query.where(tasks.c.status == status)
    return query if phase_id is None else query.where(tasks.c.phase_id == phase_id)


def move(conn: Connection, task: TaskRow, status: TaskStatus, **values: Any) -> dict[str, Any]:
    """Change a task's status, provided that the table of moves allows it from the row's current status.

    Returns the fields that an event about the task has.

    Raises:
        Conflict: the table does not allow the move.
    """
    if conn.execute(_MOVES[status], {"of_task": task.id, "status": status, **values}).rowcount != 1:
        raise Conflict(f"Task '{task.key}' cannot become {status} now.", code="impossible_move")
    return describe(task)


def describe(task: TaskRow, **more: Any) -> dict[str, Any]:
    """Return the fields that every event about a task has."""
    return {"task_id": task.id, "phase_id": task.phase_id, "key": task.key, "title": task.title, **more}


def open_task(conn: Connection, task: TaskRow, *, reason: WaitReason, due_at: str | None = None) -> None:
    """Make a task wait for a person, or for a timer that ends at `due_at`."""
    at = now()
    shown = move(conn, task, TaskStatus.WAITING, reason=reason, due_at=due_at, started_at=task.started_at or at)
    event = (EventType.TASK_WAITING, {**shown, "reason": reason, "due_at": due_at})
    events.append(conn, task.project_id, event, actor="signoff", at=at)


def await_next_try(conn: Connection, task: TaskRow) -> None:
    """Let a waiting task be retried at once."""
    conditions = (tasks.c.id == task.id, tasks.c.status == TaskStatus.WAITING)
    conn.execute(update(tasks).where(*conditions).values(reason=WaitReason.RETRY, due_at=None))


def any_runs_for(conn: Connection, agents: Collection[str]) -> bool:
    """Whether any project has a running task that belongs to one of these agents."""
    agent = func.coalesce(tasks.c.agent_id, projects.c.agent_id, DEFAULT_AGENT)
    running = (projects.c.status == ProjectStatus.RUNNING, tasks.c.status == TaskStatus.RUNNING)
    query = select(tasks.c.id).join(projects, projects.c.id == tasks.c.project_id).where(*running, agent.in_(agents))
    return conn.execute(query.limit(1)).first() is not None


def skip(conn: Connection, project_id: str, keys: Sequence[str], *, reason: str) -> None:
    """Skip those of the tasks, named by key, that have not started."""
    selected = set(keys)
    query = select(tasks).where(tasks.c.project_id == project_id, tasks.c.status == TaskStatus.PENDING)
    rows = [row for row in conn.execute(query.order_by(tasks.c.position)) if row.key in selected]
    at = now()
    new_events = end_many(conn, rows, TaskStatus.SKIPPED, reason=reason, at=at)
    if new_events:
        events.append(conn, project_id, *new_events, actor="signoff", at=at)


def close_task(
    conn: Connection,
    task: TaskRow,
    status: TaskStatus,
    *,
    actor: str,
    reason: str | None = None,
    outputs: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
    **data: Any,
) -> None:
    """End a task that has no attempt in progress: a task that waited, or a milestone."""
    at = now()
    values = {"reason": reason, "outputs": outputs or {}, "error": error, "completed_at": at, "token": None}
    values["due_at"] = None
    if status != TaskStatus.SKIPPED:
        values["started_at"] = task.started_at or at
    shown = move(conn, task, status, **values)
    if error is not None:
        data["error"] = error
    if reason is not None:
        data["reason"] = reason
    data["outputs_hash"] = outputs_hash(outputs or {})
    event = (EVENT_OF[status], {**shown, "attempt": task.attempt, **data})
    events.append(conn, task.project_id, event, actor=actor, at=at)


def end_many(
    conn: Connection, rows: Sequence[TaskRow], status: TaskStatus, *, reason: str, at: str, **values: Any
) -> list[News]:
    """End several open tasks together. Returns the events to append, in the tasks' order."""
    if not rows:
        return []
    allowed = sources(TASK_MOVES, status)
    ending = {"status": status, "reason": reason, "completed_at": at, "token": None, "due_at": None, **values}
    for chunk in _chunks([row.id for row in rows]):
        conn.execute(update(tasks).where(tasks.c.id.in_(chunk), tasks.c.status.in_(allowed)).values(**ending))
    error = values.get("error")
    more = {"reason": reason} | ({"error": error} if error else {})
    return [(EVENT_OF[status], describe(row, attempt=row.attempt, **more)) for row in rows]


def _chunks(ids: list[str]) -> Iterable[list[str]]:
    """Split ids into chunks, because SQLite accepts at most about 32,000 parameters in one statement."""
    return (ids[start : start + 5000] for start in range(0, len(ids), 5000))
