"""A project's metrics, computed from its record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from app.domain import graph
from app.domain.identity import milliseconds_between, now
from app.domain.states import AttemptStatus
from app.domain.validation import phase_graphs
from app.storage import plans, tasks
from app.storage.projects import ProjectRow
from app.storage.record_tables import events
from app.storage.runs import RunRow
from app.storage.tables import attempts
from signoff.vocabulary import EventType

_OPENS = {EventType.PLAN_READY: "plan", EventType.PHASE_AWAITING_APPROVAL: "phase"}
# While a new version is being made, nobody waits. If that fails, the version before it waits for its approval again.
_CLOSES = {
    EventType.PLAN_APPROVED: "plan",
    EventType.PLAN_GENERATING: "plan",
    EventType.PLAN_CHANGES_REQUESTED: "plan",
    EventType.PHASE_APPROVED: "phase",
}
_ENDS = frozenset({EventType.PROJECT_CANCELLED, EventType.PROJECT_FAILED, EventType.PROJECT_COMPLETED})


@dataclass(frozen=True)
class Activity:
    """Totals over the attempts of a project. Times are in milliseconds."""

    total: int
    retried: int
    lost: int
    busy_ms: int
    mean: float
    peak: int


def attempts_of(conn: Connection, project_id: str) -> Activity:
    """Return totals over the attempts of all runs. An attempt in progress counts up to now."""
    columns = (attempts.c.number, attempts.c.status, attempts.c.started_at, attempts.c.ended_at)
    rows = conn.execute(select(*columns).where(attempts.c.project_id == project_id)).all()
    moment = now()
    spans = [(row.started_at, row.ended_at or moment) for row in rows]
    busy = sum(milliseconds_between(start, end) or 0 for start, end in spans)
    some, peak = _overlap(spans)
    return Activity(
        total=len(rows),
        retried=sum(row.number > 1 for row in rows),
        lost=sum(row.status == AttemptStatus.LOST for row in rows),
        busy_ms=busy,
        mean=round(busy / some, 2) if some else 0.0,
        peak=peak,
    )


def _overlap(spans: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """Return for how many milliseconds at least one span was active, and how many at most were active at once."""
    # At the same moment, an end sorts before a start: those two did not overlap.
    moments = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    running = peak = some = 0
    since = ""
    for moment, step in moments:
        if running == 0 and step > 0:
            since = moment
        running += step
        peak = max(peak, running)
        if running == 0:
            some += milliseconds_between(since, moment) or 0
    return some, peak


def wall_ms(rows: Iterable[RunRow]) -> int:
    """Return the time from start to end, summed over all runs."""
    return sum(milliseconds_between(row.started_at, row.completed_at or now()) or 0 for row in rows)


def awaiting_approval_ms(conn: Connection, project: ProjectRow) -> int:
    """Return how long plans and phases have waited for approval. A wait that is still open counts up to now."""
    types = (*_OPENS, *_CLOSES, *_ENDS, EventType.PLAN_FAILED)
    query = (
        select(events.c.type, events.c.at)
        .where(events.c.project_id == project.id, events.c.type.in_(types))
        .order_by(events.c.seq)
    )
    since: dict[str, str] = {}
    total = 0
    was_waiting = False
    for row in conn.execute(query):
        if row.type == EventType.PLAN_GENERATING:
            was_waiting = "plan" in since
        if row.type in _OPENS:
            since.setdefault(_OPENS[row.type], row.at)
        elif row.type == EventType.PLAN_FAILED:
            if was_waiting:
                since.setdefault("plan", row.at)
        else:
            closed = [_CLOSES[row.type]] if row.type in _CLOSES else list(since)
            total += sum(milliseconds_between(since.pop(gate), row.at) or 0 for gate in closed if gate in since)
    return total + sum(milliseconds_between(start, now()) or 0 for start in since.values())


def critical_path_ms(conn: Connection, project: ProjectRow, rows: Sequence[tasks.TaskRow]) -> int:
    """Return the time that the tasks on the critical path have taken."""
    if project.plan_version is None:
        return 0
    draft = plans.content(plans.current(conn, project))
    phases = phase_graphs(draft)
    took = {row.key: float(duration_ms(row) or 0) for row in rows}
    weights = [took.get(task.key, 0.0) for task in draft.tasks()]
    return round(sum(weights[node] for node in graph.critical_path_of_phases(phases, weights)))


def duration_ms(row: tasks.TaskRow) -> int | None:
    """Return the time from a task's start to its end, or to now. None if it has not started."""
    return milliseconds_between(row.started_at, row.completed_at or (now() if row.started_at else None))
