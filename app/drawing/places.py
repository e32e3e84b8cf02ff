"""Where everything in a picture stands, whoever laid it out."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.api.models.graph import Graph, Node

TASK_WIDTH, TASK_HEIGHT = 250.0, 48.0
Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle by its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def top(self) -> Point:
        """The middle of its upper edge."""
        return self.x + self.width / 2, self.y

    def foot(self) -> Point:
        """The middle of its lower edge."""
        return self.x + self.width / 2, self.y + self.height


@dataclass(frozen=True)
class Line:
    """A way from point to point, with a head at its end unless it ends in a meeting point; curved ones have two points."""

    points: tuple[Point, ...]
    critical: bool = False
    head: bool = True
    curved: bool = False


@dataclass(frozen=True)
class Phase:
    """A phase and those of its tasks that the picture shows."""

    id: str
    name: str
    nodes: list[Node] = field(default_factory=list[Node])


@dataclass(frozen=True)
class Places:
    """Frames by the id of the phase, boxes by the id of the task; `left_out` counts dependencies without a line."""

    frames: dict[str, Box]
    boxes: dict[str, Box]
    lines: list[Line]
    meetings: list[Point]
    left_out: int = 0


def phases_of(graph: Graph) -> list[Phase]:
    """The phases that have tasks, in order."""
    found: dict[str, Phase] = {}
    for node in graph.nodes:
        found.setdefault(node.phase_id, Phase(node.phase_id, node.phase_name)).nodes.append(node)
    return list(found.values())
