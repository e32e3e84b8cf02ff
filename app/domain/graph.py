"""Graph algorithms over integer nodes: `dependencies[i]` lists what node i depends on, in ascending order."""

from __future__ import annotations

from collections.abc import Sequence

Dependencies = Sequence[Sequence[int]]


def dependents_of(dependencies: Dependencies) -> list[list[int]]:
    """The reversed edges: for each node, which nodes depend on it, in ascending order."""
    reverse: list[list[int]] = [[] for _ in dependencies]
    for node, needed in enumerate(dependencies):
        for other in needed:
            reverse[other].append(node)
    return reverse


def topological_order(dependencies: Dependencies) -> list[int]:
    """Nodes such that each comes after all it depends on (Kahn, 1962); nodes on a cycle, or behind one, are missing."""
    remaining = [len(needed) for needed in dependencies]
    reverse = dependents_of(dependencies)
    order = [node for node, count in enumerate(remaining) if count == 0]
    for node in order:
        for other in reverse[node]:
            remaining[other] -= 1
            if remaining[other] == 0:
                order.append(other)
    return order


def find_cycles(dependencies: Dependencies) -> list[list[int]]:
    """One cycle for each knot of nodes that depend on each other, as nodes in order of dependency, smallest first.

    Every node on any cycle lies in one of the knots (strongly connected components); the cycle given for a knot is one of
    its shortest through its smallest node.
    """
    ordered = set(topological_order(dependencies))
    left = [node for node in range(len(dependencies)) if node not in ordered]
    reverse = dependents_of(dependencies)
    cycles: list[list[int]] = []
    settled: set[int] = set()
    for start in left:
        if start in settled:
            continue
        cycle = _shortest_cycle(start, dependencies)
        if not cycle:
            continue
        cycles.append(cycle)
        forward = _reachable(start, dependencies)
        settled |= forward & _reachable(start, reverse)
    return cycles


def _reachable(start: int, edges: Dependencies) -> set[int]:
    seen, stack = {start}, [start]
    while stack:
        for other in edges[stack.pop()]:
            if other not in seen:
                seen.add(other)
                stack.append(other)
    return seen


def _shortest_cycle(start: int, dependencies: Dependencies) -> list[int]:
    """Breadth-first from `start` back to itself; empty where there is no way."""
    came_from: dict[int, int] = {}
    queue = [start]
    for node in queue:
        for other in dependencies[node]:
            if other == start:
                path = [node]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return path[::-1]
            if other not in came_from:
                came_from[other] = node
                queue.append(other)
    return []


def levels(dependencies: Dependencies) -> list[int]:
    """For each node of an acyclic graph, the length of the longest path of dependencies below it."""
    level = [0] * len(dependencies)
    for node in topological_order(dependencies):
        level[node] = max((level[other] + 1 for other in dependencies[node]), default=0)
    return level


def critical_path(dependencies: Dependencies, weights: Sequence[float]) -> list[int]:
    """The path of an acyclic graph whose weights sum highest, from its first node to its last.

    Where several are equal, the one with the smallest node at the first difference from the end.
    """
    if not dependencies:
        return []
    total = [0.0] * len(dependencies)
    best: list[int | None] = [None] * len(dependencies)
    for node in topological_order(dependencies):
        for other in sorted(dependencies[node]):
            if best[node] is None or total[other] > total[best[node]]:  # type: ignore[index]
                best[node] = other
        before = best[node]
        total[node] = weights[node] + (total[before] if before is not None else 0.0)
    node: int | None = max(range(len(dependencies)), key=lambda candidate: (total[candidate], -candidate))
    path: list[int] = []
    while node is not None:
        path.append(node)
        node = best[node]
    return path[::-1]
