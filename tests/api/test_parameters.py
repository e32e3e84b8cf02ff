"""Parameters of a plan through the API: values at plan time, what the signer sees, and what a run gets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.answers import fields_of, refused
from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = """---
parameters:
  version: {description: The version to release, pattern: '[0-9]+\\.[0-9]+'}
  target: {choices: [staging, production], default: staging}
  copies: {type: number, default: 3}
---

# Release

1. Build: `echo "$VERSION for $TARGET, $COPIES copies"` {#build}
2. Tell {#tell}

   ```inputs
   TEXT: released ${{ parameters.version }}
   COPIES: ${{ parameters.copies }}
   ```

   ```sh
   echo "$INPUT_TEXT $INPUT_COPIES"
   ```
"""
GENERATE = {"Prefer": "wait=60"}


async def values(stack: Stack, project_id: str) -> dict[str, Any]:
    plan = await stack.call("GET", f"/{project_id}/plan")
    return {parameter["name"]: parameter["value"] for parameter in plan["parameters"]}


async def test_missing_and_wrong_values_are_refused_by_name(signoff: Stack) -> None:
    project_id = await signoff.create(PLAN, parameters={"target": "moon"})
    body = await refused(
        signoff,
        "POST",
        f"/{project_id}/generate-plan",
        422,
        "parameters_invalid",
        json={"parameters": {"color": "red"}},
        headers=GENERATE,
    )
    assert set(fields_of(body)) == {"parameters.color", "parameters.version", "parameters.target"}
    project = await signoff.project(project_id)
    assert (project["plan"], project["parameters"]) == (None, {"target": "moon"})
    assert project["failure"]["code"] == "parameters_invalid"


async def test_values_of_project_and_call_make_the_plan_and_stay(signoff: Stack) -> None:
    project_id = await signoff.create(PLAN, parameters={"target": "production"})
    plan = await signoff.call(
        "POST", f"/{project_id}/generate-plan", json={"parameters": {"version": "2.40"}}, headers=GENERATE
    )
    assert plan["parameters"] == [
        {
            "name": "version",
            "variable": "VERSION",
            "type": "string",
            "description": "The version to release",
            "pattern": r"[0-9]+\.[0-9]+",
            "choices": [],
            "default": None,
            "value": "2.40",
        },
        {
            "name": "target",
            "variable": "TARGET",
            "type": "choice",
            "description": "",
            "pattern": None,
            "choices": ["staging", "production"],
            "default": "staging",
            "value": "production",
        },
        {
            "name": "copies",
            "variable": "COPIES",
            "type": "number",
            "description": "",
            "pattern": None,
            "choices": [],
            "default": 3,
            "value": 3,
        },
    ]
    assert (await signoff.project(project_id))["parameters"] == {"target": "production", "version": "2.40"}
    begun = next(event for event in await signoff.events(project_id) if event["type"] == "plan.generating")
    assert begun["data"]["parameters"] == {"target": "production", "version": "2.40"}


async def test_other_values_make_another_version_that_needs_an_approval(signoff: Stack) -> None:
    project_id = await signoff.started(PLAN, parameters={"version": "2.4"})
    first = await signoff.finished(project_id)
    assert first["status"] == "completed"
    tasks = {task["key"]: task["outputs"]["stdout"] for task in first["tasks"]}
    assert tasks == {"build": "2.4 for staging, 3 copies", "tell": "released 2.4 3"}
    change = {"parameters": {"version": "2.5", "target": "production", "copies": 2.5}}
    again = await signoff.call("POST", f"/{project_id}/regenerate-plan", json=change, headers=GENERATE)
    project = await signoff.project(project_id)
    assert (again["version"], project["status"], project["stage"]) == (2, "pending", "awaiting_approval")
    diff = await signoff.call("GET", f"/{project_id}/plan/diff")
    assert {
        change["field"]: (change["before"]["value"], change["after"]["value"]) for change in diff["parameters"]
    } == {
        "version": ("2.4", "2.5"),
        "target": ("staging", "production"),
        "copies": (3, 2.5),
    }
    assert (diff["settings"], diff["tasks"]["changed"]) == ([], [])
    await signoff.call("POST", f"/{project_id}/approve")
    second = await signoff.finished(project_id)
    assert second["tasks"][0]["outputs"]["stdout"] == "2.5 for production, 2.5 copies"
    assert second["plan"]["digest"] != first["plan"]["digest"]


async def test_null_removes_a_value(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN, parameters={"version": "2.4", "target": "production"})
    await signoff.call(
        "POST", f"/{project_id}/regenerate-plan", json={"parameters": {"target": None}}, headers=GENERATE
    )
    assert await values(signoff, project_id) == {"version": "2.4", "target": "staging", "copies": 3}
    assert (await signoff.project(project_id))["parameters"] == {"version": "2.4"}


async def test_the_markdown_of_a_plan_makes_the_same_plan_without_values(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN, parameters={"version": "2.4"})
    answer = await signoff.http.get(f"/api/projects/{project_id}/plan", headers={"Accept": "text/markdown"})
    copy_id = await signoff.planned(answer.text)
    plans = [await signoff.call("GET", f"/{name}/plan") for name in (project_id, copy_id)]
    assert plans[0]["digest"] == plans[1]["digest"]


async def test_a_copy_and_an_edited_plan_keep_the_values(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN, parameters={"version": "2.4"})
    copy = await signoff.call("POST", f"/{project_id}/duplicate", status=201)
    task = {"title": "More", "action": {"type": "shell", "command": "echo more $VERSION"}}
    await signoff.call("POST", f"/{copy['id']}/tasks", status=201, json=task)
    assert (await values(signoff, copy["id"]))["version"] == "2.4"
    await signoff.call("POST", f"/{copy['id']}/approve")
    done = await signoff.finished(copy["id"])
    assert done["tasks"][-1]["outputs"]["stdout"] == "more 2.4"


async def test_an_added_task_must_name_a_parameter_of_the_plan(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN, parameters={"version": "2.4"})
    task = {"title": "More", "action": {"type": "shell", "command": "true"}, "inputs": {"A": "${{ parameters.color }}"}}
    body = await refused(signoff, "POST", f"/{project_id}/tasks", 422, "plan_invalid", json=task)
    assert "no parameter 'color'; its parameters: version, target, copies" in body["message"]


@pytest.mark.parametrize("value", [None, [], {}, 1e400, "\0", "x" * 10_001])
async def test_what_no_parameter_can_be_is_refused_at_once(signoff: Stack, value: Any) -> None:
    content = b'{"parameters": {"version": 1e400}}' if value == 1e400 else None
    sent: dict[str, Any] = {"content": content} if content else {"json": {"parameters": {"version": value}}}
    answer = await signoff.http.post("/api/projects", headers={"Content-Type": "application/json"}, **sent)
    assert answer.status_code in {400, 422}


async def test_a_preview_lists_what_is_asked(signoff: Stack) -> None:
    answer = await signoff.http.post("/api/outline", json={"description": PLAN})
    listed = answer.json()["parameters"]
    assert [(item["name"], item["default"], item["value"]) for item in listed] == [
        ("version", None, None),
        ("target", "staging", None),
        ("copies", 3, None),
    ]


async def test_a_preview_checks_values_if_it_gets_them(signoff: Stack) -> None:
    answer = await signoff.http.post("/api/outline", json={"description": PLAN, "parameters": {"target": "moon"}})
    body = answer.json()
    assert not body["valid"]
    assert [problem["field"] for problem in body["problems"]] == ["parameters.version", "parameters.target"]
    good = await signoff.http.post("/api/outline", json={"description": PLAN, "parameters": {"version": "2.4"}})
    assert [item["value"] for item in good.json()["parameters"]] == ["2.4", "staging", 3]
