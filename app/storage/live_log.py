"""New events of all projects, for readers that keep lists up to date."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Select, func, select

from app.storage.labels import has_label
from app.storage.record_tables import events, tombstones
from app.storage.tables import projects
from signoff.vocabulary import EventType

# How many events a reader may fall behind. Beyond that it gets only the newest event of each project.
MAX_BEHIND = 500
MAX_PROJECTS = 10_000
# With concurrent writers, a row can become visible after one with a higher number.
LOOK_BACK = 200


@dataclass(frozen=True)
class News:
    """An event, with its project's current status and stage; both are None for a deleted project."""

    project_id: str
    type: str
    seq: int
    status: str | None
    stage: str | None


class _Tail:
    """Tracks which rows of a log are new."""

    def __init__(self, position: Column[int]) -> None:
        self._position = position
        self._end = 0
        self._known: set[int] = set()

    def skip_to_end(self, conn: Connection) -> None:
        """Mark all existing rows as known."""
        self._end = conn.execute(select(func.coalesce(func.max(self._position), 0))).scalar_one()
        self._known = set(conn.execute(self._recent(LOOK_BACK)).scalars())

    def fresh(self, conn: Connection) -> list[int] | None:
        """Return the numbers of new rows. Returns None if there are more than `MAX_BEHIND`; all of them then stay new."""
        found = conn.execute(self._recent(MAX_BEHIND + LOOK_BACK + 1)).scalars()
        fresh = [position for position in found if position not in self._known]
        if len(fresh) > MAX_BEHIND:
            return None
        self._end = max([self._end, *fresh])
        self._known = {position for position in (*self._known, *fresh) if position > self._end - LOOK_BACK}
        return fresh

    def _recent(self, limit: int) -> Select[int]:
        query = select(self._position).where(self._position > self._end - LOOK_BACK)
        return query.order_by(self._position).limit(limit)

    @property
    def end(self) -> int:
        """The highest known number."""
        return self._end


class LiveLog:
    """One reader's position in the events of all projects. It holds a few hundred numbers at most.

    Args:
        types: the event types that the reader wants.
        within: the labels of the projects that the reader may read; None for all projects.
    """

    def __init__(self, types: Collection[EventType], within: Collection[str] | None = None) -> None:
        self._within = within
        self._chosen = [has_label(within)] if within is not None else []
        self._types = [str(kind) for kind in types]
        self._events = _Tail(events.c.position)
        self._farewells = _Tail(tombstones.c.position)

    def start(self, conn: Connection) -> None:
        """Begin after everything that has already happened."""
        self._events.skip_to_end(conn)
        self._farewells.skip_to_end(conn)

    def read(self, conn: Connection) -> list[News]:
        """Return what is new since the last call. A reader that is far behind gets only the newest event of each project."""
        found = self._read_events(conn)
        return [*found, *self._read_farewells(conn)]

    def _read_events(self, conn: Connection) -> list[News]:
        query = (
            select(events.c.project_id, events.c.type, events.c.seq, projects.c.status, projects.c.stage)
            .join(projects, projects.c.id == events.c.project_id)
            .where(*self._chosen)
            .order_by(events.c.position)
        )
        start = self._events.end
        fresh = self._events.fresh(conn)
        if fresh is None:
            newest = (
                select(func.max(events.c.position))
                .where(events.c.position > start, events.c.type.in_(self._types))
                .group_by(events.c.project_id)
            )
            query = query.where(events.c.position.in_(newest)).limit(MAX_PROJECTS)
            self._events.skip_to_end(conn)
        elif fresh:
            query = query.where(events.c.position.in_(fresh), events.c.type.in_(self._types))
        else:
            return []
        return [News(*row) for row in conn.execute(query)]

    def _read_farewells(self, conn: Connection) -> list[News]:
        fresh = self._farewells.fresh(conn)
        query = select(tombstones.c.event).order_by(tombstones.c.position.desc()).limit(MAX_BEHIND)
        if fresh is None:
            self._farewells.skip_to_end(conn)
        elif fresh:
            query = query.where(tombstones.c.position.in_(fresh))
        if self._within is not None:
            query = query.where(has_label(self._within, tombstones.c.labels))
        if fresh == [] or str(EventType.PROJECT_DELETED) not in self._types:
            return []
        last = [row.event for row in conn.execute(query)]
        return [News(event["project_id"], event["type"], event["seq"], None, None) for event in reversed(last)]
