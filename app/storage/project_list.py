"""The list of projects: its pages, its order, and how many there are.

A page costs the same however many projects there are: each order has an index, from which the ids of a page are read first, and
projects are counted as they change. Only a search, and a filter by label, look at every project.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select

from app.domain.folding import folded
from app.storage.count_table import project_counts
from app.storage.labels import has_label
from app.storage.reading import Query, Rows
from app.storage.tables import projects
from signoff.vocabulary import Outcome, ProjectStatus, Stage, Strategy

# A text search takes as long as listing everything. Up to this many matches, their ids are reused instead of searching again.
# With more matches than this, a page of them is found quickly.
FEW_MATCHES = 500
# Every order ends with the id, so that pages neither repeat nor omit a project, and has an index in `app.storage.tables`.
_ORDERS = {
    "newest": (projects.c.created_at.desc(), projects.c.id.desc()),
    "oldest": (projects.c.created_at, projects.c.id),
    "updated": (projects.c.updated_at.desc(), projects.c.id.desc()),
    "name": (projects.c.name_key, projects.c.id),
    "status": (projects.c.status, projects.c.created_at.desc(), projects.c.id.desc()),
}
_COUNTS = select(project_counts.c.status, func.sum(project_counts.c.number)).group_by(project_counts.c.status)


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


_LISTED = Rows(projects, ListedProject)


def page(
    conn: Connection,
    *,
    status: str | None,
    search: str | None,
    sort_by: str,
    limit: int,
    offset: int,
    label: str | None = None,
    ref: str | None = None,
    within: Collection[str] | None = None,
) -> tuple[list[ListedProject], int, dict[str, int]]:
    """Return one page of projects, the number of matches, and counts by status under the same search.

    Only projects with the label, if one is named, to which `ref` refers, if it is given, and with one of the labels `within`,
    if they are given.
    """
    named = [label] if label is not None else None
    chosen = [has_label(labels) for labels in (named, within) if labels is not None]
    if ref is not None:
        chosen.append(_referred_to(ref))
    query = select(projects.c.id).where(*chosen)
    if search:
        matching = conn.execute(select(projects.c.id, projects.c.status).where(*chosen, _found(search))).all()
        counts = _complete(Counter(row.status for row in matching))
        few = len(matching) <= FEW_MATCHES
        query = query.where(projects.c.id.in_([row.id for row in matching]) if few else _found(search))
    elif chosen:
        counting = select(projects.c.status, func.count()).where(*chosen).group_by(projects.c.status)
        counts = _complete(_pairs(conn, counting))
    else:
        counts = count_by_status(conn)
    if status is not None:
        query = query.where(projects.c.status == status)
    ids = list(conn.execute(query.order_by(*_ORDERS[sort_by]).limit(limit).offset(offset)).scalars())
    rows = {row.id: row for row in _LISTED.all(conn, _LISTED.select.where(projects.c.id.in_(ids)))} if ids else {}
    total = sum(counts.values()) if status is None else counts[status]
    return [rows[project_id] for project_id in ids if project_id in rows], total, counts


def count_by_status(conn: Connection) -> dict[str, int]:
    """Return the number of projects by status, including the statuses that no project has."""
    return _complete(_pairs(conn, _COUNTS))


def merge_counts(conn: Connection) -> bool:
    """Replace the changes of the counts by one row for each status. Returns False: there is never more to merge at once."""
    kept = conn.execute(select(func.count()).select_from(project_counts)).scalar_one()
    if kept <= len(ProjectStatus):
        # An idle server writes nothing.
        return False
    # What is added up is what was deleted: a change that another transaction commits meanwhile is in neither.
    changes = conn.execute(delete(project_counts).returning(project_counts.c.status, project_counts.c.number)).all()
    sums: Counter[str] = Counter()
    for status, number in changes:
        sums[status] += number
    rows = [{"status": status, "number": number} for status, number in sums.items() if number]
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


def _found(search: str) -> ColumnElement[bool]:
    return or_(
        projects.c.name.icontains(search, autoescape=True),
        projects.c.description.icontains(search, autoescape=True),
    )
