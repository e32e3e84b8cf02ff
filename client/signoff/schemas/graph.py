"""The task graph of a project."""

from __future__ import annotations

from pydantic import BaseModel

from signoff.vocabulary import TaskStatus


class Node(BaseModel):
    """A task. `level` is the length of the longest chain of dependencies before it, including the order of phases."""

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
    """A dependency: the task `target` waits for the task `source`."""

    id: str
    source: str
    target: str
    critical: bool


class Graph(BaseModel):
    """Tasks and their dependencies.

    The critical path is the longest path through the project. It is measured in recorded durations when every task has finished,
    and in the number of tasks before that.
    """

    nodes: list[Node]
    edges: list[Edge]
    levels: int
    critical_path: list[str]
