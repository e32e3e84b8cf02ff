"""The task graph through the API."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.api.answers import refused
from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

ONE = "## One\n\n- A: `true` {#a}\n- B: `true` {#b}\n- C: `true` {#c after=a,b}"
PLAN = f"{ONE}\n\n## Two\n\n- D: `true` {{#d after=a}}\n- E {{#e milestone}}"


async def test_graph_has_dependencies_levels_and_the_longest_way(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    graph = await signoff.call("GET", f"/{project_id}/dag")
    nodes = {node["key"]: node for node in graph["nodes"]}
    ids = {node["id"]: node["key"] for node in graph["nodes"]}
    assert {key: node["level"] for key, node in nodes.items()} == {"a": 0, "b": 0, "c": 1, "d": 2, "e": 2}
    edges = {(ids[edge["source"]], ids[edge["target"]]) for edge in graph["edges"]}
    assert edges == {("a", "c"), ("b", "c"), ("a", "d")}
    assert graph["levels"] == 3
    assert [ids[node] for node in graph["critical_path"]] == ["a", "c", "d"]
    assert {ids[edge["target"]] for edge in graph["edges"] if edge["critical"]} == {"c"}
    assert (nodes["e"]["type"], nodes["e"]["phase_name"], nodes["e"]["status"]) == ("milestone", "Two", "pending")
    one = await signoff.call("GET", f"/{project_id}/dag?phase=two")
    assert [node["key"] for node in one["nodes"]] == ["d", "e"]
    await refused(signoff, "GET", f"/{project_id}/dag?phase=three", 404, "phase_not_found")


async def test_pictures_and_their_texts(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    types = {"svg": "image/svg+xml", "dot": "text/vnd.graphviz", "mermaid": "text/vnd.mermaid"}
    for wanted, content_type in types.items():
        answer = await signoff.http.get(f"/api/projects/{project_id}/dag?format={wanted}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] == content_type
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    root = ElementTree.fromstring((await signoff.http.get(f"/api/projects/{project_id}/dag?format=svg")).text)
    assert len([g for g in root.iter() if "task" in g.get("class", "").split()]) == 5
    project = await signoff.project(project_id)
    for what in ("task", "phase"):
        marked = [mark for element in root.iter() if (mark := element.get(f"data-{what}"))]
        assert marked == [row["id"] for row in project[f"{what}s"]]
    body = await refused(signoff, "GET", f"/{project_id}/dag?format=png", 400, "bad_request")
    assert all(name in body["message"] for name in ("json", *types)), body["message"]


async def test_large_graphs_are_folded_and_hold_nobody_up(signoff: Stack) -> None:
    phases = [f"## {name} (parallel)\n\n" + "\n".join(f"- t{n}" for n in range(1000)) for name in ("One", "Two")]
    project_id = await signoff.planned("\n\n".join(phases))
    graph = await signoff.call("GET", f"/{project_id}/dag")
    assert (len(graph["nodes"]), graph["edges"], graph["levels"], len(graph["critical_path"])) == (2000, [], 2, 2)
    for query, count in (("", 2), ("&expand=true", 2000), ("&phase=two", 1000)):
        svg = (await signoff.http.get(f"/api/projects/{project_id}/dag?format=svg{query}")).text
        assert svg.count('<g class="task ') == count


async def test_no_plan_no_graph(signoff: Stack) -> None:
    project_id = await signoff.create()
    await refused(signoff, "GET", f"/{project_id}/dag", 404, "no_plan")
    await refused(signoff, "GET", "/proj_nothing/dag", 404, "project_not_found")


async def test_the_longest_way_goes_by_time_once_all_has_run(signoff: Stack) -> None:
    project_id = await signoff.started(
        "- Quick: `true` {#quick}\n- Slow: `sleep 0.5` {#slow}\n- Last {#last milestone after=quick,slow}"
    )
    await signoff.finished(project_id)
    graph = await signoff.call("GET", f"/{project_id}/dag")
    keys = {node["id"]: node["key"] for node in graph["nodes"]}
    assert [keys[node] for node in graph["critical_path"]] == ["slow", "last"]
