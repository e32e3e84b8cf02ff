"""Reads the graph of a project's tasks without their large fields: outputs, inputs and commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from app.domain.errors import NotFound
from app.storage import projects, runs
from app.storage.runs import PhaseRow
from app.storage.tables import tasks


@dataclass(frozen=True)
class TaskGraph:
    """Phases and tasks of the current plan, each in plan order."""

    name: str
    phases: Sequence[PhaseRow]
    tasks: Sequence[Any]


_TASKS = select(
    *(
        tasks.c[name]
        for name in ("id", "key", "title", "status", "phase_id", "depends_on", "started_at", "completed_at")
    ),
    tasks.c.action["type"].as_string().label("type"),
).order_by(tasks.c.position)


def get(conn: Connection, project_id: str) -> TaskGraph:
    """Return the graph of a project's current plan.

    Raises:
        NotFound: there is no such project, or `no_plan`.
    """
    project = projects.get(conn, project_id)
    if project.plan_version is None:
        raise NotFound("This project has no plan yet. Generate one with generate-plan, or add tasks.", code="no_plan")
    rows = conn.execute(_TASKS.where(tasks.c.project_id == project_id))
    return TaskGraph(project.name, runs.phases_of(conn, project_id), rows.all())
