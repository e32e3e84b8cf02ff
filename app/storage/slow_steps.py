"""The steps that took longest, noted when a run ends."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, Text, cast, insert, select

from app.domain.identity import milliseconds_between
from app.domain.weeks import week_of
from app.storage.labels import has_label
from app.storage.projects import ProjectRow
from app.storage.reading import Rows
from app.storage.tables import attempts, projects, tasks
from app.storage.total_tables import slow_steps

# How many steps of one run are noted, and how many of a week for each set of labels.
_OF_RUN, _OF_WEEK = 5, 20
# Steps of the same template are shown once, so more are read.
_READ = 200


@dataclass(frozen=True, slots=True)
class SlowStep:
    """A task of a run, and for how many milliseconds its attempts ran. `week` is the week in which the run ended."""

    project_id: str
    project_name: str
    template: str | None
    task_id: str
    key: str
    title: str
    week: str
    duration_ms: int


_STEPS = Rows(
    slow_steps,
    SlowStep,
    project_name=projects.c.name,
    template=projects.c.template,
    key=tasks.c.key,
    title=tasks.c.title,
)


def note(conn: Connection, project: ProjectRow, ended_at: str) -> None:
    """Note the slowest steps of a run that has just ended, unless the week has enough slower ones.

    Time in which a task waits, for a person or for its next attempt, is no part of it.
    """
    took: Counter[str] = Counter()
    columns = (attempts.c.task_id, attempts.c.started_at, attempts.c.ended_at)
    of_run = (attempts.c.project_id == project.id, attempts.c.run_id == project.run_id)
    for task_id, start, end in conn.execute(select(*columns).where(*of_run)):
        took[task_id] += milliseconds_between(start, end or ended_at) or 0
    week = week_of(ended_at)
    labels = conn.execute(select(cast(projects.c.labels, Text)).where(projects.c.id == project.id)).scalar_one()
    alike = (slow_steps.c.week == week, slow_steps.c.labels == labels)
    query = select(slow_steps.c.duration_ms).where(*alike).order_by(slow_steps.c.duration_ms.desc())
    least = conn.execute(query.limit(1).offset(_OF_WEEK - 1)).scalar_one_or_none() or 0
    rows = [
        {"project_id": project.id, "task_id": task_id, "week": week, "labels": labels, "duration_ms": duration}
        for task_id, duration in heapq.nlargest(_OF_RUN, took.items(), key=lambda item: item[1])
        if duration > least
    ]
    if rows:
        conn.execute(insert(slow_steps), rows)


def slowest(conn: Connection, since: date, within: Collection[str] | None, *, limit: int) -> list[SlowStep]:
    """Return the slowest steps of runs that ended since a Monday, slowest first.

    A step of a template, or of a project without one, is returned once: the time that it took longest.

    Args:
        conn: a connection.
        since: the Monday.
        within: only projects with one of these labels. None: all.
        limit: the most steps.
    """
    query = (
        _STEPS.select.select_from(slow_steps)
        .join(projects, projects.c.id == slow_steps.c.project_id)
        .join(tasks, tasks.c.id == slow_steps.c.task_id)
        .where(slow_steps.c.week >= since.isoformat())
        .order_by(slow_steps.c.duration_ms.desc(), slow_steps.c.position)
        .limit(_READ)
    )
    if within is not None:
        query = query.where(has_label(within))
    found: dict[tuple[str, str], SlowStep] = {}
    for row in _STEPS.all(conn, query):
        found.setdefault((row.template or row.project_id, row.key), row)
    return list(found.values())[:limit]
