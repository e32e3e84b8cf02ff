"""Positions of everything in a picture, independent of the layout algorithm."""

from __future__ import annotations

from dataclasses import dataclass, field

from signoff.schemas.graph import Graph, Node

TASK_WIDTH, TASK_HEIGHT = 250.0, 48.0
Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle, given by its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    def top(self) -> Point:
        """Middle of the upper edge."""
        return self.x + self.width / 2, self.y

    def foot(self) -> Point:
        """Middle of the lower edge."""
        return self.x + self.width / 2, self.y + self.height


@dataclass(frozen=True)
class Line:
    """A line from point to point. It has an arrowhead unless it ends in a meeting point. A curved line has two points."""

    points: tuple[Point, ...]
    critical: bool = False
    head: bool = True
    curved: bool = False


@dataclass(frozen=True)
class Phase:
    """A phase, with the tasks that the picture shows."""

    id: str
    name: str
    nodes: list[Node] = field(default_factory=list[Node])


@dataclass(frozen=True)
class Places:
    """Frames by phase id, and boxes by task id. `left_out` counts the dependencies without a line."""

    frames: dict[str, Box]
    boxes: dict[str, Box]
    lines: list[Line]
    meetings: list[Point]
    left_out: int = 0


def phases_of(graph: Graph) -> list[Phase]:
    """The phases that contain tasks, in order."""
    phases: dict[str, Phase] = {}
    for node in graph.nodes:
        phases.setdefault(node.phase_id, Phase(node.phase_id, node.phase_name)).nodes.append(node)
    return list(phases.values())
