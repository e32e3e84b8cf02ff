"""Drafts that are not valid: what the model is told about them, and how often."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Stack
from tests.model_server import ModelServer, Output, Text

BRIEF = "Count the visitors and let somebody look at the sum."


def task(number: int, title: str, **fields: Any) -> dict[str, Any]:
    return {"number": number, "title": title, "action": {"type": "manual"}, **fields}


def plan(*tasks: dict[str, Any]) -> dict[str, Any]:
    return {"summary": "Counts.", "phases": [{"name": "All", "strategy": "dag", "tasks": list(tasks)}]}


GOOD = plan(task(1, "Count"), task(2, "Look", depends_on=[1]))


async def test_a_repair_is_a_fresh_request_with_the_last_draft_and_all_that_is_wrong(
    stack: Stack, model: ModelServer
) -> None:
    wrong = plan(task(1, "Count", depends_on=[7]), task(2, "Look", action={"type": "shell", "command": " "}))
    model.say(Output(wrong), Output(GOOD))
    project_id = await stack.planned(BRIEF)
    first, second = model.requests
    assert len(second.body["messages"]) == len(first.body["messages"])
    assert BRIEF in second.texts
    assert '"depends_on": [7]' in second.texts
    assert "- Task 1, depends_on: Task 1 depends on task 7, which does not exist." in second.texts
    assert "- Task 2, action: shell action: the command is empty." in second.texts
    listed = (await stack.call("GET", f"/{project_id}/plan"))["phases"][0]["tasks"]
    assert [item["key"] for item in listed] == ["count", "look"]
    assert listed[1]["depends_on"] == [listed[0]["id"]]


@pytest.mark.parametrize("rounds", [3, 10_000])
async def test_an_answer_that_broke_off_is_not_shown_again(stack: Stack, model: ModelServer, rounds: int) -> None:
    model.say(Text('{"summary": "' + "round and " * rounds), Output(GOOD))
    await stack.planned(BRIEF)
    assert "round and" not in model.requests[1].texts
    assert "Your answer is not valid." in model.requests[1].texts
    assert ("The answer was cut off" in model.requests[1].texts) is (rounds > 3)


async def test_what_does_not_fit_into_the_shape_goes_back_too(stack: Stack, model: ModelServer) -> None:
    model.say(Output({"summary": "No phases.", "phases": []}), Output(GOOD))
    await stack.planned(BRIEF)
    assert "the plan has no phases; add at least one, or say in cannot_plan" in model.requests[1].texts


async def test_after_three_repairs_the_plan_has_failed(stack: Stack, model: ModelServer) -> None:
    model.say(*[Output(plan(task(number, "Count", depends_on=[number]))) for number in (1, 2, 3, 4)])
    project_id = await stack.create(BRIEF)
    refused = await stack.call("POST", f"/{project_id}/generate-plan", status=422)
    assert (refused["code"], len(model.requests)) == ("plan_invalid", 4)
    assert "in a cycle" in refused["details"][0]["message"]


async def test_a_request_is_offered_only_where_a_host_may_be_asked(stack: Stack, model: ModelServer) -> None:
    model.say(Output(GOOD), Output(GOOD))
    await stack.planned(BRIEF)
    await stack.planned(f"{BRIEF} They are listed at https://example.org/visitors.")
    offered = ["HttpAction" in str(request.body["response_format"]) for request in model.requests]
    assert offered == [False, True]


async def test_a_plan_with_a_request_can_be_given_back_where_no_host_is_named(stack: Stack, model: ModelServer) -> None:
    project_id = await stack.create("")
    fetch = {"title": "Fetch", "action": {"type": "http", "url": "https://byhand.example/"}}
    await stack.call("POST", f"/{project_id}/tasks", status=201, json=fetch)
    model.say(Output(plan({"number": 1, **fetch}, task(2, "Look", depends_on=[1]))))
    refined = await stack.call("POST", f"/{project_id}/refine-plan", json={"message": "Have it looked at."})
    assert [item["key"] for item in refined["phases"][0]["tasks"]] == ["fetch", "look"]
    assert "HttpAction" in str(model.requests[0].body["response_format"])
