"""Pictures of task graphs: well-formed whatever the titles hold, whole up to a size, folded beyond it."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.drawing.labels import plain, shortened
from app.drawing.places import Box
from app.drawing.routed import MAX_TASKS, fits
from app.drawing.rows import in_rows
from app.drawing.simplify import meetings, without_implied
from app.drawing.svg import to_svg
from app.drawing.text import to_dot, to_mermaid
from signoff.schemas.graph import Edge, Graph, Node
from signoff.vocabulary import TaskStatus

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
                    id=f"task_{index}",
                    key=f"t{index}",
                    label=label.replace("{n}", str(index)),
                    type="shell",
                    status=STATUSES[index % len(STATUSES)],
                    phase_id=f"phase_{phase}",
                    phase_name=f"Phase {phase}",
                    level=number,
                    critical=number == 0,
                    duration_ms=index * 100,
                )
            )
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
    # An arrow for each dependency that no path says already, and one from each phase to the next.
    assert svg.count('<path class="edge') == len(without_implied(drawn)) + 3
    assert to_svg(drawn, "Release") == svg


def test_a_large_graph_is_folded_unless_all_of_it_is_asked_for() -> None:
    large = graph(10, 100, fan=1)
    assert len(large.nodes) > MAX_TASKS
    folded = to_svg(large, "Large")
    assert len(boxes(folded)) == 10
    assert "100 tasks" in folded
    assert len(boxes(to_svg(large, "Large", expand=True))) == 1000


def test_tasks_and_phases_carry_their_ids_in_every_layout() -> None:
    small, large = graph(2, 3), graph(10, 100, fan=1)
    for drawn, expand in ((small, False), (large, True)):
        root = ElementTree.fromstring(to_svg(drawn, "Marked", expand=expand))
        assert [group.get("data-task") for group in boxes(to_svg(drawn, "Marked", expand=expand))] == [
            node.id for node in drawn.nodes
        ]
        frames = [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "phase"]
        assert [frame.get("data-phase") for frame in frames] == list({node.phase_id: None for node in drawn.nodes})
    folded = boxes(to_svg(large, "Marked"))
    assert [(group.get("data-phase"), group.get("data-task")) for group in folded] == [
        (f"phase_{number}", None) for number in range(10)
    ]


def test_ids_are_text_whatever_they_hold() -> None:
    odd = "\"' onload='x' <a>&amp;"
    drawn = graph(1, 1)
    drawn.nodes[0] = drawn.nodes[0].model_copy(update={"id": odd, "phase_id": f"{odd}2"})
    svg = to_svg(drawn, "Odd")
    assert boxes(svg)[0].get("data-task") == odd
    root = ElementTree.fromstring(svg)
    assert [rect.get("data-phase") for rect in root.iter() if rect.get("data-phase")] == [f"{odd}2"]
    assert all("onload" not in element.attrib for element in root.iter())


def waiting_for(needed: dict[int, list[int]], critical: tuple[int, ...] = ()) -> Graph:
    """One phase of tasks by number, each with those it waits for."""
    level: dict[int, int] = {}
    for task, others in needed.items():
        level[task] = max((level[other] + 1 for other in others), default=0)
    steps = set(pairwise(critical))
    nodes = [
        Node(
            id=f"task_{task}",
            key=f"t{task}",
            label=f"Task {task}",
            type="shell",
            status=TaskStatus.PENDING,
            phase_id="phase_0",
            phase_name="Phase",
            level=level[task],
            critical=task in critical,
            duration_ms=None,
        )
        for task in needed
    ]
    edges = [
        Edge(id=f"{other}-{task}", source=f"task_{other}", target=f"task_{task}", critical=(other, task) in steps)
        for task, others in needed.items()
        for other in others
    ]
    return Graph(nodes=nodes, edges=edges, levels=max(level.values()) + 1, critical_path=[])


def all_to_all(count: int) -> Graph:
    return waiting_for(
        {task: [] if task < count else list(range(count)) for task in range(2 * count)}, critical=(3, count + 4)
    )


def overlaps(boxes: list[Box]) -> bool:
    ordered = sorted(boxes, key=lambda box: (box.y, box.x))
    return any(
        a.x < b.x + b.width and b.x < a.x + a.width and b.y < a.y + a.height
        for index, a in enumerate(ordered)
        for b in ordered[index + 1 : index + 60]
    )


def test_what_a_path_says_already_is_not_drawn() -> None:
    everything_before = waiting_for({task: list(range(task)) for task in range(150)}, critical=tuple(range(150)))
    kept = without_implied(everything_before)
    assert [edge.id for edge in kept] == [f"{task}-{task + 1}" for task in range(149)]
    assert all(edge.critical for edge in kept)
    diamond = waiting_for({0: [], 1: [0], 2: [0], 3: [0, 2, 1]})
    assert {edge.id for edge in without_implied(diamond)} == {"0-1", "0-2", "1-3", "2-3"}


def test_lines_from_all_to_all_meet_in_a_point() -> None:
    graph = all_to_all(15)
    found, others = meetings(without_implied(graph))
    assert [(len(meeting.sources), len(meeting.targets), meeting.critical) for meeting in found] == [
        (15, 15, {"task_3", "task_19"})
    ]
    assert others == []
    svg = to_svg(graph, "All to all")
    assert svg.count('class="meeting"') == 1
    assert svg.count('<path class="head') == 15
    assert svg.count('<path class="edge critical"') == 2
    assert meetings(all_to_all(2).edges)[0] == []


def test_what_would_take_the_layout_long_is_drawn_in_rows() -> None:
    half = {task: [] if task < 70 else [n for n in range(70) if (n + task) % 3] for task in range(140)}
    fan = {task: [0] if task else [] for task in range(100)}
    for needed in (half, fan):
        graph = waiting_for(needed)
        assert not fits(graph, *meetings(without_implied(graph)))
        assert len(boxes(to_svg(graph, "Wide"))) == len(graph.nodes)


def test_rows_keep_tasks_apart_inside_of_their_phases_and_lines_go_down() -> None:
    large = graph(10, 100, fan=1)
    places = in_rows(large, large.edges)
    assert not overlaps(list(places.boxes.values()))
    assert not overlaps(list(places.frames.values()))
    for node in large.nodes:
        box, frame = places.boxes[node.id], places.frames[node.phase_id]
        assert frame.x < box.x < box.x + box.width < frame.x + frame.width
        assert frame.y < box.y < box.y + box.height < frame.y + frame.height
    assert len(places.lines) == len(large.edges) + 9
    assert all(line.points[0][1] < line.points[-1][1] for line in places.lines)


def test_too_many_dependencies_are_counted_and_not_drawn() -> None:
    half = {task: [] if task < 70 else [n for n in range(70) if (n + task) % 3] for task in range(140)}
    graph = waiting_for({**half, 140: [139], 141: [140], 142: [141]}, critical=(139, 140, 141, 142))
    svg = to_svg(graph, "Black")
    assert len(graph.edges) > 3000
    assert f"{len(graph.edges) - 3} dependencies are not drawn" in svg
    assert svg.count('<path class="edge critical"') == 3


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
@example("->")
@example("task_0 -> task_1;")
def test_any_title_makes_a_document(title: str) -> None:
    drawn = graph(1, 2, label=title)
    ElementTree.fromstring(to_svg(drawn, title))
    lines = to_dot(drawn, title).splitlines()
    edges = [line for line in lines if re.fullmatch(r"  task_\d+ -> task_\d+( \[penwidth=2\])?;", line)]
    assert len(edges) == len(drawn.edges)
    assert all(line.count('"') % 2 == 0 for line in to_mermaid(drawn).splitlines())


def test_colors_do_without_custom_properties() -> None:
    assert "var(" not in to_svg(graph(1, 2), "For every viewer")


def test_phases_follow_each_other_in_every_text() -> None:
    drawn = graph(3, 2, fan=0)
    dot, mermaid = to_dot(drawn, "Order"), to_mermaid(drawn)
    assert "task_1 -> task_2 [style=dashed, ltail=cluster_0, lhead=cluster_1];" in dot
    assert "phase0 -.-> phase1" in mermaid
    assert "phase1 -.-> phase2" in mermaid


def test_entities_in_titles_stay_as_they_are() -> None:
    assert 'R&amp;D &amp;lt; \\\\N \\"' in to_dot(graph(1, 1, 'R&D &lt; \\N "'), "x")


def test_emoji_and_scripts_survive_and_what_hides_does_not() -> None:
    family, persian = "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    assert plain(f"{family} {persian}") == f"{family} {persian}"
    assert plain("a\u202eb\x1b\ufffe\U0001ffff\ue000\n c") == "a\ufffdb\ufffd\ufffd\ufffd\ufffd c"
    assert shortened(family * 20, 22).endswith("…")
    assert not shortened(family * 20, 22).endswith("\u200d…")


def test_titles_are_cut_by_their_width() -> None:
    assert len(shortened("W" * 30, 22)) < len(shortened("n" * 30, 22)) < len(shortened("i" * 40, 22))
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "abc…"
    assert shortened("日本語です", 6) == "日本語…"


def test_an_empty_graph_says_so() -> None:
    assert "no task" in to_svg(Graph(nodes=[], edges=[], levels=0, critical_path=[]), "Empty")
