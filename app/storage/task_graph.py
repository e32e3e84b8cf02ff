"""Reads the graph of a project's tasks without their large fields: outputs, inputs and commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from app.storage import plans, projects, runs
from app.storage.reading import Rows
from app.storage.runs import PhaseRow
from app.storage.tables import tasks
from signoff.vocabulary import TaskStatus


@dataclass(frozen=True, slots=True)
class GraphTask:
    """A task in the graph. `type` is the type of its action."""

    id: str
    key: str
    title: str
    status: TaskStatus
    phase_id: str
    depends_on: list[str]
    started_at: str | None
    completed_at: str | None
    type: str


@dataclass(frozen=True)
class TaskGraph:
    """Phases and tasks of the current plan, each in plan order."""

    name: str
    phases: Sequence[PhaseRow]
    tasks: Sequence[GraphTask]


_ROWS = Rows(tasks, GraphTask, type=tasks.c.action["type"].as_string())


def get(conn: Connection, project_id: str) -> TaskGraph:
    """Return the graph of a project's current plan.

    Raises:
        NotFound: there is no such project, or `no_plan`.
    """
    project = projects.get(conn, project_id)
    plans.current_version(project)
    rows = _ROWS.all(conn, _ROWS.select.where(tasks.c.project_id == project_id).order_by(tasks.c.position))
    return TaskGraph(project.name, runs.phases_of(conn, project_id), rows)
