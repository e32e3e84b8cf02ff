"""Reads the graph of a project's tasks without their large fields: outputs, inputs and commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam

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
_ALL = _ROWS.select.where(tasks.c.project_id == bindparam("of_project")).order_by(tasks.c.position)


def get(conn: Connection, project_id: str) -> TaskGraph:
    """Return the graph of a project's current plan.

    Raises:
        NotFound: there is no such project, or `no_plan`.
    """
    project = projects.get(conn, project_id)
    plans.current_version(project)
    return TaskGraph(project.name, runs.phases_of(conn, project_id), tasks_of(conn, project_id))


def tasks_of(conn: Connection, project_id: str) -> list[GraphTask]:
    """Return the tasks of a project's current plan, in plan order. Empty if it has none."""
    return _ROWS.all(conn, _ALL, {"of_project": project_id})


def dependencies_in_phases(rows: Sequence[GraphTask]) -> list[list[list[int]]]:
    """Return for each phase the dependencies of its tasks within the phase, by position, in ascending order."""
    phases: dict[str, list[GraphTask]] = {}
    for row in rows:
        phases.setdefault(row.phase_id, []).append(row)
    result: list[list[list[int]]] = []
    for members in phases.values():
        position = {row.key: index for index, row in enumerate(members)}
        result.append([sorted(position[key] for key in row.depends_on if key in position) for row in members])
    return result
