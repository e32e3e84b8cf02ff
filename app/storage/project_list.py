"""The list of projects: its pages, its order, and how many there are.

A page costs the same however many projects there are. Each order has an index, from which the ids of a page are read first.
Projects are counted as they change. Words and labels have an index (`app.storage.project_search`); only the counts of a search,
or of a time, that finds many projects take longer, the more it finds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from app.domain.folding import folded
from app.domain.search_terms import words_of
from app.storage import project_search
from app.storage.count_table import project_counts
from app.storage.list_indexes import IS_ARCHIVED, IS_SHOWN
from app.storage.project_dates import Dates
from app.storage.reading import Query, Rows
from app.storage.tables import projects
from signoff.vocabulary import Outcome, ProjectStatus, Stage, Strategy

# Up to this many matches are collected and then sorted. If there are more, the next ones in the order are found quickly.
FEW_MATCHES = 1_000


@dataclass(frozen=True, slots=True)
class _Order:
    """Columns that are all read in the same direction. The last one is the id, so that no two projects are equal."""

    columns: tuple[Column[str], ...]
    descending: bool
    # The projects are first grouped by this column, in ascending order.
    group: Column[str] | None = None

    def terms(self, of: ReadOnlyColumnCollection[str, Any] = projects.c) -> Sequence[ColumnElement[str]]:
        """What to order by: columns of the table, or of a query that has those of the key."""
        columns = [of[column.name] for column in self.columns]
        inner = [column.desc() if self.descending else column.asc() for column in columns]
        return inner if self.group is None else [of[self.group.name].asc(), *inner]

    def key(self) -> list[Column[str]]:
        """The columns that say where in the order a project is."""
        return [*self.columns] if self.group is None else [self.group, *self.columns]

    def after(self, key: Sequence[str]) -> list[list[ColumnElement[bool]]]:
        """Conditions for the projects after a key, one set for each range of the index, in order."""
        group, inner = ([], key) if self.group is None else ([self.group == key[0]], key[1:])
        here, there = tuple_(*self.columns), tuple_(*inner)
        beyond = here < there if self.descending else here > there
        ranges: list[list[ColumnElement[bool]]] = [[*group, beyond]]
        return ranges if self.group is None else [*ranges, [self.group > key[0]]]


# Each has an index in `app.storage.tables`, alone and within a status.
_ORDERS = {
    "newest": _Order((projects.c.created_at, projects.c.id), descending=True),
    "oldest": _Order((projects.c.created_at, projects.c.id), descending=False),
    "updated": _Order((projects.c.updated_at, projects.c.id), descending=True),
    "name": _Order((projects.c.name_key, projects.c.id), descending=False),
    "status": _Order((projects.c.created_at, projects.c.id), descending=True, group=projects.c.status),
}
_ANY_TIME = Dates()
_COUNTS = select(project_counts.c.status, func.sum(project_counts.c.number)).group_by(project_counts.c.status)
# The parts of the list, by whether they are the archive.
_PARTS = {False: IS_SHOWN, True: IS_ARCHIVED}


@dataclass(frozen=True, slots=True)
class ListedProject:
    """The columns of a project that a list shows."""

    id: str
    name: str
    description: str
    status: ProjectStatus
    stage: Stage
    strategy: Strategy
    labels: list[str]
    outcome: Outcome | None
    created_at: str
    updated_at: str
    created_by: str
    created_by_id: str | None
    archived_at: str | None


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """A page of the list, and what there is besides."""

    rows: list[ListedProject]
    # How many projects match, and how many of each status match apart from the status that was asked for.
    total: int
    counts: dict[str, int]
    # Where the page ends in the order. None: nothing comes after it.
    end: list[str] | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which projects a list is about, and in which order."""

    status: str | None = None
    search: str = ""
    label: str | None = None
    # Only projects that it may refer to: by their id, by the beginning or end of it, or by their name.
    ref: str | None = None
    # Only projects with one of these labels. None: all.
    within: Collection[str] | None = None
    sort_by: str = "newest"
    # Only those in the archive, or only the others. None: both.
    archived: bool | None = False
    dates: Dates = _ANY_TIME


_LISTED = Rows(projects, ListedProject)


def key_length(sort_by: str) -> int:
    """Return how many texts say where a page in this order ends."""
    return len(_ORDERS[sort_by].key())


def page(
    conn: Connection, wanted: Wanted, *, limit: int, offset: int = 0, after: Sequence[str] | None = None
) -> ProjectPage:
    """Return one page of projects.

    Args:
        conn: a connection.
        wanted: which projects, and in which order.
        limit: the most projects on the page.
        offset: how many to leave out before the page.
        after: the `end` of the page before. The next page begins there, whatever was added or deleted meanwhile.
    """
    words = words_of(wanted.search)
    filters: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        filters.append(projects.c.status == wanted.status)
    if words or any(part is not None for part in (wanted.label, wanted.ref, wanted.within)):
        counts, found = _search(conn, wanted, words)
        filters.append(found)
    elif dates := wanted.dates.conditions():
        counts, found = _dated(conn, wanted, dates)
        filters.append(found)
    else:
        counts = count_by_status(conn, archived=wanted.archived)
    order = _ORDERS[wanted.sort_by]
    keys = _keys(conn, order, filters, wanted.archived, limit=limit + 1, offset=offset, after=after)
    ids = [key[-1] for key in keys[:limit]]
    rows = {row.id: row for row in _LISTED.all(conn, _LISTED.select.where(projects.c.id.in_(ids)))} if ids else {}
    return ProjectPage(
        rows=[rows[project_id] for project_id in ids if project_id in rows],
        total=sum(counts.values()) if wanted.status is None else counts[wanted.status],
        counts=counts,
        end=keys[limit - 1] if len(keys) > limit else None,
    )


def _keys(
    conn: Connection,
    order: _Order,
    filters: Collection[ColumnElement[bool]],
    archived: bool | None,
    *,
    limit: int,
    offset: int,
    after: Sequence[str] | None,
) -> list[list[str]]:
    if after is None:
        return _first(conn, order, filters, archived, limit=limit, offset=offset)
    found: list[list[str]] = []
    for conditions in order.after(after):
        if len(found) < limit:
            found += _first(conn, order, [*filters, *conditions], archived, limit=limit - len(found))
    return found


def _first(
    conn: Connection,
    order: _Order,
    filters: Collection[ColumnElement[bool]],
    archived: bool | None,
    *,
    limit: int,
    offset: int = 0,
) -> list[list[str]]:
    """Return the first keys in the order. Each part of the list has its own indexes, so both together are merged."""
    query = select(*order.key()).where(*filters).order_by(*order.terms())
    if archived is not None:
        return [list(row) for row in conn.execute(query.where(_PARTS[archived]).limit(limit).offset(offset))]
    parts = [select(query.where(part).limit(limit + offset).subquery()) for part in _PARTS.values()]
    both = union_all(*parts).subquery()
    merged = select(both).order_by(*order.terms(both.c)).limit(limit).offset(offset)
    return [list(row) for row in conn.execute(merged)]


def _dated(
    conn: Connection, wanted: Wanted, dates: Sequence[ColumnElement[bool]]
) -> tuple[dict[str, int], ColumnElement[bool]]:
    """The same as `_search`, for a time alone. Each part of the list has indexes for that, within a status."""
    parts = [_PARTS[archived] for archived in _PARTS if wanted.archived in {None, archived}]
    each = [
        select(literal(str(status)).label("status"), func.count().label("number")).where(
            part, projects.c.status == status, *dates
        )
        for part in parts
        for status in ProjectStatus
    ]
    every = union_all(*each).subquery()
    counts = _complete(_pairs(conn, select(every.c.status, func.sum(every.c.number)).group_by(every.c.status)))
    of_status = [] if wanted.status is None else [projects.c.status == wanted.status]
    if (sum(counts.values()) if wanted.status is None else counts[wanted.status]) > FEW_MATCHES:
        return counts, and_(*dates)
    few = union_all(*(select(projects.c.text_position).where(part, *of_status, *dates) for part in parts))
    return counts, projects.c.text_position.in_(list(conn.execute(few).scalars()))


def _search(conn: Connection, wanted: Wanted, words: Collection[str]) -> tuple[dict[str, int], ColumnElement[bool]]:
    """Return the counts by status of what matches, and the condition by which a page of it is found fastest."""
    chosen = [] if wanted.ref is None else [_referred_to(wanted.ref)]
    if words or wanted.label is not None or wanted.within is not None:
        chosen.append(project_search.matching(conn, words, wanted.label, wanted.within))
    if wanted.archived is not None:
        chosen.append(projects.c.archived_at.is_not(None) if wanted.archived else projects.c.archived_at.is_(None))
    dates = wanted.dates.conditions()
    matching = and_(*chosen, *dates)
    query = select(projects.c.text_position, projects.c.status).where(matching)
    first = conn.execute(query.limit(FEW_MATCHES + 1)).all()
    if len(first) <= FEW_MATCHES:
        counts = _complete(Counter(row.status for row in first))
        return counts, projects.c.text_position.in_([row.text_position for row in first])
    counting = select(projects.c.status, func.count()).where(matching).group_by(projects.c.status)
    counts = _complete(_pairs(conn, counting))
    if wanted.status is not None and counts[wanted.status] <= FEW_MATCHES:
        few = select(projects.c.text_position).where(matching, projects.c.status == wanted.status)
        return counts, projects.c.text_position.in_(list(conn.execute(few).scalars()))
    named = [] if wanted.ref is None else [_referred_to(wanted.ref)]
    return counts, and_(*named, *dates, project_search.matches(words, wanted.label, wanted.within))


def count_by_status(conn: Connection, *, archived: bool | None = None) -> dict[str, int]:
    """Return the number of projects by status, including the statuses that no project has. `archived` is as in `Wanted`."""
    return _complete(
        _pairs(conn, _COUNTS if archived is None else _COUNTS.where(project_counts.c.archived == archived))
    )


def merge_counts(conn: Connection) -> bool:
    """Replace the changes of the counts by one for each status and part. Returns False: there is never more to merge at once."""
    kept = conn.execute(select(func.count()).select_from(project_counts)).scalar_one()
    if kept <= len(ProjectStatus) * len(_PARTS):
        # An idle server writes nothing.
        return False
    # What is added up is what was deleted: a change that another transaction commits meanwhile is in neither.
    columns = (project_counts.c.status, project_counts.c.archived, project_counts.c.number)
    sums: Counter[tuple[str, bool]] = Counter()
    for status, archived, number in conn.execute(delete(project_counts).returning(*columns)).all():
        sums[status, archived] += number
    rows = [
        {"status": status, "archived": archived, "number": number}
        for (status, archived), number in sums.items()
        if number
    ]
    if rows:
        conn.execute(insert(project_counts), rows)
    return False


def _pairs(conn: Connection, query: Query) -> dict[str, int]:
    return {status: int(number) for status, number in conn.execute(query)}


def _complete(counts: dict[str, int]) -> dict[str, int]:
    return {str(status): counts.get(status, 0) for status in ProjectStatus}


def _referred_to(ref: str) -> ColumnElement[bool]:
    """The projects whose id is `ref`, begins or ends with it, or whose name is `ref`, in any case."""
    return or_(
        projects.c.id.startswith(ref, autoescape=True),
        projects.c.id.startswith(f"proj_{ref}", autoescape=True),
        projects.c.id.endswith(ref, autoescape=True),
        projects.c.name_key == folded(ref),
    )
