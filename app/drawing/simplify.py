"""Fewer lines that say the same: what a path says already is not drawn, and lines from all to all meet in a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.api.models.graph import Edge, Graph

# A meeting point must save this many lines: two by two are clear as they are.
_MIN_SAVED = 3


@dataclass(frozen=True)
class Meeting:
    """A point that lines from every source go to, and that lines to every target come from.

    `critical` has the tasks whose lines are on the critical path.
    """

    id: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    critical: frozenset[str]


def without_implied(graph: Graph) -> list[Edge]:
    """The edges, without those between tasks that a longer path joins as well (the transitive reduction).

    The critical path stays whole: were there a longer way between two tasks of it, it would go there.
    """
    number = {node.id: index for index, node in enumerate(graph.nodes)}
    level = {node.id: node.level for node in graph.nodes}
    incoming: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        incoming.setdefault(edge.target, []).append(edge)
    below: dict[str, int] = {}  # for each task all that it waits for in the end, as bits
    kept: set[str] = set()
    for task in sorted(level, key=level.__getitem__):
        seen = 0
        for edge in sorted(incoming.get(task, []), key=lambda edge: level[edge.source], reverse=True):
            if not seen >> number[edge.source] & 1:
                kept.add(edge.id)
                seen |= below[edge.source] | 1 << number[edge.source]
        below[task] = seen
    return [edge for edge in graph.edges if edge.id in kept]


def meetings(edges: Sequence[Edge]) -> tuple[list[Meeting], list[Edge]]:
    """Meeting points for tasks that wait for the very same ones, and the edges that remain."""
    incoming: dict[str, list[Edge]] = {}
    for edge in edges:
        incoming.setdefault(edge.target, []).append(edge)
    alike: dict[tuple[str, ...], list[str]] = {}
    for target, needed in incoming.items():
        alike.setdefault(tuple(sorted(edge.source for edge in needed)), []).append(target)
    found: list[Meeting] = []
    for sources, targets in alike.items():
        if len(sources) * len(targets) - len(sources) - len(targets) >= _MIN_SAVED:
            met = [edge for target in targets for edge in incoming[target] if edge.critical]
            critical = frozenset(task for edge in met for task in (edge.source, edge.target))
            found.append(Meeting(f"meeting-{len(found)}", sources, tuple(targets), critical))
    gone = {target for meeting in found for target in meeting.targets}
    return found, [edge for edge in edges if edge.target not in gone]
