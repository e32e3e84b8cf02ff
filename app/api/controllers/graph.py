"""The task graph of a project, as JSON or as a picture."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy import Connection

from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.database.remembered_reads import Encoded
from app.domain import graph
from app.domain.errors import BadRequest, NotFound
from app.domain.identity import milliseconds_between, now
from app.domain.states import FINISHED_TASK
from app.drawing.svg import to_svg
from app.drawing.text import to_dot, to_mermaid
from app.storage import task_graph
from app.storage.task_graph import GraphTask, TaskGraph
from signoff.schemas.graph import Edge, Graph, Node
from signoff.schemas.problems import Problem
from signoff.vocabulary import Scope, TaskStatus

_TYPES = {
    "json": "application/json",
    "svg": "image/svg+xml",
    "dot": "text/vnd.graphviz",
    "mermaid": "text/vnd.mermaid",
}
# The duration of such a task depends on the time at which it is read.
_IN_PROGRESS = frozenset({TaskStatus.RUNNING, TaskStatus.WAITING})
# A browser opens an SVG as a page of this server. It contains no script and must not load one.
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
        opt={SCOPE: Scope.READ},
        summary="Get the task graph",
        responses={
            200: ResponseSpec(Graph, description="JSON, or a picture in the requested format.", generate_examples=False)
        },
    )
    async def get_graph(
        self,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        format: Annotated[str, QueryParameter(schema_extra={"enum": list(_TYPES)})] = "json",  # noqa: A002 - its name
        expand: FromQuery[bool] = False,
        phase: Annotated[str | None, QueryParameter(max_length=64)] = None,
    ) -> Response[Any]:
        """Tasks, their dependencies, and the critical path.

        A phase waits for all tasks of the phase before it. The levels and the critical path include that order; the edges do
        not. `format=svg` returns a drawing, in which `data-task` and `data-phase` hold the ids. Above 150 tasks it shows only
        the phases, unless `expand=true`. `dot` and `mermaid` return text for other tools. `phase` (id or key) shows the tasks
        of one phase.
        """
        if format not in _TYPES:
            message = f"There is no format '{format[:64]}'; choose one of {', '.join(_TYPES)}."
            raise BadRequest(message, details=[Problem(field="format", message=message)])
        if expand and format != "svg":
            message = f"expand applies only to format=svg; format={format} always has all tasks. Leave expand out."
            raise BadRequest(message, details=[Problem(field="expand", message=message)])

        def work(conn: Connection) -> Encoded | TaskGraph:
            found = task_graph.get(conn, project_id)
            if any(row.status in _IN_PROGRESS for row in found.tasks):
                return found
            return Encoded(_answer(found, phase, format, expand=expand))

        found = await services.remembered_reads.read(("dag", project_id, format, expand, phase), work)
        if isinstance(found, Encoded):
            answer = found.body
        else:
            # Thousands of tasks take a while, and would block the event loop.
            answer = await asyncio.to_thread(_answer, found, phase, format, expand=expand)
        return Response(answer, media_type=_TYPES[format], headers={} if format == "json" else _SAFE)


def _answer(found: TaskGraph, phase: str | None, wanted: str, *, expand: bool) -> bytes:
    shown = graph_of(found, at=now())
    if phase is not None:
        shown = _only(shown, _phase_id(found, phase))
    if wanted == "svg":
        return to_svg(shown, found.name, expand=expand or phase is not None).encode()
    if wanted == "dot":
        return to_dot(shown, found.name).encode()
    return to_mermaid(shown).encode() if wanted == "mermaid" else shown.__pydantic_serializer__.to_json(shown)


def graph_of(found: TaskGraph, *, at: str) -> Graph:
    """The graph with its levels and critical path. The duration of a task in progress is its time until `at`."""
    rows, names = found.tasks, {row.id: row.name for row in found.phases}
    durations = [_duration(row, at) for row in rows]
    phases = task_graph.dependencies_in_phases(rows)
    levels = graph.levels_of_phases(phases)
    path = graph.critical_path_of_phases(phases, _weights(rows, durations))
    critical = {rows[node].id for node in path}
    steps = {(rows[before].id, rows[after].id) for before, after in pairwise(path)}
    ids = {row.key: row.id for row in rows}
    nodes = [
        Node(
            id=row.id,
            key=row.key,
            label=row.title,
            status=row.status,
            type=row.type,
            phase_id=row.phase_id,
            phase_name=names[row.phase_id],
            level=level,
            critical=row.id in critical,
            duration_ms=duration,
        )
        for row, level, duration in zip(rows, levels, durations, strict=True)
    ]
    edges = [
        Edge(id=f"{ids[key]}-{row.id}", source=ids[key], target=row.id, critical=(ids[key], row.id) in steps)
        for row in rows
        for key in row.depends_on
        if key in ids
    ]
    return Graph(
        nodes=nodes, edges=edges, levels=max(levels, default=-1) + 1, critical_path=[rows[node].id for node in path]
    )


def _only(whole: Graph, phase_id: str) -> Graph:
    """One phase of a graph, with the levels and the critical path of the whole graph."""
    nodes = [node for node in whole.nodes if node.phase_id == phase_id]
    shown = {node.id for node in nodes}
    return Graph(
        nodes=nodes,
        edges=[edge for edge in whole.edges if edge.source in shown and edge.target in shown],
        levels=whole.levels,
        critical_path=[task for task in whole.critical_path if task in shown],
    )


def _phase_id(found: TaskGraph, phase: str) -> str:
    for row in found.phases:
        if phase in {row.id, row.key}:
            return row.id
    raise NotFound(f"The plan has no phase '{phase}'.", code="phase_not_found")


def _weights(rows: Sequence[GraphTask], durations: Sequence[int | None]) -> list[float]:
    """Recorded durations if every task has finished, else 1 each. A task that took no time still counts as a step."""
    if all(row.status in FINISHED_TASK for row in rows):
        return [(duration or 0) + 0.001 for duration in durations]
    return [1.0] * len(rows)


def _duration(row: GraphTask, at: str) -> int | None:
    return milliseconds_between(row.started_at, row.completed_at or (at if row.status in _IN_PROGRESS else None))
