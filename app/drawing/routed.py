"""Layout with graphlay: each phase is a frame with its tasks in layers, and lines are routed around the boxes.

Of the libraries tried, only graphlay supports nested nodes and routes lines around them. 40 tasks in 4 phases take 10 ms, and
150 tasks take up to 0.4 s. The time depends more on the lines than on the tasks: without `app.drawing.simplify`, 15 tasks that
all wait for 15 others take 9 s. graphlay holds the interpreter lock all this time, so the caller must check `fits` first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any

import graphlay

from app.drawing.places import TASK_HEIGHT, TASK_WIDTH, Box, Line, Places, Point, phases_of
from app.drawing.simplify import Meeting
from signoff.schemas.graph import Edge, Graph

MAX_TASKS = 150
MAX_LINES = 250
MAX_LINES_AT_ONE_TASK = 60
# A careful search for few crossings is only worth its time if people can still follow each line.
_LINES_IN_A_CAREFUL_PICTURE = 100
_MAX_IN_A_ROW = 6
_MEETING = 6.0
_SPACING = {
    "compound_header": 28.0,
    "compound_padding": 18.0,
    "node_gap": 18.0,
    "layer_gap": 34.0,
    "isolated_gap": 18.0,
}


def fits(graph: Graph, meetings: Sequence[Meeting], edges: Sequence[Edge]) -> bool:
    """Whether `routed` is fast enough for this graph. A single task with 148 lines takes more than a second."""
    ends = Counter(end for edge in edges for end in (edge.source, edge.target))
    ends.update({meeting.id: len(meeting.sources) + len(meeting.targets) for meeting in meetings})
    lines = len(edges) + sum(ends[meeting.id] for meeting in meetings)
    busiest = max(ends.values(), default=0)
    return len(graph.nodes) <= MAX_TASKS and lines <= MAX_LINES and busiest <= MAX_LINES_AT_ONE_TASK


def routed(graph: Graph, meetings: Sequence[Meeting], edges: Sequence[Edge]) -> Places:
    """Lay out every task of `graph`, with a line for each of `edges`, and the lines of `meetings`."""
    phases = phases_of(graph)
    plan = graphlay.Graph()
    for phase in phases:
        plan.node(phase.id, width=TASK_WIDTH, height=TASK_HEIGHT)
    number_of = {phase.id: number for number, phase in enumerate(phases)}
    phase_of = {node.id: number_of[node.phase_id] for node in graph.nodes}
    for node in graph.nodes:
        plan.node(node.id, width=TASK_WIDTH, height=TASK_HEIGHT, parent=phase_of[node.id])
    for meeting in meetings:
        plan.node(meeting.id, width=_MEETING, height=_MEETING, parent=phase_of[meeting.targets[0]])
    lines = [*_lines_to(meetings), *((edge.source, edge.target, edge.critical, True) for edge in edges)]
    for source, target, _, _ in lines:
        plan.edge(source, target)
    for before, after in pairwise(phases):
        plan.edge(before.id, after.id)
    for above, under in _rows(graph):
        plan.edge(above, under, weight=0.1)
    effort = "balanced" if len(lines) <= _LINES_IN_A_CAREFUL_PICTURE else "fast"
    layout = graphlay.layout(plan, options={"direction": "topbottom", "effort": effort, "spacing": _SPACING})
    boxes = {str(name): _box(node) for name, node in zip(layout.ids, layout.nodes, strict=True)}
    frames = {phase.id: boxes[phase.id] for phase in phases}
    drawn = [
        Line(tuple((point["x"], point["y"]) for point in edge["points"]), critical=critical, head=head)
        for (_, _, critical, head), edge in zip(lines, layout.edges, strict=False)
    ]
    # The order of phases has separate lines, behind the dependencies of tasks.
    order = [_between(frames[before.id], frames[after.id]) for before, after in pairwise(phases)]
    points = [_middle(boxes[meeting.id]) for meeting in meetings]
    return Places(frames, {node.id: boxes[node.id] for node in graph.nodes}, [*order, *drawn], points)


def _lines_to(meetings: Sequence[Meeting]) -> Iterator[tuple[str, str, bool, bool]]:
    for meeting in meetings:
        yield from ((source, meeting.id, source in meeting.critical, False) for source in meeting.sources)
        yield from ((meeting.id, target, target in meeting.critical, True) for target in meeting.targets)


def _rows(graph: Graph) -> Iterator[tuple[str, str]]:
    """Pairs of tasks to place one above the other, so that similar tasks form several rows instead of one long line.

    Tasks of a phase are similar if they have the same dependencies and the same dependents.
    """
    sources: dict[str, list[str]] = {}
    targets: dict[str, list[str]] = {}
    for edge in graph.edges:
        sources.setdefault(edge.target, []).append(edge.source)
        targets.setdefault(edge.source, []).append(edge.target)
    groups: dict[tuple[str, ...], list[str]] = {}
    for node in graph.nodes:
        key = (node.phase_id, "from", *sources.get(node.id, ()), "to", *targets.get(node.id, ()))
        groups.setdefault(key, []).append(node.id)
    return chain.from_iterable(zip(nodes, nodes[_MAX_IN_A_ROW:], strict=False) for nodes in groups.values())


def _box(node: Mapping[str, Any]) -> Box:
    width, height = node["size"]["width"], node["size"]["height"]
    return Box(node["center"]["x"] - width / 2, node["center"]["y"] - height / 2, width, height)


def _middle(box: Box) -> Point:
    return box.x + box.width / 2, box.y + box.height / 2


def _between(before: Box, after: Box) -> Line:
    """A line from the bottom of one frame to the top of the next."""
    x = (max(before.x, after.x) + min(before.x + before.width, after.x + after.width)) / 2
    return Line(((x, before.y + before.height), (x, after.y)))
