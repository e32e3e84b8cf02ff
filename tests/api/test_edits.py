"""Edits of plans that are not running: of tasks, of phases, and several at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.answers import fields_of, refused
from tests.conftest import Stack

# These are about what happens to a plan afterwards.
pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = (
    "## One\n\n- A: `true` {#a}\n- B: `true` {#b after=a}\n\n## Two (sequential)\n\n- C: `true` {#c}\n- D: `true` {#d}"
)


async def keys(stack: Stack, project_id: str) -> dict[str, list[str]]:
    plan = await stack.call("GET", f"/{project_id}/plan")
    return {phase["key"]: [task["key"] for task in phase["tasks"]] for phase in plan["phases"]}


async def test_what_a_get_gave_can_be_put_back_and_changes_nothing(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    before = await signoff.call("GET", f"/{project_id}/plan")
    for key in "abcd":
        task = await signoff.call("GET", f"/{project_id}/tasks/{key}")
        assert await signoff.call("PUT", f"/{project_id}/tasks/{key}", json=task) == task
    after = await signoff.call("GET", f"/{project_id}/plan")
    assert (after["version"], after["digest"]) == (before["version"], before["digest"])
    task = await signoff.call("GET", f"/{project_id}/tasks/d")
    changed = await signoff.call("PUT", f"/{project_id}/tasks/d", json=task | {"title": "Other"})
    # The implied order of the phase has not become an explicit dependency of the task.
    assert changed == task | {"title": "Other"}
    plan = await signoff.call("GET", f"/{project_id}/plan")
    assert plan["version"] == before["version"] + 1
    assert [phase["id"] for phase in plan["phases"]] == [phase["id"] for phase in before["phases"]]


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"key": "other"}, "key", "read_only"),
        ({"status": "completed"}, "status", "read_only"),
        ({"attempt": 7}, "attempt", "read_only"),
        ({"color": "red"}, "color", "validation_error"),
        ({"title": ""}, "title", "validation_error"),
        ({"title": None}, "title", "validation_error"),
        ({"description": None}, "description", "validation_error"),
        ({"retries": 101}, "retries", "validation_error"),
        ({"retries": True}, "retries", "validation_error"),
        ({"depends_on": ["nothing"]}, "phases[0].tasks[1].depends_on", "plan_invalid"),
        ({"depends_on": ["b"]}, "phases[0].tasks[1].depends_on", "plan_invalid"),
        ({"phase_id": "nothing"}, "phase_id", "validation_error"),
        ({"action": {"type": "shell"}}, "phases[0].tasks[1].action", "plan_invalid"),
        ({"action": {"type": "magic"}}, "phases[0].tasks[1].action.type", "plan_invalid"),
        ({"after_failure": "shrug"}, "after_failure", "validation_error"),
    ],
)
async def test_a_bad_change_is_refused_and_named(signoff: Stack, body: dict[str, Any], field: str, code: str) -> None:
    project_id = await signoff.planned(PLAN)
    answer = await refused(signoff, "PUT", f"/{project_id}/tasks/b", 422, code, json=body)
    assert field in fields_of(answer), answer
    assert (await signoff.call("GET", f"/{project_id}/plan"))["version"] == 1


async def test_each_field_of_a_task_can_be_set(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    task = await signoff.call("GET", f"/{project_id}/tasks/a")
    wanted: dict[str, Any] = {
        "title": "New",
        "description": "More",
        "action": {"type": "shell", "command": "date"},
        "inputs": {"x": [1]},
        "expected_files": ["out.txt"],
        "retries": 3,
        "timeout_seconds": 5,
        "on_crash": "ask",
        "after_failure": "ask",
    }
    changed = await signoff.call("PUT", f"/{project_id}/tasks/a", json=wanted)
    assert changed == task | wanted
    moved = await signoff.call("PUT", f"/{project_id}/tasks/b", json={"phase_id": "two", "depends_on": []})
    assert moved["position"] == 3
    assert await keys(signoff, project_id) == {"one": ["a"], "two": ["c", "d", "b"]}


async def test_a_task_that_others_need_stays(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    body = await refused(signoff, "DELETE", f"/{project_id}/tasks/a", 422, "plan_invalid")
    assert "'b' depends on 'a'" in body["message"]
    gone = await signoff.call("DELETE", f"/{project_id}/tasks/b")
    assert (gone["deleted"], gone["plan_version"]) == (True, 2)
    await refused(signoff, "GET", f"/{project_id}/tasks/b", 404, "task_not_found")
    await refused(signoff, "DELETE", f"/{project_id}/tasks/b", 404, "task_not_found")


async def test_phases_are_listed_and_added(signoff: Stack) -> None:
    project_id = await signoff.create()
    assert await signoff.call("GET", f"/{project_id}/phases") == {"phases": [], "count": 0, "project_id": project_id}
    first = await signoff.call("POST", f"/{project_id}/phases", status=201, json={"name": "Build"})
    assert (first["key"], first["position"], first["strategy"], first["requires_approval"]) == (
        "build",
        0,
        "dag",
        False,
    )
    await signoff.call("PUT", f"/{project_id}", json={"auto_approve_phases": False})
    fields = {"name": "Ship", "description": "It", "strategy": "sequential"}
    ship = await signoff.call("POST", f"/{project_id}/phases", status=201, json=fields)
    assert (ship["requires_approval"], ship["strategy"], ship["task_counts"]["total"]) == (True, "sequential", 0)
    test = await signoff.call("POST", f"/{project_id}/phases", status=201, json={"name": "Build", "position": 1})
    assert test["key"] == "build_2"
    listed = await signoff.call("GET", f"/{project_id}/phases")
    assert [(phase["key"], phase["position"]) for phase in listed["phases"]] == [
        ("build", 0),
        ("build_2", 1),
        ("ship", 2),
    ]
    await refused(signoff, "POST", f"/{project_id}/phases", 422, json={})
    await refused(signoff, "POST", f"/{project_id}/phases", 422, json={"name": "X", "key": "build"})
    # A plan without tasks cannot be approved.
    await refused(signoff, "POST", f"/{project_id}/approve", 409, "empty_plan")
    task = await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "Last"})
    assert task["phase_id"] == ship["id"]


async def test_refinement_makes_one_version_with_all_edits_or_none(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    task = await signoff.call("GET", f"/{project_id}/tasks/c")
    edits: list[dict[str, Any]] = [
        {"op": "add_phase", "name": "Three"},
        {"op": "add_task", "title": "New", "phase": "three", "depends_on": [task["id"]]},
        {"op": "update_task", "task": "d", "retries": 2},
        {"op": "move_task", "task": "d", "phase": "three", "position": 0},
        {"op": "update_phase", "phase": "two", "name": "Second", "position": 0},
        {"op": "remove_task", "task": "b"},
    ]
    bad = [*edits, {"op": "remove_phase", "phase": "nothing"}]
    body = await refused(signoff, "POST", f"/{project_id}/refine-plan", 422, json={"edits": bad})
    assert fields_of(body) == ["edits.6.phase"]
    assert (await signoff.call("GET", f"/{project_id}/plan"))["version"] == 1
    plan = await signoff.call("POST", f"/{project_id}/refine-plan", json={"edits": edits})
    assert (plan["version"], plan["status"], plan["planner"]) == (2, "ready", "hand")
    assert await keys(signoff, project_id) == {"two": ["c"], "one": ["a"], "three": ["d", "new"]}
    assert [phase["name"] for phase in plan["phases"]] == ["Second", "One", "Three"]


async def test_refinement_in_words_needs_a_model(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    for body in ({"message": "shorter"}, {"message": "shorter", "edits": [{"op": "remove_task", "task": "b"}]}):
        await refused(signoff, "POST", f"/{project_id}/refine-plan", 409, "planner_unavailable", json=body)
    for body in ({}, {"edits": []}, {"edits": None}):
        await refused(signoff, "POST", f"/{project_id}/refine-plan", 422, json=body)
    await refused(signoff, "POST", "/proj_nothing/refine-plan", 404, json={"message": "x"})


@pytest.mark.parametrize(
    "edit",
    [
        {},
        {"op": "explode"},
        {"op": "add_task"},
        {"op": "remove_task"},
        {"op": "add_task", "title": "x", "y": 1},
        {"op": 7},
    ],
)
async def test_an_edit_that_is_none_is_refused(signoff: Stack, edit: dict[str, Any]) -> None:
    project_id = await signoff.planned(PLAN)
    body = await refused(signoff, "POST", f"/{project_id}/refine-plan", 422, json={"edits": [edit]})
    assert all(field.startswith("edits.0") for field in fields_of(body))


async def test_a_refined_plan_is_approved_by_itself_where_the_project_says_so(signoff: Stack) -> None:
    project_id = await signoff.planned("- [ ] Look {#look}")
    await signoff.call("PUT", f"/{project_id}", json={"auto_approve_plan": True})
    # A plan that is made manually also waits for a person.
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "By hand"})
    assert (await signoff.project(project_id))["status"] == "pending"
    edits = [{"op": "remove_task", "task": "by_hand"}, {"op": "update_task", "task": "look", "title": "Look again"}]
    await signoff.call("POST", f"/{project_id}/refine-plan", json={"edits": edits})
    await signoff.until(project_id, status="running")
    plan = await signoff.call("GET", f"/{project_id}/plan")
    assert (plan["version"], plan["approved_by"]) == (3, "signoff")
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_texts_arrive_with_plain_line_breaks(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    action = {"type": "shell", "command": "mkdir sub\r\ncd sub\rpwd\r\n"}
    plain = {"type": "shell", "command": "mkdir sub\ncd sub\npwd\n"}
    body = {"title": "T", "key": "t", "action": action}
    made = await signoff.call("POST", f"/{project_id}/tasks", status=201, json=body)
    assert made["action"] == plain
    changed = await signoff.call(
        "PUT", f"/{project_id}/tasks/a", json={"action": action, "description": "\ufeffx\r\ny"}
    )
    assert (changed["action"], changed["description"]) == (plain, "x\ny")
    edits = [{"op": "update_task", "task": "b", "action": action}]
    plan = await signoff.call("POST", f"/{project_id}/refine-plan", json={"edits": edits})
    assert plan["phases"][0]["tasks"][1]["action"] == plain
    text = (await signoff.http.get(f"/api/projects/{project_id}/plan", headers={"accept": "text/markdown"})).text
    assert "\r" not in text
    created = await signoff.call("POST", "", status=201, json={"description": "\ufeff- A: `true`\r\n- B: `true`\r\n"})
    assert created["description"] == "- A: `true`\n- B: `true`\n"


async def test_inputs_that_share_a_variable_are_refused(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    inputs = {"name": 1, "NAME": 2}
    body = {"title": "T", "action": {"type": "shell", "command": "true"}, "inputs": inputs}
    await refused(signoff, "POST", f"/{project_id}/tasks", 422, "plan_invalid", json=body)
    await refused(signoff, "PUT", f"/{project_id}/tasks/a", 422, "plan_invalid", json={"inputs": inputs})
    edits = [{"op": "update_task", "task": "a", "inputs": inputs}]
    answer = await refused(signoff, "POST", f"/{project_id}/refine-plan", 422, "plan_invalid", json={"edits": edits})
    assert "share the variable $INPUT_NAME" in answer["message"]
