"""The graph of a project's tasks."""

from __future__ import annotations

from pydantic import BaseModel

from app.domain.states import TaskStatus


class Node(BaseModel):
    """A task; `level` counts the longest path of dependencies below it, phases in order included."""

    id: str
    key: str
    label: str
    status: TaskStatus
    type: str
    phase_id: str
    phase_name: str
    level: int
    critical: bool
    duration_ms: int | None


class Edge(BaseModel):
    """`target` waits for `source`."""

    id: str
    source: str
    target: str
    critical: bool


class Graph(BaseModel):
    """Tasks and what they wait for.

    The critical path is the longest way through the project: by the recorded durations once every task has ended, by
    the number of tasks before.
    """

    nodes: list[Node]
    edges: list[Edge]
    levels: int
    critical_path: list[str]
