"""Draws a task graph as SVG: phases are frames, tasks are boxes in them, and arrows are dependencies.

Nobody can read a picture of 1,000 tasks at once. In a large graph, each phase is therefore one box with counts.
The element of a task carries its id as `data-task`, and the element of a phase carries its id as `data-phase`. A page can
therefore update a picture without loading a new one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from app.drawing.labels import SIGNS, duration, plain, shortened
from app.drawing.places import Box, Line, Phase, Places, Point, phases_of
from app.drawing.routed import MAX_TASKS, fits, routed
from app.drawing.rows import in_rows
from app.drawing.simplify import meetings, without_implied
from app.drawing.style import STYLE
from signoff.schemas.graph import Graph, Node
from signoff.vocabulary import TaskStatus

_COLUMNS = 26
_PHASE_WIDTH, _PHASE_HEIGHT, _PHASE_GAP = 320.0, 64.0, 26.0
_MARGIN = 20.0


def to_svg(graph: Graph, title: str, *, expand: bool = False) -> str:
    """Draw the graph as one SVG document, without scripts or external resources. The same graph gives the same document.

    Args:
        graph: the tasks and edges.
        title: the title of the document, for screen readers.
        expand: show every task, even in a graph with more than 150 tasks.
    """
    if not graph.nodes:
        return _document(title, 320, 60, ['<text x="20" y="36">The plan has no tasks yet.</text>'])
    if len(graph.nodes) > MAX_TASKS and not expand:
        return _folded(graph, title)
    edges = without_implied(graph)
    points, others = meetings(edges)
    drawable = fits(graph, points, others)
    return _whole(graph, title, routed(graph, points, others) if drawable else in_rows(graph, edges))


def _whole(graph: Graph, title: str, places: Places) -> str:
    phases = phases_of(graph)
    # The critical path is above other lines, and the names of phases are above all lines.
    lines = sorted(places.lines, key=lambda line: line.critical)
    parts = [
        *(_frame(phase, places.frames[phase.id]) for phase in phases),
        *map(_line, lines),
        *(f'<circle class="meeting" cx="{x:g}" cy="{y:g}" r="3"/>' for x, y in places.meetings),
        *(_frame_name(phase, places.frames[phase.id]) for phase in phases),
        *(_task(node, places.boxes[node.id]) for node in graph.nodes),
    ]
    frames = places.frames.values()
    xs = [x for line in places.lines for x, _ in line.points]
    ys = [y for line in places.lines for _, y in line.points]
    left, top = min([box.x for box in frames] + xs), min([box.y for box in frames] + ys)
    right = max([box.x + box.width for box in frames] + xs)
    foot = max([box.y + box.height for box in frames] + ys)
    if places.left_out:
        foot += 24
        note = f"{places.left_out} dependencies are not drawn. Use format=json to get them all."
        parts.append(f'<text class="note" x="{left:g}" y="{foot:g}">{note}</text>')
    return _placed(title, Box(left, top, right - left, foot - top), parts)


def _folded(graph: Graph, title: str) -> str:
    """One box per phase, with the number of its tasks in each status. The phases are in order."""
    parts: list[str] = []
    y = 0.0
    for number, phase in enumerate(phases_of(graph)):
        if number:
            parts.append(_line(Line(((_PHASE_WIDTH / 2, y - _PHASE_GAP), (_PHASE_WIDTH / 2, y)))))
        parts.append(_summary(phase, y))
        y += _PHASE_HEIGHT + _PHASE_GAP
    return _placed(title, Box(0.0, 0.0, _PHASE_WIDTH, y - _PHASE_GAP), parts)


def _summary(phase: Phase, y: float) -> str:
    counts = Counter(str(node.status) for node in phase.nodes)
    counts_text = "  ".join(f"{SIGNS[status]} {counts[status]}" for status in TaskStatus if counts[status])
    spoken = ", ".join(f"{counts[status]} {status}" for status in TaskStatus if counts[status])
    inner = [
        f"<title>{escape(plain(phase.name))}: {spoken}</title>",
        f'<rect width="{_PHASE_WIDTH:g}" height="{_PHASE_HEIGHT:g}" rx="8"/>',
        f'<text class="name" x="14" y="26">{escape(shortened(phase.name, 36))}</text>',
        f'<text class="note" x="14" y="47">{len(phase.nodes)} tasks: {counts_text}</text>',
    ]
    marks = f'class="task {_status_of(counts)}" data-phase={quoteattr(phase.id)}'
    return f'<g {marks} transform="translate(0 {y:g})">{"".join(inner)}</g>'


def _status_of(counts: Counter[str]) -> str:
    for status in (TaskStatus.FAILED, TaskStatus.RUNNING, TaskStatus.WAITING, TaskStatus.CANCELLED, TaskStatus.PENDING):
        if counts[status]:
            return status
    return TaskStatus.COMPLETED if counts[TaskStatus.COMPLETED] else TaskStatus.SKIPPED


def _frame(phase: Phase, box: Box) -> str:
    size = f'x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}"'
    return f'<rect class="phase" data-phase={quoteattr(phase.id)} {size} rx="10"/>'


def _frame_name(phase: Phase, box: Box) -> str:
    name = escape(shortened(phase.name, max(12, int(box.width / 9) - 4)))
    return (
        f'<text class="name frame" x="{box.x + 14:g}" y="{box.y + 20:g}">'
        f"<title>{escape(plain(phase.name))}</title>{name}</text>"
    )


def _task(node: Node, box: Box) -> str:
    critical = " critical" if node.critical else ""
    note = " · ".join(part for part in (node.type, str(node.status), duration(node.duration_ms)) if part)
    return (
        f'<g class="task {node.status}{critical}" data-task={quoteattr(node.id)} '
        f'transform="translate({box.x:g} {box.y:g})">'
        f"<title>{escape(plain(node.label))} ({escape(node.key)}): {node.status}</title>"
        f'<rect width="{box.width:g}" height="{box.height:g}" rx="7"/>'
        f'<text class="sign" x="11" y="21">{SIGNS[node.status]}</text>'
        f'<text x="30" y="20">{escape(shortened(node.label, _COLUMNS))}</text>'
        f'<text class="note" x="30" y="37">{escape(shortened(note, 33))}</text></g>'
    )


def _line(line: Line) -> str:
    hot = " critical" if line.critical else ""
    if line.curved:
        (x, y), (to_x, to_y) = line.points
        bend = max(30.0, (to_y - y) / 2)
        way = f"M{x:g} {y:g}C{x:g} {y + bend:g} {to_x:g} {to_y - bend:g} {to_x:g} {to_y:g}"
        head = _head([(to_x, to_y - bend), (to_x, to_y)])
        hot = hot or " behind"
    else:
        way = "M" + " L".join(f"{x:g} {y:g}" for x, y in line.points)
        head = _head(line.points)
    drawn = f'<path class="edge{hot}" d="{way}"/>'
    return f'{drawn}<path class="head{hot}" d="{head}"/>' if line.head else drawn


def _head(points: Iterable[Point]) -> str:
    """A small arrowhead at the end of a line, in the direction of its last segment."""
    *_, (from_x, from_y), (x, y) = points
    if abs(from_x - x) > abs(from_y - y):
        back = -7 if from_x < x else 7
        return f"M{x:g} {y:g} L{x + back:g} {y - 4:g} L{x + back:g} {y + 4:g}Z"
    back = -7 if from_y <= y else 7
    return f"M{x:g} {y:g} L{x - 4:g} {y + back:g} L{x + 4:g} {y + back:g}Z"


def _placed(title: str, bounds: Box, parts: Iterable[str]) -> str:
    shift = f"translate({_MARGIN - bounds.x:g} {_MARGIN - bounds.y:g})"
    moved = [f'<g transform="{shift}">', *parts, "</g>"]
    return _document(title, bounds.width + 2 * _MARGIN, bounds.height + 2 * _MARGIN, moved)


def _document(title: str, width: float, height: float, parts: Iterable[str]) -> str:
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>',
            f"<title>{escape(plain(title))}</title><style>{STYLE}</style>",
            '<rect class="page" width="100%" height="100%"/>',
            *parts,
            "</svg>\n",
        ]
    )
