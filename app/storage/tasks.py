"""Tasks and their attempts: every change of a task's status, each with its event.

An attempt holds a token. Only with that token may it write, so an attempt that was given up and comes back late changes
nothing; and a try whose outcome is recorded is never carried out again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from app.domain.errors import Conflict, NotFound
from app.domain.events import EventType
from app.domain.identity import isoformat, milliseconds_between, now, parse_time
from app.domain.references import referenced_tasks
from app.domain.states import TASK_MOVES, Stage, TaskStatus, sources
from app.storage import events, projects
from app.storage.tables import attempts, tasks

TaskRow = Row[Any]
News = tuple[EventType, dict[str, Any]]

_EVENT_OF = {
    TaskStatus.COMPLETED: EventType.TASK_COMPLETED,
    TaskStatus.FAILED: EventType.TASK_FAILED,
    TaskStatus.CANCELLED: EventType.TASK_CANCELLED,
    TaskStatus.SKIPPED: EventType.TASK_SKIPPED,
    TaskStatus.WAITING: EventType.TASK_WAITING,
    TaskStatus.RUNNING: EventType.TASK_STARTED,
}


@dataclass(frozen=True)
class AttemptKey:
    """Which try of which task an activity carries out, and the token that it writes under."""

    project_id: str
    run_id: str
    task_id: str
    try_number: int
    token: str


@dataclass(frozen=True)
class Started:
    """What an attempt starts from; `recorded` is set instead where this try has its outcome already."""

    recorded: TaskStatus | None
    task: TaskRow
    project: projects.ProjectRow
    number: int
    upstream: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Ending:
    """How an attempt ended."""

    status: TaskStatus
    outputs: dict[str, Any]
    error: dict[str, Any] | None = None
    exit_code: int | None = None
    log_bytes: int = 0
    reason: str | None = None
    next_try_in: float | None = None


def find(conn: Connection, project_id: str, task: str) -> TaskRow | None:
    """A task by id or key, or None."""
    query = select(tasks).where(tasks.c.project_id == project_id, (tasks.c.id == task) | (tasks.c.key == task))
    return conn.execute(query).one_or_none()


def get(conn: Connection, project_id: str, task: str) -> TaskRow:
    """A task by id or key.

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
    """Tasks of a project in the plan's order."""
    query = _matching(select(tasks), project_id, status, phase_id).order_by(tasks.c.position)
    return list(conn.execute(query.limit(limit).offset(offset)))


def ids_by_key(conn: Connection, project_id: str) -> dict[str, str]:
    """Ids of a project's tasks by key."""
    rows = conn.execute(select(tasks.c.key, tasks.c.id).where(tasks.c.project_id == project_id))
    return {row.key: row.id for row in rows}


def count(conn: Connection, project_id: str, *, status: str | None = None, phase_id: str | None = None) -> int:
    """How many tasks match."""
    return conn.execute(_matching(select(func.count()).select_from(tasks), project_id, status, phase_id)).scalar_one()


def count_by_phase(conn: Connection, project_id: str) -> dict[str, dict[str, int]]:
    """For each phase id how many tasks have which status."""
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
    """Change a task's status, provided that the table of moves allows it from where the row stands now.

    Returns what an event about it says.

    Raises:
        Conflict: it does not.
    """
    allowed = sources(TASK_MOVES, status)
    query = update(tasks).where(tasks.c.id == task.id, tasks.c.status.in_(allowed)).values(status=status, **values)
    if conn.execute(query).rowcount != 1:
        raise Conflict(f"Task '{task.key}' cannot become {status} now.", code="impossible_move")
    return describe(task)


def describe(task: TaskRow, **more: Any) -> dict[str, Any]:
    """What every event about a task says."""
    return {"task_id": task.id, "phase_id": task.phase_id, "key": task.key, "title": task.title, **more}


def start_attempt(conn: Connection, key: AttemptKey) -> Started:
    """Take the next attempt of a task.

    Raises:
        Conflict: `fenced`: the run is over or being cancelled, or the task is not to be started.
    """
    project = projects.find(conn, key.project_id)
    task = find(conn, key.project_id, key.task_id)
    if project is None or task is None or project.run_id != key.run_id:
        raise Conflict("This run has ended.", code="fenced")
    upstream = _upstream_outputs(conn, task)
    if task.recorded_try >= key.try_number:
        return Started(TaskStatus(task.status), task, project, task.attempt, upstream)
    if project.stage == Stage.CANCELLING:
        raise Conflict("The run is being cancelled.", code="fenced")
    number, at = task.attempt + 1, now()
    started = {"attempt": number, "token": key.token, "started_at": task.started_at or at, "completed_at": None}
    cleared = {"reason": None, "due_at": None, "error": None, "exit_code": None, "log_bytes": 0, "outputs": {}}
    data = move(conn, task, TaskStatus.RUNNING, **started, **cleared)
    row = {
        "task_id": task.id,
        "number": number,
        "project_id": key.project_id,
        "run_id": key.run_id,
        "try_number": key.try_number,
        "token": key.token,
        "status": TaskStatus.RUNNING,
        "started_at": at,
    }
    conn.execute(insert(attempts).values(row))
    news = (EventType.TASK_STARTED, {**data, "attempt": number, "try": key.try_number})
    events.append(conn, key.project_id, news, actor="worker", at=at)
    return Started(None, task, project, number, upstream)


def end_attempt(conn: Connection, key: AttemptKey) -> None:
    """Note that nothing of an attempt is running any more, without an outcome."""
    mine = (attempts.c.task_id == key.task_id, attempts.c.token == key.token)
    conn.execute(update(attempts).where(*mine).values(ended_at=now(), stopping_at=None))


def finish_attempt(conn: Connection, key: AttemptKey, ending: Ending) -> bool:
    """Record how an attempt ended; False where it was fenced meanwhile, and nothing but its end is noted."""
    at = now()
    mine = (attempts.c.task_id == key.task_id, attempts.c.token == key.token)
    shown = TaskStatus.FAILED if ending.status == TaskStatus.WAITING else ending.status
    end_attempt(conn, key)
    task = find(conn, key.project_id, key.task_id)
    if task is None or task.token != key.token or task.status != TaskStatus.RUNNING:
        return False
    conn.execute(update(attempts).where(*mine).values(status=shown, error=ending.error))
    again = ending.status == TaskStatus.WAITING
    values = {
        "reason": "retry" if again else ending.reason,
        "outputs": ending.outputs,
        "error": ending.error,
        "exit_code": ending.exit_code,
        "log_bytes": ending.log_bytes,
        "completed_at": None if again else at,
        "due_at": _later(at, ending.next_try_in) if again else None,
        "recorded_try": key.try_number,
        "token": None,
    }
    data = move(conn, task, ending.status, **values)
    data.update(attempt=task.attempt, duration_ms=milliseconds_between(task.started_at, at))
    if ending.error is not None:
        data.update(error=ending.error)
    if again:
        data.update(next_try=key.try_number + 1, next_try_in=ending.next_try_in)
    kind = EventType.TASK_RETRYING if again else _EVENT_OF[ending.status]
    events.append(conn, key.project_id, (kind, data), actor="worker", at=at)
    return True


def lose_attempt(
    conn: Connection, key: AttemptKey, *, status: TaskStatus, cause: str, ask: bool = False
) -> TaskStatus | None:
    """Give an attempt up whose worker was lost; the task becomes `status`, and with `ask` waits for a person's word.

    Returns the recorded status where the try had its outcome recorded after all, else None.

    Raises:
        Conflict: `fenced`: the run is over.
    """
    project = projects.find(conn, key.project_id)
    task = find(conn, key.project_id, key.task_id)
    if project is None or task is None or project.run_id != key.run_id:
        raise Conflict("This run has ended.", code="fenced")
    if task.recorded_try >= key.try_number:
        return TaskStatus(task.status)
    at = now()
    error = {"type": "worker_lost", "message": f"The worker was lost in the middle of the task ({cause})."}
    lost = {"status": "lost", "error": error, "ended_at": at}
    conn.execute(
        update(attempts).where(attempts.c.task_id == task.id, attempts.c.status == TaskStatus.RUNNING).values(**lost)
    )
    # A task that waits for the next attempt has a time for it, which tells it from one that waits for a person.
    values: dict[str, Any] = {"reason": "worker_lost", "error": error, "token": None, "due_at": None if ask else at}
    if status == TaskStatus.FAILED:
        values.update(completed_at=at, recorded_try=key.try_number)
    data = move(conn, task, status, **values) | {"attempt": task.attempt, "error": error, "reason": "worker_lost"}
    kind = EventType.TASK_RETRYING if status == TaskStatus.WAITING and not ask else _EVENT_OF[status]
    events.append(conn, key.project_id, (kind, data), actor="signoff", at=at)
    return None


def count_lost(conn: Connection, task_id: str, run_id: str, try_number: int) -> int:
    """How many attempts at one try were lost with their worker."""
    mine = (attempts.c.task_id == task_id, attempts.c.run_id == run_id, attempts.c.try_number == try_number)
    return conn.execute(select(func.count()).where(*mine, attempts.c.status == "lost")).scalar_one()


def note_stopping(conn: Connection, key: AttemptKey) -> None:
    """Note that an attempt which was told to stop is still alive."""
    mine = (attempts.c.task_id == key.task_id, attempts.c.token == key.token, attempts.c.ended_at.is_(None))
    conn.execute(update(attempts).where(*mine).values(stopping_at=now()))


def open_task(conn: Connection, task: TaskRow, *, reason: str, due_at: str | None = None) -> None:
    """Have a task wait: for a person, or for a timer that ends at `due_at`."""
    at = now()
    shown = move(conn, task, TaskStatus.WAITING, reason=reason, due_at=due_at, started_at=task.started_at or at)
    news = (EventType.TASK_WAITING, {**shown, "reason": reason, "due_at": due_at})
    events.append(conn, task.project_id, news, actor="signoff", at=at)


def set_reason(conn: Connection, task: TaskRow, reason: str) -> None:
    """Change what a waiting task waits for."""
    conn.execute(update(tasks).where(tasks.c.id == task.id).values(reason=reason))


def skip(conn: Connection, project_id: str, keys: Sequence[str], *, reason: str) -> None:
    """Skip tasks (by key) that have not started."""
    wanted = set(keys)
    query = select(tasks).where(tasks.c.project_id == project_id, tasks.c.status == TaskStatus.PENDING)
    rows = [row for row in conn.execute(query.order_by(tasks.c.position)) if row.key in wanted]
    news = end_many(conn, rows, TaskStatus.SKIPPED, reason=reason, at=now())
    if news:
        events.append(conn, project_id, *news, actor="signoff")


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
    """End a task that no attempt carries: one that waited, or a milestone."""
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
    news = (_EVENT_OF[status], {**shown, "attempt": task.attempt, **data})
    events.append(conn, task.project_id, news, actor=actor, at=at)


def end_many(
    conn: Connection, rows: Sequence[TaskRow], status: TaskStatus, *, reason: str, at: str, **values: Any
) -> list[News]:
    """End open tasks together; returns the events to append, in the tasks' order."""
    if not rows:
        return []
    allowed = sources(TASK_MOVES, status)
    ending = {"status": status, "reason": reason, "completed_at": at, "token": None, "due_at": None, **values}
    for chunk in _chunks([row.id for row in rows]):
        conn.execute(update(tasks).where(tasks.c.id.in_(chunk), tasks.c.status.in_(allowed)).values(**ending))
    error = values.get("error")
    more = {"reason": reason} | ({"error": error} if error else {})
    return [(_EVENT_OF[status], describe(row, attempt=row.attempt, **more)) for row in rows]


def _later(at: str, seconds: float | None) -> str:
    return isoformat(parse_time(at) + timedelta(seconds=seconds or 0.0))


def _chunks(ids: list[str]) -> Iterable[list[str]]:
    """SQLite takes some 32,000 parameters in one statement at most."""
    return (ids[start : start + 5000] for start in range(0, len(ids), 5000))


def _upstream_outputs(conn: Connection, task: TaskRow) -> dict[str, dict[str, Any]]:
    keys = referenced_tasks([task.inputs, task.action])
    if not keys:
        return {}
    query = select(tasks.c.key, tasks.c.outputs).where(tasks.c.project_id == task.project_id, tasks.c.key.in_(keys))
    return {row.key: row.outputs for row in conn.execute(query)}
