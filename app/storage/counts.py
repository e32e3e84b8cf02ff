"""Counts of projects and tasks, for metrics and answers."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from app.storage import project_list
from app.storage.tables import projects, tasks
from signoff.vocabulary import ProjectStatus, TaskStatus

# Tasks of finished projects keep accumulating, so counting them would take longer and longer.
_RUNNING_TASKS = (
    select(tasks.c.status, func.count())
    .join(projects, projects.c.id == tasks.c.project_id)
    .where(projects.c.status == ProjectStatus.RUNNING.value)
    .group_by(tasks.c.status)
)


def by_status(conn: Connection) -> tuple[dict[str, int], dict[str, int]]:
    """Return the number of projects, and of tasks in running projects, by status."""
    running = conn.execute(_RUNNING_TASKS).tuples().all()
    return project_list.count_by_status(conn), dict(running)


def count_outcomes(conn: Connection, project_id: str) -> dict[str, int]:
    """Count how a cancelled run's tasks ended: completed, interrupted, never_started, did_not_stop."""
    counts = {"completed": 0, "interrupted": 0, "never_started": 0, "did_not_stop": 0}
    columns = (tasks.c.status, tasks.c.started_at, tasks.c.error)
    for row in conn.execute(select(*columns).where(tasks.c.project_id == project_id)):
        if row.status == TaskStatus.COMPLETED:
            counts["completed"] += 1
        elif row.status == TaskStatus.CANCELLED and row.error and row.error.get("type") == "did_not_stop":
            counts["did_not_stop"] += 1
        elif row.status == TaskStatus.CANCELLED and row.started_at is not None:
            counts["interrupted"] += 1
        elif row.started_at is None:
            counts["never_started"] += 1
    return counts
