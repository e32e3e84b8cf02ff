"""Plans that a model changes by a person's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Stack, running_stack
from tests.model_server import ModelServer
from tests.models.drafts import GOOD, MANUAL, SHELL, events_of, plan
from tests.models.test_model_planner import WORDS, ids_of, keys_of

CLEANED = (*GOOD, ("clean", "Clean", SHELL, ("check",)))


async def test_words_change_the_plan_and_what_stays_keeps_its_id(planner: Stack, model: ModelServer) -> None:
    model.say(plan(*GOOD), plan(*CLEANED))
    project_id = await planner.planned(WORDS)
    before = await planner.call("GET", f"/{project_id}/plan")
    message = "Clean up once it is checked."
    after = await planner.call("POST", f"/{project_id}/refine-plan", json={"message": message})
    assert (after["planner"], after["version"], after["usage"]["calls"]) == ("model", 2, 1)
    assert keys_of(after) == ["gather", "check", "clean"]
    assert ids_of(before).items() <= ids_of(after).items()
    asked = model.requests[1].texts
    assert message in asked
    for told in ("Gather", "Check", "Current plan"):
        assert told in asked
    diff = await planner.call("GET", f"/{project_id}/plan/diff")
    assert (diff["tasks"], diff["phases"]["changed"]) == ({"added": ["clean"], "removed": [], "changed": []}, [])
    (returned,) = await events_of(planner, project_id, "plan.returned")
    assert (returned["plan_version"], returned["comment"]) == (1, message)


async def test_a_plan_by_hand_shows_only_what_the_words_have_changed(planner: Stack, model: ModelServer) -> None:
    model.say(plan(("fetch", "Fetch", {"type": "http", "url": "https://byhand.example/"}, ()), *GOOD))
    project_id = await planner.create("")
    await planner.call("POST", f"/{project_id}/phases", status=201, json={"name": "Work", "key": "work"})
    # A person has named this host, in the task itself.
    task = {"title": "Fetch", "key": "fetch", "action": {"type": "http", "url": "https://byhand.example/"}}
    await planner.call("POST", f"/{project_id}/tasks", status=201, json=task)
    before = await planner.call("GET", f"/{project_id}/plan")
    after = await planner.call("POST", f"/{project_id}/refine-plan", json={"message": "Gather, and check."})
    assert (keys_of(after), after["usage"]["calls"]) == (["fetch", "gather", "check"], 1)
    assert ids_of(after)["fetch"] == ids_of(before)["fetch"]
    diff = await planner.call("GET", f"/{project_id}/plan/diff")
    assert (diff["tasks"]["added"], diff["tasks"]["changed"]) == (["gather", "check"], [])


async def test_words_name_hosts_and_secrets_too(planner: Stack, model: ModelServer) -> None:
    fetch = {"type": "http", "url": "https://named.example/", "headers": {"x-key": "${{ secrets.NEWS_KEY }}"}}
    model.say(plan(*GOOD), plan(*GOOD, ("fetch", "Fetch", fetch, ())))
    project_id = await planner.planned(WORDS)
    words = {"message": "Fetch named.example too, with the secret NEWS_KEY."}
    assert (await planner.call("POST", f"/{project_id}/refine-plan", json=words))["usage"]["calls"] == 1


async def test_without_a_model_there_is_nobody_to_read_words(temporal_server: Any, tmp_path: Path) -> None:
    async with running_stack(temporal_server, tmp_path) as stack:
        project_id = await stack.planned("- A: `true` {#a}")
        edits = [{"op": "add_task", "title": "B", "key": "b", "action": SHELL}]
        for body in ({"message": "More."}, {"message": "More.", "edits": edits}):
            refused = await stack.call("POST", f"/{project_id}/refine-plan", status=409, json=body)
            assert refused["code"] == "planner_unavailable"
        assert (await stack.project(project_id))["plan"]["version"] == 1
        refused = await stack.call("POST", f"/{project_id}/regenerate-plan", status=409, json={"planner": "model"})
        assert refused["code"] == "planner_unavailable"


@pytest.mark.parametrize("key", [None, "once"])
async def test_edits_come_first_and_words_after_them(planner: Stack, model: ModelServer, key: str | None) -> None:
    model.say(plan(*GOOD), plan(*CLEANED, ("sign", "Sign by hand", MANUAL, ())))
    project_id = await planner.planned(WORDS)
    edits = [{"op": "add_task", "title": "Sign by hand", "key": "sign", "action": MANUAL}]
    body = {"message": "Clean up.", "edits": edits}
    headers = {"Idempotency-Key": key} if key else {}
    made = await planner.call("POST", f"/{project_id}/refine-plan", json=body, headers=headers)
    assert (made["planner"], made["version"]) == ("model", 3)
    assert keys_of(made) == ["gather", "check", "clean", "sign"]
    assert "Sign by hand" in model.requests[1].texts
    if key:
        repeated = await planner.call("POST", f"/{project_id}/refine-plan", json=body, headers=headers)
        assert (repeated["version"], len(model.requests)) == (3, 2)


async def test_words_for_a_running_project_change_nothing_at_all(planner: Stack, model: ModelServer) -> None:
    model.say(plan(*GOOD))
    project_id = await planner.started(WORDS)
    await planner.task_in(project_id, "check", "waiting")
    edits = [{"op": "add_task", "title": "B", "key": "b", "action": SHELL}]
    for body in ({"message": "More."}, {"message": "More.", "edits": edits}):
        refused = await planner.call("POST", f"/{project_id}/refine-plan", status=409, json=body)
        assert refused["code"] == "project_running"
    project = await planner.project(project_id)
    assert (project["plan"]["version"], len(model.requests)) == (1, 1)


async def test_empty_words_are_refused(planner: Stack, model: ModelServer) -> None:
    project_id = await planner.planned("- A: `true` {#a}")
    for message in ("", "  \n"):
        await planner.call("POST", f"/{project_id}/refine-plan", status=422, json={"message": message})
    assert model.requests == []


async def test_a_plan_that_needs_no_signature_starts_at_once(planner: Stack, model: ModelServer) -> None:
    model.say(plan(("gather", "Gather", SHELL, ())))
    project_id = await planner.planned(WORDS, auto_approve_plan=True)
    project = await planner.finished(project_id)
    assert (project["status"], project["tasks"][0]["status"]) == ("completed", "completed")


async def test_edits_with_words_start_only_once_the_words_are_heeded(planner: Stack, model: ModelServer) -> None:
    model.say(plan(("gather", "Gather", SHELL, ()), ("more", "More", SHELL, ()), ("clean", "Clean", SHELL, ())))
    project_id = await planner.create(WORDS, auto_approve_plan=True)
    await planner.call("POST", f"/{project_id}/tasks", status=201, json={"title": "Gather", "action": SHELL})
    edits = [{"op": "add_task", "title": "More", "action": SHELL}]
    await planner.call("POST", f"/{project_id}/refine-plan", json={"edits": edits, "message": "Clean up."})
    project = await planner.finished(project_id)
    assert [task["key"] for task in project["tasks"]] == ["gather", "more", "clean"]


async def test_what_a_model_is_not_shown_stays_too(planner: Stack, model: ModelServer) -> None:
    project_id = await planner.create("")
    phase = {"name": "Work", "key": "work", "description": "By hand."}
    await planner.call("POST", f"/{project_id}/phases", status=201, json=phase)
    task = {"title": "Gather", "key": "gather", "action": SHELL, "retries": 7}
    await planner.call("POST", f"/{project_id}/tasks", status=201, json=task)
    model.say(plan(*GOOD))
    await planner.call("POST", f"/{project_id}/refine-plan", json={"message": "Have it checked."})
    diff = await planner.call("GET", f"/{project_id}/plan/diff")
    assert (diff["tasks"]["changed"], diff["phases"]["changed"]) == ([], [])
