"""Tasks. Every status change goes through `move`, and each has its event."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

from sqlalchemy import Connection, String, bindparam, cast, func, or_, select, tuple_, update

from app.database.prepared import Prepared
from app.domain.command_seals import CommentSeal
from app.domain.errors import Conflict, NotFound
from app.domain.identity import now
from app.domain.plan import DEFAULT_AGENT
from app.domain.references import outputs_used
from app.domain.replay import outputs_hash
from app.domain.sender import Actor
from app.domain.states import FINISHED_TASK, SKIPPED_BY_PERSON, TASK_MOVES, sources
from app.storage import events, locks
from app.storage.reading import Query, Rows
from app.storage.tables import WAITS_FOR_PERSON, projects, tasks
from app.storage.task_fields import TaskError, error_of, reason_of
from signoff.schemas.event_data import (
    EventData,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    TaskMoved,
    TaskSkipped,
    TaskWaiting,
)
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import AfterFailure, LimitName, OnCrash, ProjectStatus, TaskStatus, WaitReason


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task of the current plan. `app.storage.tables` explains the columns."""

    id: str
    project_id: str
    phase_id: str
    key: str
    title: str
    description: str
    position: int
    agent_id: str | None
    action: JsonObject
    depends_on: list[str]
    inputs: JsonObject
    expected_files: list[str]
    retries: int
    timeout_seconds: float | None
    on_crash: OnCrash
    after_failure: AfterFailure | None
    reads: list[str]
    writes: list[str]
    limits: dict[LimitName, int]
    condition: JsonObject | None
    requires_approval: bool
    status: TaskStatus
    reason: str | None
    outputs: JsonObject
    error: TaskError | None
    exit_code: int | None
    log_bytes: int
    started_at: str | None
    completed_at: str | None
    due_at: str | None
    attempt: int
    recorded_try: int
    token: str | None
    quarantine: str | None

    @property
    def action_type(self) -> str:
        """The type of the task's action."""
        return str(self.action["type"])

    @property
    def seconds(self) -> float | None:
        """How long a timer runs, or a decision waits for an answer. None without a limit."""
        seconds = self.action.get("seconds", self.action.get("expires_seconds"))
        return float(seconds) if isinstance(seconds, str | int | float) else None


class TaskChanges(TypedDict, total=False):
    """The columns that a change of a task's state may set, besides its status."""

    reason: str | None
    outputs: JsonObject
    error: TaskError | None
    exit_code: int | None
    log_bytes: int
    started_at: str | None
    completed_at: str | None
    due_at: str | None
    attempt: int
    recorded_try: int
    token: str | None
    quarantine: str | None


@dataclass(frozen=True, slots=True)
class _Count:
    phase_id: str
    status: TaskStatus
    number: int


class TaskNames(TypedDict):
    """The fields that every event about a task has."""

    task_id: str
    phase_id: str
    key: str
    title: str


EVENT_OF: dict[TaskStatus, type[TaskMoved]] = {
    TaskStatus.COMPLETED: TaskCompleted,
    TaskStatus.FAILED: TaskFailed,
    TaskStatus.CANCELLED: TaskCancelled,
    TaskStatus.SKIPPED: TaskSkipped,
    TaskStatus.WAITING: TaskWaiting,
}


# Statements on the hot path are built once: building one costs more than running it.
_ROWS = Rows(tasks, TaskRow)
_COUNTS = Rows(tasks, _Count, number=func.count())
_COUNT_BY_PHASE = _COUNTS.select.where(tasks.c.project_id == bindparam("in_project")).group_by(
    tasks.c.phase_id, tasks.c.status
)
_USERS = (
    select(tasks.c.id, tasks.c.key, tasks.c.title, tasks.c.inputs, tasks.c.action)
    .where(
        tasks.c.project_id == bindparam("in_project"),
        tasks.c.status.notin_(FINISHED_TASK),
        or_(*(cast(column, String).contains("${{") for column in (tasks.c.inputs, tasks.c.action))),
    )
    .order_by(tasks.c.position)
)
_ALL = _ROWS.select.where(tasks.c.project_id == bindparam("in_project")).order_by(tasks.c.position, tasks.c.id)
_FIND = Prepared(
    _ROWS.select.where(
        tasks.c.project_id == bindparam("in_project"),
        (tasks.c.id == bindparam("named")) | (tasks.c.key == bindparam("named")),
    )
)
_MOVES = {
    status: Prepared(
        update(tasks).where(tasks.c.id == bindparam("of_task"), tasks.c.status.in_(sources(TASK_MOVES, status)))
    )
    for status in TaskStatus
}


def find(conn: Connection, project_id: str, task: str) -> TaskRow | None:
    """Return a task by its id or key, or None."""
    locks.hold_project(conn, project_id)
    return _ROWS.find(conn, _FIND, {"in_project": project_id, "named": task})


def manual_waiting(conn: Connection, project_ids: Collection[str]) -> dict[str, int]:
    """Count the tasks of each project that wait for a person to do or release them. Projects without such tasks are left out."""
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


def with_keys(conn: Connection, project_id: str, keys: Collection[str]) -> list[TaskRow]:
    """Return the tasks of a project that have these keys, in plan order."""
    query = _ROWS.select.where(tasks.c.project_id == project_id, tasks.c.key.in_(keys)).order_by(tasks.c.position)
    return _ROWS.all(conn, query)


def all_of(
    conn: Connection,
    project_id: str,
    *,
    status: str | None = None,
    phase_id: str | None = None,
    limit: int | None = None,
    offset: int = 0,
    after: tuple[int, str] | None = None,
) -> list[TaskRow]:
    """Return tasks of a project in plan order.

    Args:
        after: position and id of a task. Only tasks that come later are returned.
    """
    if status is phase_id is limit is after is None and not offset:
        return _ROWS.all(conn, _ALL, {"in_project": project_id})
    query = _matching(_ROWS.select, project_id, status, phase_id).order_by(tasks.c.position, tasks.c.id)
    if after is not None:
        query = query.where(tuple_(tasks.c.position, tasks.c.id) > tuple_(*after))
    return _ROWS.all(conn, query.limit(limit).offset(offset))


def open_of(conn: Connection, project_id: str) -> list[TaskRow]:
    """Return the tasks of a project that have not ended, in plan order."""
    query = _ROWS.select.where(tasks.c.project_id == project_id, tasks.c.status.notin_(FINISHED_TASK))
    return _ROWS.all(conn, query.order_by(tasks.c.position))


def ids_by_key(conn: Connection, project_id: str) -> dict[str, str]:
    """Return the ids of a project's tasks by key."""
    rows = conn.execute(select(tasks.c.key, tasks.c.id).where(tasks.c.project_id == project_id))
    return {row.key: row.id for row in rows}


@dataclass(frozen=True, slots=True)
class OutputUser:
    """A task that has not ended, and the outputs of another task that it uses."""

    id: str
    key: str
    title: str
    outputs: list[str]


def output_users(conn: Connection, project_id: str) -> dict[str, list[OutputUser]]:
    """Return, by the key of each task whose outputs are used, the tasks that use them and have not ended, in plan order."""
    users: dict[str, list[OutputUser]] = {}
    for row in conn.execute(_USERS, {"in_project": project_id}):
        for key, outputs in outputs_used([row.inputs, row.action]).items():
            users.setdefault(key, []).append(OutputUser(row.id, row.key, row.title, outputs))
    return users


def count(conn: Connection, project_id: str, *, status: str | None = None, phase_id: str | None = None) -> int:
    """Count the matching tasks."""
    return conn.execute(_matching(select(func.count()).select_from(tasks), project_id, status, phase_id)).scalar_one()


def count_by_status(conn: Connection, project_id: str) -> dict[str, int]:
    """Count the tasks of a project by status."""
    query = select(tasks.c.status, func.count().label("number")).where(tasks.c.project_id == project_id)
    return {row.status: row.number for row in conn.execute(query.group_by(tasks.c.status))}


def count_by_phase(conn: Connection, project_id: str) -> dict[str, dict[TaskStatus, int]]:
    """Count the tasks of each phase by status, for each phase id."""
    counts: dict[str, dict[TaskStatus, int]] = {}
    for row in _COUNTS.all(conn, _COUNT_BY_PHASE, {"in_project": project_id}):
        counts.setdefault(row.phase_id, {})[row.status] = row.number
    return counts


def _matching(query: Query, project_id: str, status: str | None, phase_id: str | None) -> Query:
    query = query.where(tasks.c.project_id == project_id)
    if status is not None:
        query = query.where(tasks.c.status == status)
    return query if phase_id is None else query.where(tasks.c.phase_id == phase_id)


def move(conn: Connection, task: TaskRow, status: TaskStatus, **values: Unpack[TaskChanges]) -> TaskNames:
    """Change a task's status, provided that the table of moves allows it from the row's current status.

    Returns the fields that an event about the task has.

    Raises:
        Conflict: the table does not allow the move.
    """
    if _MOVES[status].write(conn, {"of_task": task.id, "status": status, **values}) != 1:
        raise Conflict(f"Task '{task.key}' cannot become {status} now.", code="impossible_move")
    return describe(task)


def is_done(task: TaskRow) -> bool:
    """Whether a later run of the project need not run the task again: it completed, or a person skipped it."""
    return task.status == TaskStatus.COMPLETED or task.reason == SKIPPED_BY_PERSON


def describe(task: TaskRow) -> TaskNames:
    """Return the fields that every event about a task has."""
    return {"task_id": task.id, "phase_id": task.phase_id, "key": task.key, "title": task.title}


def open_task(conn: Connection, task: TaskRow, *, reason: WaitReason, due_at: str | None = None) -> None:
    """Make a task wait for a person, or for a timer that ends at `due_at`."""
    at = now()
    shown = move(conn, task, TaskStatus.WAITING, reason=reason, due_at=due_at, started_at=task.started_at or at)
    waiting = TaskWaiting(**shown, reason=reason, due_at=due_at)
    events.append(conn, task.project_id, waiting, actor="signoff", at=at)


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
    query = _ROWS.select.where(tasks.c.project_id == project_id, tasks.c.status == TaskStatus.PENDING)
    rows = [row for row in _ROWS.all(conn, query.order_by(tasks.c.position)) if row.key in selected]
    at = now()
    new_events = end_many(conn, rows, TaskStatus.SKIPPED, reason=reason, at=at)
    if new_events:
        events.append(conn, project_id, *new_events, actor="signoff", at=at)


def close_task(
    conn: Connection,
    task: TaskRow,
    status: TaskStatus,
    *,
    actor: Actor,
    reason: str | None = None,
    outputs: JsonObject | None = None,
    error: TaskError | None = None,
    decided: CommentSeal | None = None,
) -> None:
    """End a task that has no attempt in progress: a task that waited, or a milestone. `decided` names the decision on it."""
    at = now()
    values: TaskChanges = {"reason": reason, "outputs": outputs or {}, "error": error, "completed_at": at}
    values |= {"token": None, "due_at": None}
    if status != TaskStatus.SKIPPED:
        values["started_at"] = task.started_at or at
    shown = move(conn, task, status, **values)
    seal: CommentSeal = decided if decided is not None else {}
    ended = EVENT_OF[status](
        **shown,
        attempt=task.attempt,
        **seal,
        **error_of(error),
        **reason_of(reason),
        outputs_hash=outputs_hash(outputs or {}),
    )
    events.append(conn, task.project_id, ended, actor=actor, at=at)


def end_many(
    conn: Connection,
    rows: Sequence[TaskRow],
    status: TaskStatus,
    *,
    reason: str,
    at: str,
    error: TaskError | None = None,
) -> list[EventData]:
    """End several open tasks together. Returns the events to append, in the tasks' order."""
    if not rows:
        return []
    allowed = sources(TASK_MOVES, status)
    ending = {"status": status, "reason": reason, "completed_at": at, "token": None, "due_at": None}
    ending |= {"error": error} if error is not None else {}
    for chunk in _chunks([row.id for row in rows]):
        conn.execute(update(tasks).where(tasks.c.id.in_(chunk), tasks.c.status.in_(allowed)).values(**ending))
    more = error_of(error)
    return [EVENT_OF[status](**describe(row), attempt=row.attempt, reason=reason, **more) for row in rows]


def _chunks(ids: list[str]) -> Iterable[list[str]]:
    """Split ids into chunks, because SQLite accepts at most about 32,000 parameters in one statement."""
    return (ids[start : start + 5000] for start in range(0, len(ids), 5000))
