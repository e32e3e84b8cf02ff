"""How much there is of what, for figures."""

from __future__ import annotations

from sqlalchemy import Connection, Select, func, select

from app.domain.states import ProjectStatus
from app.storage.tables import projects, tasks

_PROJECTS = select(projects.c.status, func.count()).group_by(projects.c.status)
# Those of finished projects grow without end, and counting them would take ever longer.
_RUNNING_TASKS = (
    select(tasks.c.status, func.count())
    .join(projects, projects.c.id == tasks.c.project_id)
    .where(projects.c.status == ProjectStatus.RUNNING.value)
    .group_by(tasks.c.status)
)


def by_status(conn: Connection) -> tuple[dict[str, int], dict[str, int]]:
    """Projects, and tasks of running projects, by status."""
    return _pairs(conn, _PROJECTS), _pairs(conn, _RUNNING_TASKS)


def _pairs(conn: Connection, query: Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in conn.execute(query)}
