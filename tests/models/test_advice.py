"""Decisions that a project leaves to the model: answered with a reason, or handed to a person."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from temporalio.testing import ActivityEnvironment

from activities.actions.masking import Masker
from activities.advice import Advice
from app.cli.tables import decision_list
from app.storage.tables import plans
from tests.conftest import OWNER, Stack, eventually
from tests.model_server import Json, ModelServer, Stall
from tests.models.conftest import Signoffs
from workflows.contracts import AdviceRequest

ASKING = {"type": "decision", "question": "Ship it?", "options": ["yes", "no"], "by": "model"}
CHECK = {"type": "shell", "command": "echo passed=7 >> $SIGNOFF_OUTPUT"}


async def asked(stack: Stack, action: dict[str, Any] | None = None, **fields: Any) -> str:
    """A project with a check and a decision about it, approved."""
    project_id = await stack.create("A release.", **fields)
    check = {"title": "Check", "key": "check", "action": CHECK}
    ship = {"title": "Ship", "key": "ship", "depends_on": ["check"], "action": ASKING | (action or {})}
    for task in (check, ship):
        await stack.call("POST", f"/{project_id}/tasks", status=201, json=task)
    await stack.call("POST", f"/{project_id}/approve")
    return project_id


async def advice_of(stack: Stack, project_id: str) -> dict[str, Any]:
    async def told() -> dict[str, Any] | None:
        found = [e["data"] for e in await stack.events(project_id) if e["data"].get("step") == "advice"]
        return found[0] if found else None

    return await eventually(told, what="word that the model has not decided")


async def test_the_model_answers_with_a_reason_on_record(stack: Stack, model: ModelServer) -> None:
    model.say(Json({"answer": "yes", "sure": True, "reason": "All checks passed."}))
    project_id = await asked(stack, {"default": "no"})
    project = await stack.finished(project_id)
    outputs = project["tasks"][1]["outputs"]
    assert (outputs["answer"], outputs["answered_by"]) == ("yes", "model:openai-chat:test-model")
    made = (await stack.call("GET", f"/{project_id}/decisions"))["decisions"]
    (answer,) = [decision for decision in made if decision.get("comment") == "All checks passed."]
    assert answer["actor"] == "model:openai-chat:test-model"
    assert "Ship it?" in model.requests[0].texts
    assert f"It is {datetime.now().astimezone():%A}, " in model.requests[0].texts
    assert (await stack.call("GET", f"/{project_id}/metrics"))["tokens_used"] > 0
    audit = await stack.call("POST", f"/{project_id}/audit", json={})
    assert audit["trail"]["intact"]


async def test_what_it_is_not_sure_of_goes_to_a_person(stack: Stack, model: ModelServer) -> None:
    model.say(Json({"answer": "yes", "sure": False, "reason": "Nobody has tested it."}))
    project_id = await asked(stack)
    advice = await advice_of(stack, project_id)
    assert "Nobody has tested it." in advice["reason"]
    question = await stack.question(project_id)
    proposed = {"answer": "yes", "reason": "Nobody has tested it.", "model": "openai-chat:test-model"}
    assert question["proposal"] == {**proposed, "left_because": "The model is not sure."}
    shown = str(decision_list({"decisions": [question], "open": 1}))
    assert "The model suggests 'yes', because: Nobody has tested it." in shown
    assert (await stack.project(project_id))["stage"] == "awaiting_decision"
    await stack.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "no"})
    assert (await stack.finished(project_id))["tasks"][1]["outputs"]["answer"] == "no"
    # The record keeps what the model proposed.
    kept = await stack.call("GET", f"/{project_id}/decisions/{question['id']}")
    assert (kept["status"], kept["proposal"]["answer"]) == ("answered", "yes")


async def test_a_person_may_be_faster(stack: Stack, model: ModelServer) -> None:
    model.say(Stall())
    project_id = await asked(stack)
    await model.received(1)
    question = await stack.question(project_id)
    await stack.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "no"})
    project = await stack.finished(project_id)
    assert project["tasks"][1]["outputs"]["answered_by"] == OWNER
    await model.closed(1)


async def test_over_budget_it_goes_to_a_person(stack: Stack, model: ModelServer) -> None:
    project_id = await asked(stack, max_tokens=10)
    advice = await advice_of(stack, project_id)
    assert "budget" in advice["reason"]
    assert model.requests == []
    question = await stack.question(project_id)
    await stack.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "yes"})
    assert (await stack.finished(project_id))["status"] == "completed"


async def test_people_are_asked_where_the_plan_says_so(stack: Stack, model: ModelServer) -> None:
    project_id = await asked(stack, {"by": "person"}, decision_mode="agent")
    question = await stack.question(project_id)
    await stack.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "yes"})
    await stack.finished(project_id)
    assert model.requests == []


async def test_a_failure_that_asks_is_decided_by_the_model(stack: Stack, model: ModelServer) -> None:
    model.say(Json({"answer": "retry", "sure": True, "reason": "The server was busy."}))
    plan = "- Fetch: `echo busy; [ -e second ] || { touch second; exit 7; }` {#fetch}"
    project_id = await stack.create(plan)
    await stack.call("POST", f"/{project_id}/generate-plan")
    edits = [{"op": "update_task", "task": "fetch", "after_failure": "ask"}]
    await stack.call("POST", f"/{project_id}/refine-plan", json={"edits": edits})
    await stack.call("POST", f"/{project_id}/approve")
    project = await stack.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    assert project["tasks"][0]["attempt"] == 2
    assert "exit code 7" in model.requests[0].texts
    assert (Path(project["workspace"]) / "second").exists()


async def test_an_answer_that_is_no_option_is_sent_back(stack: Stack, model: ModelServer) -> None:
    model.say(
        Json({"answer": "perhaps", "sure": True, "reason": "Who knows."}),
        Json({"answer": "no", "sure": True, "reason": "It is not ready."}),
    )
    project = await stack.finished(await asked(stack))
    assert project["tasks"][1]["outputs"]["answer"] == "no"
    assert len(model.requests) == 2


async def test_the_model_has_a_task_tried_again_a_few_times_only(stack: Stack, model: ModelServer) -> None:
    model.answer_with(lambda _: Json({"answer": "retry", "sure": True, "reason": "It may pass."}))
    project_id = await stack.create("")
    task = {"title": "Fetch", "action": {"type": "shell", "command": "false"}, "after_failure": "ask"}
    await stack.call("POST", f"/{project_id}/tasks", status=201, json=task)
    await stack.call("POST", f"/{project_id}/approve")
    advice = await advice_of(stack, project_id)
    assert "retried the task 3 times" in advice["reason"]
    question = await stack.question(project_id)
    await stack.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "fail"})
    project = await stack.finished(project_id)
    assert (project["status"], project["tasks"][0]["attempt"]) == ("failed", 4)
    assert len(model.requests) == 3


async def test_an_answer_whose_worker_was_lost_before_it_could_say_so_still_counts(
    stack: Stack, model: ModelServer
) -> None:
    model.say(Json({"answer": "yes", "sure": True, "reason": "All checks passed."}))
    project_id = await asked(stack, {"by": "person"})
    await stack.question(project_id)
    # In the record only: the workflow, which would ask as well, was told otherwise.
    signed = plans.c.project_id == project_id, plans.c.version == 2
    frozen = await stack.database.read(lambda conn: conn.execute(select(plans.c.frozen).where(*signed)).scalar_one())
    change = plans.update().where(*signed).values(frozen={**frozen, "deciders": {"ship": "model"}})
    await stack.database.transact(lambda conn: conn.execute(change))
    run_id = (await stack.project(project_id))["run"]["id"]
    request = AdviceRequest(project_id=project_id, run_id=run_id, task="ship")
    advice = Advice(stack.database, stack.settings, Masker())
    for _ in range(2):
        decided = await ActivityEnvironment(client=stack.temporal).run(advice.advise, request)
        assert (decided.accepted, decided.payload["effect"]) == (True, "complete")
    assert len(model.requests) == 1


async def test_an_answer_of_nothing_is_sent_back(stack: Stack, model: ModelServer) -> None:
    model.say(
        Json({"answer": "  ", "sure": True, "reason": "Nothing to say."}),
        Json({"answer": "Blue \0", "sure": True, "reason": "It is \ud800 ours."}),
    )
    project = await stack.finished(await asked(stack, {"options": [], "question": "Which color?"}))
    assert project["tasks"][1]["outputs"]["answer"] == "Blue \ufffd"
    assert len(model.requests) == 2


async def test_a_small_model_alone_decides_after_a_failure(
    signoffs: Signoffs, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{model.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    model.say(Json({"answer": "skip", "sure": True, "reason": "Nobody needs it."}))
    stack = await signoffs.having(model="", model_base_url="", small_model="openai-chat:small")
    project_id = await stack.create("", strategy="economy", decision_mode="agent")
    task = {"title": "Fetch", "action": {"type": "shell", "command": "false"}, "after_failure": "ask"}
    await stack.call("POST", f"/{project_id}/tasks", status=201, json=task)
    await stack.call("POST", f"/{project_id}/approve")
    project = await stack.finished(project_id)
    assert project["tasks"][0]["status"] == "skipped"
