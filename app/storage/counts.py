"""Counts of projects and tasks, for metrics."""

from __future__ import annotations

from sqlalchemy import Connection, Select, func, select

from app.storage.tables import projects, tasks
from signoff.vocabulary import ProjectStatus

_PROJECTS = select(projects.c.status, func.count()).group_by(projects.c.status)
# Tasks of finished projects keep accumulating, so counting them would take longer and longer.
_RUNNING_TASKS = (
    select(tasks.c.status, func.count())
    .join(projects, projects.c.id == tasks.c.project_id)
    .where(projects.c.status == ProjectStatus.RUNNING.value)
    .group_by(tasks.c.status)
)


def by_status(conn: Connection) -> tuple[dict[str, int], dict[str, int]]:
    """Return the number of projects, and of tasks in running projects, by status."""
    return _pairs(conn, _PROJECTS), _pairs(conn, _RUNNING_TASKS)


def _pairs(conn: Connection, query: Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in conn.execute(query)}
