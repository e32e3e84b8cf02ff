"""Pictures of task graphs: well-formed whatever the titles hold, whole up to a size, folded beyond it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.models.graph import Edge, Graph, Node
from app.drawing.labels import shortened
from app.drawing.svg import MOST_TASKS, to_svg
from app.drawing.text import to_dot, to_mermaid

STATUSES = ["completed", "running", "pending", "failed", "waiting", "skipped", "cancelled"]
SVG = "{http://www.w3.org/2000/svg}"


def graph(phases: int, tasks: int, label: str = "Task {n}", *, fan: int = 2) -> Graph:
    """Phases of tasks, each task waiting for up to `fan` of those before it in its phase."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    for phase in range(phases):
        for number in range(tasks):
            index = len(nodes)
            nodes.append(
                Node(
                    id=f"task_{index}", key=f"t{index}", label=label.replace("{n}", str(index)), type="shell",
                    status=STATUSES[index % len(STATUSES)], phase_id=f"phase_{phase}", phase_name=f"Phase {phase}",
                    level=number, critical=number == 0, duration_ms=index * 100,
                )
            )  # fmt: skip
            for back in range(1, min(fan, number) + 1):
                other = index - back * (1 + number % 3) if number >= back * (1 + number % 3) else index - back
                edges.append(
                    Edge(id=f"e{len(edges)}", source=f"task_{other}", target=f"task_{index}", critical=back == 1)
                )
    return Graph(nodes=nodes, edges=edges, levels=tasks, critical_path=[])


def boxes(svg: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(svg)
    return [group for group in root.iter(f"{SVG}g") if "task" in group.get("class", "").split()]


def test_every_task_and_edge_is_drawn_and_nothing_overlaps() -> None:
    drawn = graph(4, 10)
    svg = to_svg(drawn, "Release")
    places = []
    for group in boxes(svg):
        x, y = (float(part) for part in re.findall(r"-?[\d.]+", group.get("transform", "")))
        rect = group.find(f"{SVG}rect")
        assert rect is not None
        places.append((x, y, float(rect.get("width", "0")), float(rect.get("height", "0"))))
    assert len(places) == 40
    for index, (x, y, width, height) in enumerate(places):
        for x2, y2, width2, height2 in places[index + 1 :]:
            assert x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y
    # An arrow for each dependency, and one from each phase to the next.
    assert svg.count('<path class="edge') == len(drawn.edges) + 3
    assert to_svg(drawn, "Release") == svg


def test_a_large_graph_is_folded_unless_all_of_it_is_asked_for() -> None:
    large = graph(10, 100, fan=1)
    assert len(large.nodes) > MOST_TASKS
    folded = to_svg(large, "Large")
    assert len(boxes(folded)) == 10
    assert "100 tasks" in folded
    assert len(boxes(to_svg(large, "Large", expand=True))) == 1000


def test_ten_thousand_tasks_are_drawn_folded() -> None:
    assert len(boxes(to_svg(graph(500, 20, fan=0), "Huge"))) == 500


def test_nothing_comes_from_outside() -> None:
    svg = to_svg(graph(2, 3), "Safe")
    assert "<script" not in svg
    assert re.findall(r"https?://[^\"' ]+", svg) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in svg


@pytest.mark.parametrize(
    "title", ["<script>alert(1)</script>", "]]>", "a\u202eb", "\x00\x1b[31m", '"&\\', "end", "💩" * 80]
)
def test_hostile_titles_are_text(title: str) -> None:
    hostile = graph(1, 3, label=title)
    root = ElementTree.fromstring(to_svg(hostile, title))
    assert all(element.tag.startswith(SVG) for element in root.iter())
    assert "script" not in {element.tag.removeprefix(SVG) for element in root.iter()}
    for text in (to_svg(hostile, title), to_dot(hostile, title), to_mermaid(hostile)):
        assert "\u202e" not in text
        assert "\x00" not in text
        assert "<script>" not in text or text.startswith("digraph")


@given(st.text(max_size=60))
def test_any_title_makes_a_document(title: str) -> None:
    drawn = graph(1, 2, label=title)
    ElementTree.fromstring(to_svg(drawn, title))
    lines = to_dot(drawn, title).splitlines()
    assert sum("->" in line and "label" not in line for line in lines) == len(drawn.edges)
    assert all(line.count('"') % 2 == 0 for line in to_mermaid(drawn).splitlines())


def test_titles_are_cut_by_their_width() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "abc…"
    assert shortened("日本語です", 6) == "日本語…"


def test_an_empty_graph_says_so() -> None:
    assert "no task" in to_svg(Graph(nodes=[], edges=[], levels=0, critical_path=[]), "Empty")
