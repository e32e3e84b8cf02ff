"""The graph of a project's tasks, as JSON or as a picture."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy import Connection

from app.api.models.graph import Edge, Graph, Node
from app.api.services import Services
from app.domain import graph
from app.domain.errors import NotFound
from app.domain.identity import milliseconds_between, now
from app.domain.states import FINISHED_TASK, TaskStatus
from app.domain.validation import project_graph
from app.drawing.svg import to_svg
from app.drawing.text import to_dot, to_mermaid
from app.storage import plans, projects, runs, tasks
from app.storage.tasks import TaskRow

Format = Literal["json", "svg", "dot", "mermaid"]
_TYPES = {"svg": "image/svg+xml", "dot": "text/vnd.graphviz", "mermaid": "text/vnd.mermaid"}
# An SVG is opened as a page of this server's own: it holds no script, and may load none.
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}


class GraphController(Controller):
    """The task graph of one project."""

    path = "/api/projects/{project_id:str}/dag"
    tags = ("plans",)

    @get(
        "/",
        operation_id="getGraph",
        summary="The task graph",
        responses={200: ResponseSpec(Graph, description="JSON, or a picture in the format that was asked for.")},
    )
    async def get_graph(
        self,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        format: FromQuery[Format] = "json",  # noqa: A002 - the name of the query parameter
        expand: FromQuery[bool] = False,
        phase: Annotated[str | None, QueryParameter(max_length=64)] = None,
    ) -> Response[Any]:
        """Tasks, what they wait for, and the longest way through.

        `format=svg` draws it (of more than 150 tasks the phases alone, unless `expand=true`), `dot` and `mermaid` give the
        text for other tools. `phase` (id or key) shows one phase.
        """
        found, name = await services.database.read(lambda conn: task_graph(conn, project_id, phase))
        if format == "json":
            return Response(found)
        # A large graph takes its time to draw, and others are not to wait for it.
        drawn = await asyncio.to_thread(_drawn, found, name, format, expand=expand)
        return Response(drawn, media_type=_TYPES[format], headers=_SAFE)


def _drawn(found: Graph, name: str, wanted: Format, *, expand: bool) -> str:
    if wanted == "svg":
        return to_svg(found, name, expand=expand)
    return to_dot(found, name) if wanted == "dot" else to_mermaid(found)


def task_graph(conn: Connection, project_id: str, phase: str | None = None) -> tuple[Graph, str]:
    """The graph of a project's current plan, or of one of its phases (by id or key); and the project's name.

    Raises:
        NotFound: there is no such project or phase, or `no_plan`.
    """
    project = projects.get(conn, project_id)
    if project.plan_version is None:
        raise NotFound("This project has no plan yet; make one with generate-plan or add tasks.", code="no_plan")
    rows = tasks.all_of(conn, project_id)
    phases = {row.id: row for row in runs.phases_of(conn, project_id)}
    edges = project_graph(plans.content(plans.get(conn, project_id, project.plan_version)))
    levels = graph.levels(edges)
    path = graph.critical_path(edges, _weights(rows))
    step = {node: index for index, node in enumerate(path)}
    ids = {row.key: (index, row.id) for index, row in enumerate(rows)}
    chosen = _phase_id(phases, phase)
    nodes = [
        Node(
            id=row.id, key=row.key, label=row.title, status=row.status, type=row.action["type"], phase_id=row.phase_id,
            phase_name=phases[row.phase_id].name, level=levels[index], critical=index in step,
            duration_ms=_duration(row),
        )
        for index, row in enumerate(rows)
        if chosen is None or row.phase_id == chosen
    ]  # fmt: skip
    shown = {node.id for node in nodes}
    found: list[Edge] = []
    for index, row in enumerate(rows):
        for key in row.depends_on:
            other, other_id = ids[key]
            if row.id in shown and other_id in shown:
                critical = other in step and index in step and step[index] == step[other] + 1
                found.append(Edge(id=f"{other_id}-{row.id}", source=other_id, target=row.id, critical=critical))
    way = [rows[node].id for node in path if rows[node].id in shown]
    return Graph(nodes=nodes, edges=found, levels=max(levels, default=-1) + 1, critical_path=way), project.name


def _phase_id(phases: dict[str, Any], phase: str | None) -> str | None:
    if phase is None:
        return None
    for row in phases.values():
        if phase in {row.id, row.key}:
            return str(row.id)
    raise NotFound(f"The plan has no phase '{phase}'.", code="phase_not_found")


def _weights(rows: list[TaskRow]) -> list[float]:
    """Recorded durations where every task has ended, else 1 each; one that took no time still is a step."""
    if rows and all(row.status in FINISHED_TASK for row in rows):
        return [float(_duration(row) or 0) + 0.001 for row in rows]
    return [1.0] * len(rows)


def _duration(row: TaskRow) -> int | None:
    goes_on = row.status in {TaskStatus.RUNNING, TaskStatus.WAITING}
    return milliseconds_between(row.started_at, row.completed_at or (now() if goes_on else None))
