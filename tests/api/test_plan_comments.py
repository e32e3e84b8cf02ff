"""Comments on a plan and on its tasks: kept with the version, in the record, and deciding nothing."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from app.domain.identity import new_id
from app.storage import comments
from tests.api.answers import fields_of, refused
from tests.api.test_roles import bearer, key_for
from tests.conftest import Stack

# These are about what happens to a plan afterwards.
pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = "- Clean: `rm -f old.log` {#clean}\n- [ ] Look {#look}"


async def comment(signoff: Stack, project_id: str, text: str, **fields: Any) -> dict[str, Any]:
    return await signoff.call("POST", f"/{project_id}/plan/comments", status=201, json={"text": text, **fields})


async def test_comments_are_kept_with_the_version_and_the_task(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    first = await signoff.call("GET", f"/{project_id}/plan")
    whole = await comment(signoff, project_id, "  Why now? \n")
    task_id = first["phases"][0]["tasks"][0]["id"]
    by_key = await comment(signoff, project_id, "Which log?\nAll of them?", task="clean")
    await signoff.call("PUT", f"/{project_id}/tasks/clean", json={"title": "Clean up"})
    by_id = await comment(signoff, project_id, "Better.", task=task_id)
    older = await comment(signoff, project_id, "That was unclear.", version=1)
    listed = await signoff.call("GET", f"/{project_id}/plan/comments")
    assert listed == {"comments": [whole, by_key, by_id, older], "total": 4}
    assert [(one["version"], one["key"], one["text"]) for one in listed["comments"]] == [
        (1, None, "Why now?"),
        (1, "clean", "Which log?\nAll of them?"),
        (2, "clean", "Better."),
        (1, None, "That was unclear."),
    ]
    assert {one["task_id"] for one in (by_key, by_id)} == {task_id}
    assert (whole["digest"], by_id["digest"] == whole["digest"]) == (first["digest"], False)
    assert whole["by"] == (await signoff.http.get("/api/me")).json()["name"]


async def test_comments_decide_nothing_and_are_welcome_at_any_time(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    await comment(signoff, project_id, "Before.")
    assert (await signoff.project(project_id))["stage"] == "awaiting_approval"
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.task_in(project_id, "look", "waiting")
    await comment(signoff, project_id, "During.", task="look")
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "More"})
    assert (await comment(signoff, project_id, "About the edit.", task="more"))["version"] == 2
    await signoff.call("POST", f"/{project_id}/cancel")
    await comment(signoff, project_id, "After.")
    listed = (await signoff.call("GET", f"/{project_id}/plan/comments"))["comments"]
    assert [one["text"] for one in listed] == ["Before.", "During.", "About the edit.", "After."]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": " \n"}, "text"),
        ({"text": "x" * 4_001}, "text"),
        ({"text": "\x00"}, "text"),
        ({"text": 1}, "text"),
        ({"text": "x", "task": ""}, "task"),
        ({"text": "x", "task": 1}, "task"),
        ({"text": "x", "version": 0}, "version"),
        ({"text": "x", "version": "1"}, "version"),
        ({"text": "x", "by": "somebody else"}, "by"),
    ],
)
async def test_bad_values_are_refused(signoff: Stack, body: dict[str, Any], field: str) -> None:
    project_id = await signoff.planned(PLAN)
    answer = await refused(signoff, "POST", f"/{project_id}/plan/comments", 422, json=body)
    assert fields_of(answer) == [field]


async def test_what_is_not_there_gets_no_comment(signoff: Stack) -> None:
    path = f"/{await signoff.create(PLAN)}/plan/comments"
    await refused(signoff, "POST", path, 404, "no_plan", json={"text": "x"})
    path = f"/{await signoff.planned(PLAN)}/plan/comments"
    await refused(signoff, "POST", path, 404, "plan_not_found", json={"text": "x", "version": 2})
    body = await refused(signoff, "POST", path, 404, "task_not_found", json={"text": "x", "task": "nobody"})
    assert fields_of(body) == ["task"]
    for method in ("GET", "POST"):
        sent = {"json": {"text": "x"}} if method == "POST" else {}
        await refused(signoff, method, f"/{new_id('proj')}/plan/comments", 404, "project_not_found", **sent)
    assert await signoff.call("GET", path) == {"comments": [], "total": 0}


async def test_a_repeat_with_the_same_key_is_one_comment(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    request = {"status": 201, "json": {"text": "Once."}, "headers": {"Idempotency-Key": new_id("key")}}
    first = await signoff.call("POST", f"/{project_id}/plan/comments", **request)
    assert await signoff.call("POST", f"/{project_id}/plan/comments", **request) == first
    assert (await signoff.call("GET", f"/{project_id}/plan/comments"))["total"] == 1


async def test_there_is_a_limit(signoff: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comments, "MAX_COMMENTS", 2)
    project_id = await signoff.planned(PLAN)
    for _ in range(2):
        await comment(signoff, project_id, "Again.")
    await refused(signoff, "POST", f"/{project_id}/plan/comments", 409, "too_many_comments", json={"text": "More."})


@pytest.mark.parametrize(("role", "may"), [("viewer", False), ("author", True), ("approver", True), ("operator", True)])
async def test_viewers_read_comments_and_others_write_them(signoff: Stack, role: str, may: bool) -> None:
    project_id = await signoff.planned(PLAN)
    key = bearer((await key_for(signoff, f"{role} {new_id('key')}", {"role": role}))["key"])
    answer = await signoff.http.post(f"/api/projects/{project_id}/plan/comments", json={"text": "x"}, headers=key)
    assert answer.status_code == (201 if may else 403), answer.text
    listed = await signoff.call("GET", f"/{project_id}/plan/comments", headers=key)
    assert listed["total"] == int(may)


async def test_comments_are_sealed_exported_and_checked_by_the_audit(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    said = await comment(signoff, project_id, "Which log?", task="clean")
    exported = await signoff.http.get(f"/api/projects/{project_id}/download")
    with zipfile.ZipFile(io.BytesIO(exported.content)) as opened:
        events = [json.loads(line) for line in opened.read("events.jsonl").splitlines()]
    (told,) = [event for event in events if event["type"] == "plan.commented"]
    assert (told["seq"], told["data"]["comment_id"], told["data"]["text"]) == (said["seq"], said["id"], "Which log?")
    audit = await signoff.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"]
    assert [one for one in audit["results"]["findings"] if one["severity"] == "critical"] == []
