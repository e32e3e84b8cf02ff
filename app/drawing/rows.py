"""Layout for graphs that are too large to route: rows of tasks by level in the frames of their phases, with lines behind them.

It takes linear time in the number of tasks and lines, for any graph.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby, pairwise

from app.drawing.places import TASK_HEIGHT, TASK_WIDTH, Box, Line, Places, phases_of
from signoff.schemas.graph import Edge, Graph, Node

# With more lines, the picture would be black and take megabytes. Then only the critical path is drawn.
MAX_LINES = 3000
_GAP, _ROW_GAP, _LEVEL_GAP, _FRAME_GAP = 18.0, 14.0, 40.0, 34.0
_PADDING, _HEADER = 18.0, 34.0


def in_rows(graph: Graph, edges: Sequence[Edge]) -> Places:
    """Lay out every task of `graph` in a picture that is about as wide as it is high."""
    columns = max(6, math.ceil(math.sqrt(len(graph.nodes) / 3)))
    frames: dict[str, Box] = {}
    boxes: dict[str, Box] = {}
    y = 0.0
    for phase in phases_of(graph):
        placed = _phase(phase.nodes, y + _HEADER, columns)
        boxes |= placed
        right = max(box.x + box.width for box in placed.values()) + _PADDING
        foot = max(box.y + box.height for box in placed.values()) + _PADDING
        frames[phase.id] = Box(0.0, y, right, foot - y)
        y = foot + _FRAME_GAP
    widest = max(frame.width for frame in frames.values())
    frames = {key: Box(frame.x, frame.y, widest, frame.height) for key, frame in frames.items()}
    order = [Line((before.foot(), after.top())) for before, after in pairwise(frames.values())]
    drawn = edges if len(edges) <= MAX_LINES else [edge for edge in edges if edge.critical]
    lines = [
        Line((boxes[edge.source].foot(), boxes[edge.target].top()), critical=edge.critical, curved=True)
        for edge in drawn
    ]
    return Places(frames, boxes, [*order, *lines], [], left_out=len(edges) - len(drawn))


def _phase(nodes: Sequence[Node], y: float, columns: int) -> dict[str, Box]:
    boxes: dict[str, Box] = {}
    for _, level in groupby(sorted(nodes, key=lambda node: node.level), key=lambda node: node.level):
        members = list(level)
        rows = math.ceil(len(members) / columns)
        in_a_row = math.ceil(len(members) / rows)
        for index, node in enumerate(members):
            x = _PADDING + index % in_a_row * (TASK_WIDTH + _GAP)
            boxes[node.id] = Box(x, y + index // in_a_row * (TASK_HEIGHT + _ROW_GAP), TASK_WIDTH, TASK_HEIGHT)
        y += rows * (TASK_HEIGHT + _ROW_GAP) - _ROW_GAP + _LEVEL_GAP
    return boxes
