"""A body that has a key twice in the same JSON object is refused: readers would disagree about which value counts."""

from __future__ import annotations

import pytest

from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ('{"name": "A", "name": "B"}', "name"),
        (r'{"name": "A", "n\u0061me": "B"}', "name"),
        ('{"name": "A", "parameters": {"target": "a", "x": 1, "target": "b"}}', "target"),
        ('{"name": "A", "description": "", "description": "- x: `rm -rf data`"}', "description"),
    ],
)
async def test_a_key_twice_in_an_object_is_refused(signoff: Stack, body: str, key: str) -> None:
    before = (await signoff.call("GET", ""))["total"]
    answer = await signoff.http.post("/api/projects", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "duplicate_key")
    assert answer.json()["message"] == f"The body has the key '{key}' twice in the same object. Send it once."
    assert (await signoff.call("GET", ""))["total"] == before


async def test_edits_and_approvals_are_held_to_it_too(signoff: Stack) -> None:
    project_id = await signoff.planned("- A: `true` {#a}")
    for method, path, body in (
        ("POST", "refine-plan", '{"edits": [{"op": "update_task", "task": "a", "title": "B", "title": "C"}]}'),
        ("POST", "approve", '{"plan_version": 2, "plan_version": 1}'),
        ("PUT", "tasks/a", '{"action": {"type": "shell", "command": "true", "command": "false"}}'),
    ):
        answer = await signoff.http.request(method, f"/api/projects/{project_id}/{path}", content=body, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (400, "duplicate_key"), path
    assert (await signoff.project(project_id))["status"] == "pending"


async def test_an_idempotency_key_does_not_hide_it(signoff: Stack) -> None:
    headers = {**JSON, "Idempotency-Key": "twice"}
    first = await signoff.http.post("/api/projects", content='{"name": "Last"}', headers=headers)
    assert first.status_code == 201
    again = await signoff.http.post("/api/projects", content='{"name": "First", "name": "Last"}', headers=headers)
    assert again.status_code in {400, 409, 422}


async def test_the_same_key_in_different_objects_is_fine(signoff: Stack) -> None:
    project_id = await signoff.planned("- A: `true` {#a}\n- B: `true` {#b}")
    body = '{"edits": [{"op": "update_task", "task": "a", "title": "C"}, {"op": "update_task", "task": "b", "title": "D"}]}'
    answer = await signoff.http.post(f"/api/projects/{project_id}/refine-plan", content=body, headers=JSON)
    assert answer.status_code == 200, answer.text


async def test_a_block_of_json_in_a_description_is_held_to_it_too(signoff: Stack) -> None:
    text = '- A\n\n  ```action\n  {"type": "shell", "command": "true", "command": "false"}\n  ```'
    preview = (await signoff.http.post("/api/outline", json={"description": text})).json()
    assert "the name 'command' appears twice" in preview["problems"][0]["message"]
