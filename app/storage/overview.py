"""Figures over all projects: what runs, and what was done and used in each week, by template.

They are added up as runs and model calls end (`app.storage.total_tables`), so they cost the same for any number of projects.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from app.storage import project_list
from app.storage.labels import has_label
from app.storage.project_list import Wanted
from app.storage.reading import Rows
from app.storage.tables import projects, runs
from app.storage.total_tables import IS_LOOSE, weekly_totals
from signoff.vocabulary import ProjectStatus

# Week, template and labels.
_Key = tuple[str, str | None, str]
_KEY = (weekly_totals.c.week, weekly_totals.c.template, weekly_totals.c.labels)
_FIGURES = tuple(
    weekly_totals.c[name]
    for name in ("completed", "failed", "cancelled", "completed_ms", "calls", "unpriced", "tokens", "cost_usd")
)
# How many rows are merged in one transaction.
_MERGED_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class WeekTotals:
    """What was done and used in a week with one template, or without any. Times are in milliseconds."""

    week: str
    template: str | None
    completed: int
    failed: int
    cancelled: int
    completed_ms: int
    calls: int
    unpriced: int
    tokens: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class RunningProject:
    """A project that is running, and when its run started."""

    id: str
    name: str
    template: str | None
    started_at: str


_TOTALS = Rows(weekly_totals, WeekTotals, **{column.name: func.sum(column) for column in _FIGURES})
_RUNNING = Rows(projects, RunningProject, started_at=runs.c.started_at)


def totals(conn: Connection, since: date, within: Collection[str] | None) -> list[WeekTotals]:
    """Return the figures of each week since a Monday and of each template, in no order.

    Args:
        conn: a connection.
        since: the Monday.
        within: only projects with one of these labels. None: all.
    """
    chosen = [] if within is None else [has_label(within, weekly_totals.c.labels)]
    query = _TOTALS.select.where(weekly_totals.c.week >= since.isoformat(), *chosen)
    return _TOTALS.all(conn, query.group_by(weekly_totals.c.week, weekly_totals.c.template))


def running(conn: Connection, within: Collection[str] | None, *, limit: int) -> list[RunningProject]:
    """Return the projects that run, those that have run longest first. `within` is as in `totals`."""
    query = _RUNNING.select.join(runs, runs.c.id == projects.c.run_id)
    query = query.where(projects.c.status == ProjectStatus.RUNNING, *([] if within is None else [has_label(within)]))
    return _RUNNING.all(conn, query.order_by(runs.c.started_at, projects.c.id).limit(limit))


def count_by_status(conn: Connection, within: Collection[str] | None) -> dict[str, int]:
    """Return the number of projects by status, as the list of projects counts them."""
    return project_list.page(conn, Wanted(within=within), limit=1).counts


def merge_totals(conn: Connection) -> bool:
    """Replace the rows of single runs and calls by one for each week, template and set of labels.

    Returns whether there may be more to merge.
    """
    columns = (*_KEY, *_FIGURES)
    some = select(weekly_totals.c.position).where(IS_LOOSE).limit(_MERGED_AT_ONCE)
    loose = conn.execute(delete(weekly_totals).where(weekly_totals.c.position.in_(some)).returning(*columns)).all()
    # What is added up is what was deleted: a row that another transaction commits meanwhile is in neither.
    sums: defaultdict[_Key, Counter[str]] = defaultdict(Counter)
    _add(sums, loose)
    for week, template, labels in list(sums):
        alike = (weekly_totals.c.week == week, weekly_totals.c.template.is_not_distinct_from(template))
        former = delete(weekly_totals).where(*alike, weekly_totals.c.labels == labels, weekly_totals.c.merged)
        _add(sums, conn.execute(former.returning(*columns)).all())
    rows = [
        {"week": week, "template": template, "labels": labels, "merged": True, **figures}
        for (week, template, labels), figures in sums.items()
    ]
    if rows:
        conn.execute(insert(weekly_totals), rows)
    return len(loose) == _MERGED_AT_ONCE


def _add(sums: defaultdict[_Key, Counter[str]], rows: Iterable[Row[Any]]) -> None:
    for row in rows:
        values: tuple[Any, ...] = tuple(row)
        week, template, labels = values[: len(_KEY)]
        names = [column.name for column in _FIGURES]
        sums[week, template, labels].update(dict(zip(names, values[len(_KEY) :], strict=True)))
