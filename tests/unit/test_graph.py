"""The graph algorithms against brute force over small graphs, and their cost over large ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.graph import critical_path, dependents_of, find_cycles, levels, topological_order
from tests.unit.effort import lines_executed

Graph = list[list[int]]


@st.composite
def graphs(draw: st.DrawFn, most: int = 8) -> Graph:
    """Any graph, self-dependencies included."""
    size = draw(st.integers(0, most))
    nodes = st.integers(0, max(size - 1, 0))
    return [sorted(draw(st.sets(nodes, max_size=3))) for _ in range(size)]


@st.composite
def acyclic_graphs(draw: st.DrawFn, most: int = 8) -> Graph:
    """A graph whose nodes are shuffled, so that the order of numbers tells nothing."""
    size = draw(st.integers(0, most))
    name = draw(st.permutations(range(size)))
    result: Graph = [[] for _ in range(size)]
    for node in range(1, size):
        result[name[node]] = sorted(name[other] for other in draw(st.sets(st.integers(0, node - 1), max_size=3)))
    return result


def below(graph: Graph) -> list[set[int]]:
    """For each node what it depends on, directly or not (Warshall's closure)."""
    closure = [set(needed) for needed in graph]
    for middle in range(len(graph)):
        for node in range(len(graph)):
            if middle in closure[node]:
                closure[node] |= closure[middle]
    return closure


def knots(graph: Graph) -> set[frozenset[int]]:
    """Sets of nodes that depend on each other, or on themselves."""
    closure = below(graph)
    return {
        frozenset(other for other in closure[node] if node in closure[other])
        for node in range(len(graph))
        if node in closure[node]
    }


def paths_from(graph: Graph, node: int) -> Iterator[list[int]]:
    """Every way from `node` down to one that depends on nothing."""
    if not graph[node]:
        yield [node]
    for other in graph[node]:
        for rest in paths_from(graph, other):
            yield [node, *rest]


def shortest_way_round(graph: Graph, start: int) -> int:
    reached, steps = set(graph[start]), 1
    while start not in reached:
        reached, steps = {further for node in reached for further in graph[node]}, steps + 1
    return steps


@given(graphs())
def test_dependents_are_the_reversed_edges_in_order(graph: Graph) -> None:
    expected = [[node for node, needed in enumerate(graph) if other in needed] for other in range(len(graph))]
    assert dependents_of(graph) == expected


@given(graphs())
def test_order_has_each_node_after_its_dependencies_and_leaves_out_what_a_cycle_blocks(graph: Graph) -> None:
    order = topological_order(graph)
    for place, node in enumerate(order):
        assert set(graph[node]) <= set(order[:place])
    closure = below(graph)
    on_cycle = {node for node in range(len(graph)) if node in closure[node]}
    free = [node for node in range(len(graph)) if not (closure[node] | {node}) & on_cycle]
    assert sorted(order) == free


@given(graphs())
def test_each_knot_is_reported_once_by_a_shortest_cycle_through_its_smallest_node(graph: Graph) -> None:
    cycles = find_cycles(graph)
    expected = sorted(knots(graph), key=min)
    assert len(cycles) == len(expected)
    for cycle, knot in zip(cycles, expected, strict=True):
        assert cycle[0] == min(knot)
        assert set(cycle) <= knot
        assert len(set(cycle)) == len(cycle) == shortest_way_round(graph, cycle[0])
        assert all(after in graph[node] for node, after in zip(cycle, [*cycle[1:], cycle[0]], strict=True))


@given(acyclic_graphs())
def test_no_cycle_is_found_where_there_is_none(graph: Graph) -> None:
    assert find_cycles(graph) == []
    assert sorted(topological_order(graph)) == list(range(len(graph)))


def test_cycle_reads_in_the_order_of_dependency() -> None:
    assert find_cycles([[2], [0], [1]]) == [[0, 2, 1]]
    assert find_cycles([[], [1], [3], [2], [0, 2]]) == [[1], [2, 3]]


@given(acyclic_graphs())
def test_level_is_the_longest_way_down(graph: Graph) -> None:
    assert levels(graph) == [max(map(len, paths_from(graph, node))) - 1 for node in range(len(graph))]


@given(acyclic_graphs(), st.data())
def test_critical_path_is_the_heaviest_of_all_paths(graph: Graph, data: st.DataObject) -> None:
    # Small whole numbers, so that several paths often weigh the same.
    weights = [float(data.draw(st.integers(0, 3))) for _ in graph]
    paths = [path for node in range(len(graph)) for path in paths_from(graph, node)]
    expected: list[int] = []
    if paths:
        heaviest = max(sum(weights[node] for node in path) for path in paths)
        expected = min(path for path in paths if sum(weights[node] for node in path) == heaviest)[::-1]
    assert critical_path(graph, weights) == expected


def chain(size: int) -> Graph:
    return [[node - 1] if node else [] for node in range(size)]


def chain_behind_a_cycle(size: int) -> Graph:
    return [[1], [0], *([node - 1] for node in range(2, size))]


def chain_of_cycles(size: int) -> Graph:
    return [[node - 1, node + 1] if node and node % 2 == 0 else [node ^ 1] for node in range(size)]


@pytest.mark.parametrize("shape", [chain, chain_behind_a_cycle, chain_of_cycles])
def test_cycles_are_found_with_an_effort_that_grows_with_the_graph_and_no_faster(shape: object) -> None:
    assert callable(shape)
    small, large = shape(400), shape(4_000)
    effort = lines_executed(lambda: find_cycles(small), "app/domain/graph.py")
    assert lines_executed(lambda: find_cycles(large), "app/domain/graph.py") < 15 * effort


def test_large_plans_take_an_effort_that_grows_with_them_and_no_faster() -> None:
    def work(size: int) -> None:
        levels(chain(size))
        critical_path(chain(size), [1.0] * size)

    effort = lines_executed(lambda: work(1_000), "app/domain/graph.py")
    assert lines_executed(lambda: work(10_000), "app/domain/graph.py") < 15 * effort
