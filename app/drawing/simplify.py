"""Reduces lines without losing information: drops lines implied by a path, and joins all-to-all lines in one point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signoff.schemas.graph import Edge, Graph

# A meeting point must save at least this many lines: two-by-two connections are clear without one.
_MIN_SAVED = 3


@dataclass(frozen=True)
class Meeting:
    """A point with a line from every source and a line to every target.

    `critical` holds the tasks whose lines are on the critical path.
    """

    id: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    critical: frozenset[str]


def without_implied(graph: Graph) -> list[Edge]:
    """The edges without those that a longer path also connects (the transitive reduction).

    The critical path stays complete: if two of its tasks were connected by a longer path, it would use that path.
    """
    number = {node.id: index for index, node in enumerate(graph.nodes)}
    level = {node.id: node.level for node in graph.nodes}
    incoming: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        incoming.setdefault(edge.target, []).append(edge)
    below: dict[str, int] = {}  # for each task, everything that it waits for directly or indirectly, as bits
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
    """Meeting points for tasks with exactly the same dependencies, and the remaining edges."""
    incoming: dict[str, list[Edge]] = {}
    for edge in edges:
        incoming.setdefault(edge.target, []).append(edge)
    groups: dict[tuple[str, ...], list[str]] = {}
    for target, needed in incoming.items():
        groups.setdefault(tuple(sorted(edge.source for edge in needed)), []).append(target)
    points: list[Meeting] = []
    for sources, targets in groups.items():
        if len(sources) * len(targets) - len(sources) - len(targets) >= _MIN_SAVED:
            met = [edge for target in targets for edge in incoming[target] if edge.critical]
            critical = frozenset(task for edge in met for task in (edge.source, edge.target))
            points.append(Meeting(f"meeting-{len(points)}", sources, tuple(targets), critical))
    gone = {target for meeting in points for target in meeting.targets}
    return points, [edge for edge in edges if edge.target not in gone]
