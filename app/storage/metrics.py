"""A project's metrics, computed from its record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from app.domain import graph
from app.domain.identity import milliseconds_between, now
from app.domain.states import AttemptStatus
from app.storage.projects import ProjectRow
from app.storage.record_tables import events
from app.storage.runs import RunRow
from app.storage.tables import attempts
from app.storage.task_graph import GraphTask, dependencies_in_phases
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
# Statements are built once: building one costs more than running it.
_ATTEMPTS = select(attempts.c.number, attempts.c.status, attempts.c.started_at, attempts.c.ended_at).where(
    attempts.c.project_id == bindparam("of_project")
)
_WAITS = (
    select(events.c.type, events.c.at)
    .where(
        events.c.project_id == bindparam("of_project"),
        events.c.type.in_((*_OPENS, *_CLOSES, *_ENDS, EventType.PLAN_FAILED)),
    )
    .order_by(events.c.seq)
)


class Until:
    """The moment up to which a read counts what has not ended.

    Attributes:
        grows: whether anything had not ended, so that a later read finds more.
    """

    def __init__(self) -> None:
        self._moment = now()
        self.grows = False

    def end(self, ended_at: str | None = None) -> str:
        """Return when something ended, or the moment of the read if it has not ended."""
        if ended_at is not None:
            return ended_at
        self.grows = True
        return self._moment


@dataclass(frozen=True)
class Activity:
    """Totals over the attempts of a project. Times are in milliseconds."""

    total: int
    retried: int
    lost: int
    busy_ms: int
    mean: float
    peak: int


def attempts_of(conn: Connection, project_id: str, until: Until) -> Activity:
    """Return totals over the attempts of all runs."""
    rows = conn.execute(_ATTEMPTS, {"of_project": project_id}).all()
    spans = [(row.started_at, until.end(row.ended_at)) for row in rows]
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


def wall_ms(rows: Iterable[RunRow], until: Until) -> int:
    """Return the time from start to end, summed over all runs."""
    return sum(milliseconds_between(row.started_at, until.end(row.completed_at)) or 0 for row in rows)


def awaiting_approval_ms(conn: Connection, project: ProjectRow, until: Until) -> int:
    """Return how long plans and phases have waited for approval."""
    since: dict[str, str] = {}
    total = 0
    was_waiting = False
    for row in conn.execute(_WAITS, {"of_project": project.id}):
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
    return total + sum(milliseconds_between(start, until.end()) or 0 for start in since.values())


def critical_path_ms(rows: Sequence[GraphTask], durations: Sequence[int | None]) -> int:
    """Return the time that the tasks on the critical path have taken, given that of each task."""
    phases, weights = dependencies_in_phases(rows), [float(duration or 0) for duration in durations]
    return round(sum(weights[node] for node in graph.critical_path_of_phases(phases, weights)))


def duration_ms(row: GraphTask, until: Until) -> int | None:
    """Return the time from a task's start to its end. None if it has not started."""
    return milliseconds_between(row.started_at, until.end(row.completed_at)) if row.started_at is not None else None
