"""A task graph as SVG: phases as frames, tasks in them, laid out by graphlay.

Of the libraries that were tried, graphlay alone knows nodes inside of nodes, and routes edges around them: 40 tasks in
4 phases take 1 ms, 1,000 in 10 phases 0.7 s. No picture of 1,000 tasks can be read at once, so that of a large graph each
phase is one box, with counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape

import graphlay

from app.api.models.graph import Graph, Node
from app.domain.states import TaskStatus
from app.drawing.labels import SIGNS, duration, plain, shortened

# Over this many tasks a picture shows phases alone, unless it is asked for all.
MOST_TASKS = 150
_WIDTH, _HEIGHT, _COLUMNS = 220.0, 48.0, 22
_PHASE_WIDTH, _PHASE_HEIGHT = 320.0, 64.0
_MARGIN = 20.0
_MOST_IN_A_ROW = 6
_OPTIONS = {
    "direction": "topbottom",
    "spacing": {"compound_header": 28.0, "compound_padding": 18.0, "node_gap": 18.0, "layer_gap": 34.0, "isolated_gap": 18.0},
}  # fmt: skip
_STYLE = """
:root{color-scheme:light dark}
svg{--ink:#111827;--soft:#6b7280;--page:#ffffff;--band:#f9fafb;--line:#9ca3af;--hot:#111827}
@media(prefers-color-scheme:dark){svg{--ink:#f3f4f6;--soft:#9ca3af;--page:#111827;--band:#1f2937;--line:#6b7280;--hot:#f9fafb}}
text{font-family:system-ui,sans-serif;fill:var(--ink);font-size:13px}
.page{fill:var(--page)} .phase{fill:var(--band);stroke:var(--line);stroke-dasharray:4 3}
.name{font-weight:600} .note{font-size:11px;fill:var(--soft)}
.edge{fill:none;stroke:var(--line);stroke-width:1.3} .edge.critical{stroke:var(--hot);stroke-width:2.4}
.head{fill:var(--line)} .head.critical{fill:var(--hot)}
.task rect{fill:var(--page);stroke:var(--tone);stroke-width:1.3} .task.critical rect{stroke-width:2.6}
.sign{fill:var(--tone);font-size:15px}
.pending{--tone:#6b7280}.waiting{--tone:#d97706}.running{--tone:#2563eb}.completed{--tone:#16a34a}
.failed{--tone:#dc2626}.cancelled{--tone:#9333ea}.skipped{--tone:#9ca3af}
"""


def to_svg(graph: Graph, title: str, *, expand: bool = False) -> str:
    """The graph as one SVG document without scripts and without anything from outside.

    Args:
        graph: tasks and edges.
        title: of the document, for those who have it read to them.
        expand: show every task of a graph with more than 150.
    """
    if not graph.nodes:
        return _document(title, 320, 60, ['<text x="20" y="36">The plan has no task yet.</text>'])
    if len(graph.nodes) > MOST_TASKS and not expand:
        return _folded(graph, title)
    return _whole(graph, title)


@dataclass(frozen=True)
class _Phase:
    id: str
    name: str
    nodes: list[Node]


def _phases(graph: Graph) -> list[_Phase]:
    found: dict[str, _Phase] = {}
    for node in graph.nodes:
        found.setdefault(node.phase_id, _Phase(node.phase_id, node.phase_name, [])).nodes.append(node)
    return list(found.values())


def _whole(graph: Graph, title: str) -> str:
    phases = _phases(graph)
    plan = graphlay.Graph()
    for phase in phases:
        plan.node(phase.id, width=_WIDTH, height=_HEIGHT)
    number_of = {phase.id: number for number, phase in enumerate(phases)}
    for node in graph.nodes:
        plan.node(node.id, width=_WIDTH, height=_HEIGHT, parent=number_of[node.phase_id])
    for edge in graph.edges:
        plan.edge(edge.source, edge.target)
    for before, after in pairwise(phases):
        plan.edge(before.id, after.id)
    for above, under in _rows(graph):
        plan.edge(above, under, weight=0.1)
    layout = graphlay.layout(plan, options=_OPTIONS)
    boxes = {str(name): box for name, box in zip(layout.ids, layout.nodes, strict=True)}
    parts = [_frame(phase, boxes[phase.id]) for phase in phases]
    # The order of phases is a line of its own, behind the dependencies of tasks.
    order = [_below(boxes[before.id], boxes[after.id]) for before, after in pairwise(phases)]
    lines = [
        _line(drawn["points"], critical=edge.critical) for edge, drawn in zip(graph.edges, layout.edges, strict=False)
    ]
    parts += [*order, *lines, *(_task(node, boxes[node.id]) for node in graph.nodes)]
    return _placed(title, layout.bounds, parts)


def _rows(graph: Graph) -> Iterator[tuple[str, str]]:
    """Pairs that are to stand one above the other, so that tasks which are alike make rows and not one endless line.

    Alike are tasks of a phase that wait for the same and are waited for by the same.
    """
    sources: dict[str, list[str]] = {}
    targets: dict[str, list[str]] = {}
    for edge in graph.edges:
        sources.setdefault(edge.target, []).append(edge.source)
        targets.setdefault(edge.source, []).append(edge.target)
    alike: dict[tuple[str, ...], list[str]] = {}
    for node in graph.nodes:
        key = (node.phase_id, "from", *sources.get(node.id, ()), "to", *targets.get(node.id, ()))
        alike.setdefault(key, []).append(node.id)
    for nodes in alike.values():
        yield from zip(nodes, nodes[_MOST_IN_A_ROW:], strict=False)


def _folded(graph: Graph, title: str) -> str:
    """One box a phase, with how many of its tasks have which status; phases follow each other."""
    phases = _phases(graph)
    parts: list[str] = []
    height = 0.0
    for number, phase in enumerate(phases):
        if number:
            points = [{"x": _PHASE_WIDTH / 2, "y": height - 26}, {"x": _PHASE_WIDTH / 2, "y": height}]
            parts.append(_line(points, critical=False))
        parts.append(_summary(phase, height))
        height += _PHASE_HEIGHT + 26
    bounds = {"min": {"x": 0.0, "y": 0.0}, "max": {"x": _PHASE_WIDTH, "y": height - 26}}
    return _placed(title, bounds, parts)


def _summary(phase: _Phase, y: float) -> str:
    counts = Counter(str(node.status) for node in phase.nodes)
    said = "  ".join(f"{SIGNS[status]} {counts[status]}" for status in TaskStatus if counts[status])
    status = _status_of(counts)
    inner = [
        f'<title>{escape(plain(phase.name))}</title><rect width="{_PHASE_WIDTH:g}" height="{_PHASE_HEIGHT:g}" rx="8"/>',
        f'<text class="name" x="14" y="26">{escape(shortened(phase.name, 38))}</text>',
        f'<text class="note" x="14" y="47">{len(phase.nodes)} tasks: {said}</text>',
    ]
    return f'<g class="task {status}" transform="translate(0 {y:g})">{"".join(inner)}</g>'


def _status_of(counts: Counter[str]) -> str:
    for status in (TaskStatus.FAILED, TaskStatus.RUNNING, TaskStatus.WAITING, TaskStatus.CANCELLED, TaskStatus.PENDING):
        if counts[status]:
            return status
    return TaskStatus.COMPLETED if counts[TaskStatus.COMPLETED] else TaskStatus.SKIPPED


def _frame(phase: _Phase, box: dict[str, Any]) -> str:
    x, y, width, height = _corner(box)
    columns = max(12, int(width / 8) - 4)
    return (
        f"<g><title>{escape(plain(phase.name))}</title>"
        f'<rect class="phase" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="10"/>'
        f'<text class="name" x="{x + 14:g}" y="{y + 20:g}">{escape(shortened(phase.name, columns))}</text></g>'
    )


def _task(node: Node, box: dict[str, Any]) -> str:
    x, y, width, height = _corner(box)
    critical = " critical" if node.critical else ""
    note = " · ".join(part for part in (node.type, str(node.status), duration(node.duration_ms)) if part)
    return (
        f'<g class="task {node.status}{critical}" transform="translate({x:g} {y:g})">'
        f"<title>{escape(plain(node.label))} ({escape(node.key)}): {node.status}</title>"
        f'<rect width="{width:g}" height="{height:g}" rx="7"/>'
        f'<text class="sign" x="11" y="21">{SIGNS[node.status]}</text>'
        f'<text x="30" y="20">{escape(shortened(node.label, _COLUMNS))}</text>'
        f'<text class="note" x="30" y="37">{escape(shortened(note, 30))}</text></g>'
    )


def _below(before: dict[str, Any], after: dict[str, Any]) -> str:
    """A line from the foot of one frame to the head of the next."""
    x, y, width, height = _corner(before)
    left, top, wide, _ = _corner(after)
    middle = (max(x, left) + min(x + width, left + wide)) / 2
    return _line([{"x": middle, "y": y + height}, {"x": middle, "y": top}], critical=False)


def _line(points: Sequence[dict[str, float]], *, critical: bool) -> str:
    hot = " critical" if critical else ""
    path = "M" + " L".join(f"{point['x']:g} {point['y']:g}" for point in points)
    return f'<path class="edge{hot}" d="{path}"/><path class="head{hot}" d="{_head(points)}"/>'


def _head(points: Sequence[dict[str, float]]) -> str:
    """A small triangle at the end of a line, which comes in straight."""
    end, before = points[-1], points[-2] if len(points) > 1 else points[-1]
    x, y = end["x"], end["y"]
    if abs(before["x"] - x) > abs(before["y"] - y):
        back = -7 if before["x"] < x else 7
        return f"M{x:g} {y:g} L{x + back:g} {y - 4:g} L{x + back:g} {y + 4:g}Z"
    back = -7 if before["y"] <= y else 7
    return f"M{x:g} {y:g} L{x - 4:g} {y + back:g} L{x + 4:g} {y + back:g}Z"


def _corner(box: dict[str, Any]) -> tuple[float, float, float, float]:
    width, height = box["size"]["width"], box["size"]["height"]
    return box["center"]["x"] - width / 2, box["center"]["y"] - height / 2, width, height


def _placed(title: str, bounds: dict[str, Any], parts: Iterable[str]) -> str:
    low, high = bounds["min"], bounds["max"]
    width, height = high["x"] - low["x"] + 2 * _MARGIN, high["y"] - low["y"] + 2 * _MARGIN
    shift = f"translate({_MARGIN - low['x']:g} {_MARGIN - low['y']:g})"
    return _document(title, width, height, [f'<g transform="{shift}">', *parts, "</g>"])


def _document(title: str, width: float, height: float, parts: Iterable[str]) -> str:
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>',
        f"<title>{escape(plain(title))}</title><style>{_STYLE.strip()}</style>",
        '<rect class="page" width="100%" height="100%"/>',
        *parts,
        "</svg>\n",
    ])  # fmt: skip
