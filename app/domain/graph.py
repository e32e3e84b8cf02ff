"""Graph algorithms over integer nodes: `dependencies[i]` lists what node i depends on, in ascending order."""

from __future__ import annotations

from collections.abc import Sequence

Dependencies = Sequence[Sequence[int]]


def dependents_of(dependencies: Dependencies) -> list[list[int]]:
    """The reversed edges: for each node, the nodes that depend on it, in ascending order."""
    reverse: list[list[int]] = [[] for _ in dependencies]
    for node, needed in enumerate(dependencies):
        for other in needed:
            reverse[other].append(node)
    return reverse


def topological_order(dependencies: Dependencies) -> list[int]:
    """Nodes in an order in which each follows its dependencies (Kahn, 1962). Nodes on or after a cycle are missing."""
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
    """One cycle for each group of nodes that depend on each other, in order of dependency, smallest node first.

    The groups are the strongly connected components, which contain every node of every cycle. The cycle of a group is one of
    the shortest through its smallest node. The time is proportional to the number of nodes and edges.
    """
    cycles = (_shortest_cycle(min(knot), dependencies, knot) for knot in _knots(dependencies))
    return sorted(cycle for cycle in cycles if cycle)


def _knots(dependencies: Dependencies) -> list[set[int]]:
    """The strongly connected components (Kosaraju; Sharir, 1981), including those with a single node."""
    reverse = dependents_of(dependencies)
    seen: set[int] = set()
    knots: list[set[int]] = []
    for root in reversed(_postorder(dependencies)):
        if root in seen:
            continue
        seen.add(root)
        members = [root]
        for node in members:
            for other in reverse[node]:
                if other not in seen:
                    seen.add(other)
                    members.append(other)
        knots.append(set(members))
    return knots


def _postorder(edges: Dependencies) -> list[int]:
    """All nodes in depth-first postorder. It does not use recursion, because plans may be 10,000 levels deep."""
    order: list[int] = []
    seen: set[int] = set()
    for start in range(len(edges)):
        stack = [] if start in seen else [(start, iter(edges[start]))]
        seen.add(start)
        while stack:
            node, rest = stack[-1]
            following = next((other for other in rest if other not in seen), None)
            if following is None:
                order.append(node)
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(edges[following])))
    return order


def _shortest_cycle(start: int, dependencies: Dependencies, knot: set[int]) -> list[int]:
    """A shortest cycle inside `knot` from `start` back to itself, found breadth-first. Empty if there is none."""
    came_from: dict[int, int] = {}
    queue = [start]
    for node in queue:
        for other in dependencies[node]:
            if other == start:
                path = [node]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return path[::-1]
            if other in knot and other not in came_from:
                came_from[other] = node
                queue.append(other)
    return []


def levels(dependencies: Dependencies) -> list[int]:
    """For each node of an acyclic graph, the length of its longest chain of dependencies."""
    level = [0] * len(dependencies)
    for node in topological_order(dependencies):
        level[node] = max((level[other] + 1 for other in dependencies[node]), default=0)
    return level


def critical_path(dependencies: Dependencies, weights: Sequence[float]) -> list[int]:
    """The path of an acyclic graph with the largest sum of weights, from its first node to its last.

    If several paths are equal, the one with the smaller node at the first difference from the end.
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


def levels_of_phases(phases: Sequence[Dependencies]) -> list[int]:
    """`levels` for a sequence of phases. Each phase waits for all of the phase before it.

    Args:
        phases: for each phase, its internal dependencies; dependencies on earlier phases change nothing.

    Returns a level for each node, phase by phase. The time is proportional to the number of nodes and edges. A graph with an
    edge from each node to each node of the phase before would take quadratic time.
    """
    result: list[int] = []
    for dependencies in phases:
        below = max(result, default=-1) + 1
        result += [below + level for level in levels(dependencies)]
    return result


def critical_path_of_phases(phases: Sequence[Dependencies], weights: Sequence[float]) -> list[int]:
    """`critical_path` for a sequence of phases. Nodes and `weights` are numbered across phases; no weight is negative."""
    result: list[int] = []
    first = 0
    for dependencies in phases:
        own = weights[first : first + len(dependencies)]
        result += [first + node for node in critical_path(dependencies, own)]
        first += len(dependencies)
    return result
