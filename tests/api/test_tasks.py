"""Tasks: adding them to a plan, listing them, and decisions on tasks that wait for a person."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.answers import JSON, fields_of, refused
from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

SHELL = {"type": "shell", "command": "true"}


async def add(stack: Stack, project_id: str, title: str, **fields: Any) -> dict[str, Any]:
    return await stack.call("POST", f"/{project_id}/tasks", status=201, json={"title": title, **fields})


async def test_the_first_task_makes_a_plan_and_a_phase(signoff: Stack) -> None:
    project_id = await signoff.create("")
    task = await add(signoff, project_id, "Look at it")
    assert (task["key"], task["action"], task["status"], task["position"]) == (
        "look_at_it",
        {"type": "manual"},
        "pending",
        0,
    )
    assert (task["depends_on"], task["inputs"], task["outputs"], task["retries"]) == ([], {}, {}, 0)
    project = await signoff.project(project_id)
    assert [phase["name"] for phase in project["phases"]] == ["Tasks"]
    assert project["tasks"] == [task]
    assert (project["plan"]["version"], project["plan"]["planner"]) == (1, "hand")
    assert (project["status"], project["stage"]) == ("pending", "awaiting_approval")


async def test_every_task_makes_a_version_and_keeps_what_was_there(signoff: Stack) -> None:
    project_id = await signoff.planned("## One {#one}\n\n- A: `true` {#a}\n\n## Two {#two}\n\n- B: `true` {#b}")
    before = await signoff.project(project_id)
    last = await add(signoff, project_id, "C", action=SHELL, depends_on=["b"])
    early = await add(
        signoff, project_id, "D", phase_id=before["phases"][0]["id"], depends_on=[before["tasks"][0]["id"]]
    )
    by_key = await add(
        signoff, project_id, "E", phase_id="one", retries=3, timeout_seconds=0.5, on_crash="ask", action=SHELL
    )
    project = await signoff.project(project_id)
    assert [task["key"] for task in project["tasks"]] == ["a", "d", "e", "b", "c"]
    ids = {task["key"]: task["id"] for task in project["tasks"]}
    assert {task["key"]: task["id"] for task in before["tasks"]} == {key: ids[key] for key in ("a", "b")}
    assert [phase["id"] for phase in project["phases"]] == [phase["id"] for phase in before["phases"]]
    assert (last["depends_on"], early["depends_on"]) == ([ids["b"]], [ids["a"]])
    assert (by_key["retries"], by_key["timeout_seconds"], by_key["on_crash"]) == (3, 0.5, "ask")
    assert project["plan"]["version"] == before["plan"]["version"] + 3
    assert project["plan"]["digest"] != before["plan"]["digest"]
    old = {"plan_version": before["plan"]["version"]}
    await refused(signoff, "POST", f"/{project_id}/approve", 409, "plan_superseded", json=old)


async def test_keys_come_from_titles_and_are_never_twice(signoff: Stack) -> None:
    project_id = await signoff.create("")
    titles = ["Draw it", "Draw it", "draw_it", "2 steps", "💩", "x" * 200, "a\nb", "Ärger"]
    keys = [(await add(signoff, project_id, title))["key"] for title in titles]
    assert keys == ["draw_it", "draw_it_2", "draw_it_3", "t_2_steps", "task", "x" * 56, "a_b", "rger"]
    await refused(signoff, "POST", f"/{project_id}/tasks", 422, "plan_invalid", json={"title": "x", "key": "draw_it"})


BAD_FIELDS: list[tuple[str, Any]] = [
    ("title", None),
    ("title", ""),
    ("title", "x" * 201),
    ("title", "\x00"),
    ("title", 1),
    ("key", "Upper"),
    ("key", "1st"),
    ("key", "a b"),
    ("key", "x" * 65),
    ("key", "a\n"),
    ("key", 1),
    ("description", "x" * 100_001),
    ("phase_id", "x" * 65),
    ("phase_id", "nope"),
    ("agent_id", 1),
    ("action", "shell"),
    ("action", []),
    ("action", {"type": "shell", "command": "\x00"}),
    ("depends_on", "a"),
    ("depends_on", ["one"] * 1001),
    ("inputs", []),
    ("expected_files", "a"),
    ("expected_files", ["x"] * 1001),
    ("retries", -1),
    ("retries", 101),
    ("retries", "3"),
    ("retries", True),
    ("retries", 1.5),
    ("retries", 10**40),
    ("timeout_seconds", 0),
    ("timeout_seconds", -1),
    ("timeout_seconds", 2_592_001),
    ("timeout_seconds", "5"),
    ("timeout_seconds", False),
    ("on_crash", "panic"),
    ("status", "completed"),
    ("outputs", {}),
]


@pytest.mark.parametrize(
    ("field", "value"), BAD_FIELDS, ids=[f"{name}={str(value)[:16]!r}" for name, value in BAD_FIELDS]
)
async def test_a_bad_field_is_refused_and_named(signoff: Stack, field: str, value: Any) -> None:
    project_id = await signoff.create("")
    body = await refused(
        signoff, "POST", f"/{project_id}/tasks", 422, "validation_error", json={"title": "x", field: value}
    )
    assert fields_of(body) == [field]
    assert (await signoff.project(project_id))["plan"] is None


BAD_PLANS: dict[str, dict[str, Any]] = {
    "unknown dependency": {"depends_on": ["nope"]},
    "id of nothing": {"depends_on": ["task_00000000000000000000000000"]},
    "itself": {"key": "me", "depends_on": ["me"]},
    "later phase": {"phase_id": "one", "depends_on": ["later"]},
    "later phase by reference": {"phase_id": "one", "inputs": {"x": "${{ tasks.later.outputs.x }}"}},
    "unknown action": {"action": {"type": "nope"}},
    "model that is not there": {"action": {"type": "agent", "prompt": "x"}},
    "action without its field": {"action": {"type": "shell"}},
    "action with another's field": {"action": {**SHELL, "url": "x"}},
    "field of a wrong type": {"action": {"type": "wait", "seconds": "soon"}},
    "negative wait": {"action": {"type": "wait", "seconds": -1}},
    "reference in a command": {"action": {"type": "shell", "command": "echo ${{ tasks.early.outputs.x }}"}},
    "reference to nothing": {"inputs": {"x": "${{ tasks.nope.outputs.x }}"}},
    "no reference": {"inputs": {"x": "${{ 1 + 1 }}"}},
    "unknown agent": {"agent_id": "nobody"},
    "file outside": {"expected_files": ["../x"]},
    "absolute file": {"expected_files": ["/etc/passwd"]},
    "our own folder": {"expected_files": [".signoff/x"]},
}


@pytest.mark.parametrize("fields", BAD_PLANS.values(), ids=BAD_PLANS)
async def test_a_task_that_makes_the_plan_invalid_is_refused(signoff: Stack, fields: dict[str, Any]) -> None:
    project_id = await signoff.planned("## One {#one}\n\n- Early: `true`\n\n## Two {#two}\n\n- Later: `true`")
    before = await signoff.project(project_id)
    body = await refused(signoff, "POST", f"/{project_id}/tasks", 422, "plan_invalid", json={"title": "x", **fields})
    assert body["details"]
    assert await signoff.project(project_id) == before


RAW = {
    "nested beyond 100 levels": (b'{"title":"x","inputs":{"a":' + b"[" * 102 + b"]" * 102 + b"}}", 422),
    "nested beyond 100 levels in an action": (
        b'{"title":"x","action":{"type":"shell","command":' + b"[" * 500 + b"]" * 500 + b"}}",
        422,
    ),
    "infinite": (b'{"title":"x","inputs":{"a":1e999}}', 400),
    "infinite limit": (b'{"title":"x","timeout_seconds":1e999}', 400),
    "lone surrogate": (b'{"title":"x","inputs":{"a":"\\udfff"}}', 400),
    "name with NUL": (b'{"title":"x","inputs":{"a\\u0000":1}}', 422),
    "NUL in a value": (b'{"title":"x","inputs":{"a":{"b":["\\u0000"]}}}', 422),
    "empty type": (b'{"title":"x","action":{"type":""}}', 422),
}


@pytest.mark.parametrize(("content", "status"), RAW.values(), ids=RAW)
async def test_what_no_digest_can_carry_is_refused(signoff: Stack, content: bytes, status: int) -> None:
    project_id = await signoff.create("")
    await refused(signoff, "POST", f"/{project_id}/tasks", status, content=content, headers=JSON)


async def test_odd_values_come_back_as_they_were(signoff: Stack) -> None:
    project_id = await signoff.create("")
    inputs = {
        "big": 123456789012345678901234567890,
        "deep": [[[[{"a": [None, True, 0.1, -0.0]}]]]],
        "text": "Ä💩\u2028\x7f\r\n",
        "empty": {},
        "key": {"": 1, "a b": 2},
    }
    task = await add(signoff, project_id, "Odd", inputs=inputs)
    assert task["inputs"] == inputs
    assert (await signoff.project(project_id))["tasks"][0]["inputs"] == inputs
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.task_in(project_id, "odd", "waiting")
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_tasks_are_listed_by_status_phase_and_page(signoff: Stack) -> None:
    project_id = await signoff.started("## One\n\n- A: `true` {#a}\n- [ ] B {#b}\n\n## Two\n\n- C: `true` {#c}")
    await signoff.task_in(project_id, "a", "completed")
    await signoff.task_in(project_id, "b", "waiting")
    first = (await signoff.project(project_id))["phases"][0]["id"]

    async def keys(**query: Any) -> tuple[list[str], int]:
        listed = await signoff.call("GET", f"/{project_id}/tasks", params=query)
        return [task["key"] for task in listed["tasks"]], listed["total"]

    assert await keys() == (["a", "b", "c"], 3)
    assert await keys(status="waiting") == (["b"], 1)
    assert await keys(phase_id=first) == (["a", "b"], 2)
    assert await keys(phase_id="nope") == ([], 0)
    assert await keys(limit=1, offset=1) == (["b"], 3)
    assert await keys(offset=3) == ([], 3)
    for query in ("status=x", "limit=0", "limit=10001", "offset=-1", "limit=x"):
        body = await refused(signoff, "GET", f"/{project_id}/tasks?{query}", 400, "bad_request")
        assert fields_of(body) == [query.split("=")[0]]
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_a_person_completes_by_id_or_key(signoff: Stack) -> None:
    project_id = await signoff.started("- [ ] A {#a}\n- [ ] B {#b}\n- [ ] C {#c}")
    ids = {task["key"]: task["id"] for task in (await signoff.project(project_id))["tasks"]}
    for key in ids:
        await signoff.task_in(project_id, key, "waiting")
    outputs = {"text": "Ä", "number": 1, "nested": {"a": [1, None]}}
    done = await signoff.call(
        "POST", f"/{project_id}/tasks/{ids['a']}/complete", json={"outputs": outputs, "comment": "ok"}
    )
    assert (done["status"], done["outputs"]) == ("completed", outputs)
    assert (await signoff.call("POST", f"/{project_id}/tasks/b/complete"))["status"] == "completed"
    skipped = await signoff.call("POST", f"/{project_id}/tasks/c/skip", json={"comment": "not needed"})
    assert (skipped["status"], skipped["reason"]) == ("skipped", "skipped_by_person")
    assert (await signoff.finished(project_id))["status"] == "completed"
    for key in ids:
        await refused(signoff, "POST", f"/{project_id}/tasks/{key}/complete", 409)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"outputs": None}, "outputs"),
        ({"outputs": []}, "outputs"),
        ({"outputs": "x"}, "outputs"),
        ({"outputs": {"a": "x" * 262_144}}, "outputs"),
        ({"outputs": {"a": "\x00"}}, "outputs.a"),
        ({"comment": None}, "comment"),
        ({"comment": "x" * 10_001}, "comment"),
        ({"status": "completed"}, "status"),
    ],
)
async def test_a_bad_answer_is_refused_and_the_task_still_waits(
    signoff: Stack, body: dict[str, Any], field: str
) -> None:
    project_id = await signoff.started("- [ ] A {#a}")
    await signoff.task_in(project_id, "a", "waiting")
    assert fields_of(await refused(signoff, "POST", f"/{project_id}/tasks/a/complete", 422, json=body)) == [field]
    await refused(signoff, "POST", f"/{project_id}/tasks/a/retry", 409)
    await refused(signoff, "POST", f"/{project_id}/tasks/nope/complete", 404, "task_not_found")
    assert (await signoff.project(project_id))["tasks"][0]["status"] == "waiting"
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_a_task_that_waits_for_no_person_takes_no_answer(signoff: Stack) -> None:
    project_id = await signoff.started("- Rest {#rest wait=600}\n- [ ] After {#after after=rest}")
    await signoff.task_in(project_id, "rest", "waiting")
    for key, answer in (("rest", "retry"), ("after", "complete"), ("after", "retry")):
        body = await refused(signoff, "POST", f"/{project_id}/tasks/{key}/{answer}", 409, "task_not_waiting")
        assert answer not in body["context"]["allowed"]
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_large_outputs_are_cut_in_lists_only(signoff: Stack) -> None:
    project_id = await signoff.started("- [ ] A {#a}\n- [ ] B {#b}")
    await signoff.task_in(project_id, "a", "waiting")
    whole = {"text": "x" * 5000, "number": 1}
    done = await signoff.call("POST", f"/{project_id}/tasks/a/complete", json={"outputs": whole})
    assert (done["outputs"], done["truncated"]) == (whole, False)
    for tasks in (
        (await signoff.project(project_id))["tasks"],
        (await signoff.call("GET", f"/{project_id}/tasks"))["tasks"],
    ):
        assert (tasks[0]["outputs"], tasks[0]["truncated"]) == ({"text": "x" * 1000, "number": 1}, True)
    await signoff.call("POST", f"/{project_id}/cancel")
