"""Who decides is part of the plan, and a model's answer alone never releases what cannot be taken back."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from sqlalchemy import select
from temporalio.testing import ActivityEnvironment

from activities.actions.masking import Masker
from activities.advice import Advice
from app.storage.tables import plans
from tests.conftest import OWNER, Stack, eventually
from tests.model_server import Json, ModelServer
from workflows.contracts import AdviceRequest, Decided

RELEASE = """
# Release

## Write

- Write the notes: `echo 'Faster.' > notes.md` {#write files=notes.md}

## Review

- Are the notes right? {#first decision=approve,reject%(first)s}
- Are the notes right, for another person? {#second decision=approve,reject%(second)s}

## Publish

1. Push the release: `git push origin HEAD:refs/heads/release` {#push writes=%(origin)s}
"""
APPROVES = Json({"answer": "approve", "sure": True, "reason": "The notes read well."})


def clone(stack: Stack, name: str) -> Path:
    """A clone in which a plan may work. Its origin is beside it, in `<name>.git`."""
    folder, origin = stack.root / name, stack.root / f"{name}.git"
    subprocess.run(["git", "init", "--quiet", "--bare", origin], check=True)
    subprocess.run(["git", "clone", "--quiet", origin, folder], check=True, capture_output=True)
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *identity, "commit", "--quiet", "--allow-empty", "-m", "Begin"], cwd=folder, check=True)
    return folder


def pushed(folder: Path) -> list[str]:
    listed = subprocess.run(["git", "branch"], cwd=f"{folder}.git", check=True, capture_output=True, text=True)
    return listed.stdout.split()


async def open_questions(stack: Stack, project_id: str, count: int) -> list[dict[str, Any]]:
    async def all_open() -> list[dict[str, Any]] | None:
        listed = (await stack.call("GET", f"/{project_id}/decisions?status=open"))["decisions"]
        return listed if len(listed) == count else None

    return await eventually(all_open, what=f"{count} decisions wait for a person")


async def advice_of(stack: Stack, project_id: str, count: int = 1) -> list[str]:
    async def told() -> list[str] | None:
        found = [e["data"] for e in await stack.events(project_id) if e["data"].get("step") == "advice"]
        return [event["reason"] for event in found] if len(found) == count else None

    return await eventually(told, what="word that the model has not decided")


async def advised(stack: Stack, project_id: str, key: str) -> Decided:
    """Have the worker ask the model about a decision, whether or not the workflow would."""
    run_id = (await stack.project(project_id))["run"]["id"]
    request = AdviceRequest(project_id=project_id, run_id=run_id, task=key)
    environment = ActivityEnvironment(client=stack.temporal)
    return await environment.run(Advice(stack.database, stack.settings, Masker()).advise, request)


async def answer(stack: Stack, project_id: str, question: dict[str, Any], text: str, **fields: Any) -> dict[str, Any]:
    return await stack.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": text}, **fields)


async def test_two_reviews_are_left_to_people_and_nothing_is_pushed_before(stack: Stack, model: ModelServer) -> None:
    model.answer_with(lambda _: APPROVES)
    folder = clone(stack, "reviewed")
    plan = RELEASE % {"first": "", "second": "", "origin": f"{folder}.git"}
    project_id = await stack.started(plan, path=str(folder), decision_mode="agent")
    questions = await open_questions(stack, project_id, 2)
    for key in ("first", "second"):
        assert not (await advised(stack, project_id, key)).accepted
    assert (model.requests, pushed(folder)) == ([], [])
    for question in questions:
        await answer(stack, project_id, question, "approve")
    project = await stack.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    answered = [task["outputs"]["answered_by"] for task in project["tasks"] if task["action"]["type"] == "decision"]
    assert answered == [OWNER, OWNER]
    assert model.requests == []
    assert pushed(folder) == ["release"]


async def test_a_person_confirms_what_a_model_answers_before_a_push(stack: Stack, model: ModelServer) -> None:
    model.answer_with(lambda _: APPROVES)
    folder = clone(stack, "confirmed")
    plan = RELEASE % {"first": " by=model", "second": " by=model", "origin": f"{folder}.git"}
    project_id = await stack.planned(plan, path=str(folder), decision_mode="human")
    before = (await stack.call("POST", f"/{project_id}/audit", json={}))["results"]["findings"]
    decides = [finding for finding in before if finding["code"] == "model_decides"]
    assert [finding["severity"] for finding in decides] == ["high", "high"]
    assert all("'push'" in finding["message"] for finding in decides)
    await stack.call("POST", f"/{project_id}/approve")
    reasons = await advice_of(stack, project_id, 2)
    assert all("would answer 'approve'" in reason and "'push'" in reason for reason in reasons)
    assert pushed(folder) == []
    for question in await open_questions(stack, project_id, 2):
        assert question["proposal"]["answer"] == "approve"
        assert "'push'" in question["proposal"]["left_because"]
        await answer(stack, project_id, question, "approve")
    project = await stack.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    assert pushed(folder) == ["release"]
    after = (await stack.call("POST", f"/{project_id}/audit", json={}))["results"]["findings"]
    assert "model_approved" not in {finding["code"] for finding in after}


async def test_a_model_may_answer_what_releases_nothing(stack: Stack, model: ModelServer) -> None:
    model.say(Json({"answer": "short", "sure": True, "reason": "The notes are short."}))
    plan = (
        "1. Write: `echo 'Faster.' > notes.md` {#write files=notes.md}\n"
        "2. Which title? {#title decision=short,long by=model}\n3. Build: `cat notes.md > page` {#build}"
    )
    project_id = await stack.started(plan, decision_mode="human")
    project = await stack.finished(project_id)
    title = next(task for task in project["tasks"] if task["key"] == "title")
    assert title["outputs"]["answered_by"] == "model:openai-chat:test-model"


async def test_a_model_does_not_skip_a_failed_check_before_a_push(stack: Stack, model: ModelServer) -> None:
    model.answer_with(lambda _: Json({"answer": "skip", "sure": True, "reason": "It is only a check."}))
    plan = "1. Check: `exit 3` {#check after_failure=ask}\n2. Push: `git push origin main` {#push}"
    project_id = await stack.started(plan, decision_mode="agent")
    (reason,) = await advice_of(stack, project_id)
    assert "would answer 'skip'" in reason
    (question,) = await open_questions(stack, project_id, 1)
    await answer(stack, project_id, question, "fail")
    assert (await stack.finished(project_id))["status"] == "failed"


async def test_a_model_does_not_have_a_push_tried_again(stack: Stack, model: ModelServer) -> None:
    model.answer_with(lambda _: Json({"answer": "retry", "sure": True, "reason": "It may pass."}))
    project_id = await stack.started("- Push: `git push nowhere` {#push after_failure=ask}", decision_mode="agent")
    (reason,) = await advice_of(stack, project_id)
    assert "'push', which runs 'git push nowhere'" in reason
    (question,) = await open_questions(stack, project_id, 1)
    await answer(stack, project_id, question, "fail")
    assert (await stack.finished(project_id))["tasks"][0]["attempt"] == 1


async def test_an_edit_cannot_put_a_push_behind_the_answer_of_a_model(stack: Stack, model: ModelServer) -> None:
    model.say(Json({"answer": "yes", "sure": True, "reason": "The number is 7."}))
    plan = (
        "1. Count: `echo total=7 >> $SIGNOFF_OUTPUT` {#count}\n2. Enough? {#enough decision=yes,no by=model}\n"
        "3. [ ] Look at it {#look}"
    )
    project_id = await stack.started(plan)
    await stack.task_in(project_id, "look", "waiting")
    task = {"title": "Push", "key": "push", "action": {"type": "shell", "command": "git push"}}
    refused = await stack.call("POST", f"/{project_id}/tasks", status=409, json=task)
    assert refused["code"] == "needs_person"
    assert "'enough'" in refused["message"]
    assert "approval=yes" in refused["message"]
    await stack.call("POST", f"/{project_id}/tasks", status=201, json=task | {"requires_approval": True})
    await stack.call("POST", f"/{project_id}/approve")
    await stack.call("POST", f"/{project_id}/tasks/look/complete")
    waiting = await stack.task_in(project_id, "push", "waiting")
    assert waiting["reason"] == "release"


async def test_the_model_sees_what_it_decides_on(stack: Stack, model: ModelServer) -> None:
    model.say(Json({"answer": "approve", "sure": True, "reason": "The notes read well."}))
    plan = """
## Write

- Write the notes: `printf 'Faster. token-8c1f\\n' | tee notes.md none.md; echo words=1 >> $SIGNOFF_OUTPUT`
  {#write files=notes.md,none.md}
- Tidy up: `rm none.md` {after=write}

## Review

- Are the notes right? {#review decision=approve,reject stop=reject by=model}

## Keep

- Keep the notes: `cat notes.md > kept` {#keep if=review:approve}
"""
    project = await stack.finished(await stack.started(plan))
    assert project["status"] == "completed", project["failure"]
    (request,) = model.requests
    seen = request.texts
    assert "Write the notes" in seen
    assert "Faster." in seen
    assert "words" in seen
    assert '"path": "none.md", "made_by": "write", "beginning": "[missing]"' in seen
    assert '"title": "Keep the notes' in seen
    assert '"answer": "reject", "ends_run": true' in seen
    assert '"starts": ["keep"]' in seen


async def test_with_nothing_to_look_at_the_model_is_not_asked(stack: Stack, model: ModelServer) -> None:
    project_id = await stack.started("- Are the notes right? {#review decision=approve,reject by=model}")
    (reason,) = await advice_of(stack, project_id)
    assert "no task before this decision has an output or a file" in reason
    (question,) = await open_questions(stack, project_id, 1)
    await answer(stack, project_id, question, "approve")
    assert (await stack.finished(project_id))["status"] == "completed"
    assert model.requests == []


async def test_what_was_approved_before_plans_said_who_decides_stays_as_it_was(
    stack: Stack, model: ModelServer
) -> None:
    model.answer_with(lambda _: APPROVES)
    plan = (
        "1. Write: `echo 'Faster.' > notes.md` {#write files=notes.md}\n"
        "2. Right? {#review decision=approve,reject}\n3. Push: `git push nowhere` {#push}"
    )
    project_id = await stack.started(plan, decision_mode="agent")
    await open_questions(stack, project_id, 1)
    assert not (await advised(stack, project_id, "review")).accepted
    signed = plans.c.project_id == project_id
    frozen = await stack.database.read(lambda conn: conn.execute(select(plans.c.frozen).where(signed)).scalar_one())
    del frozen["deciders"]
    change = plans.update().where(signed).values(frozen=frozen)
    await stack.database.transact(lambda conn: conn.execute(change))
    assert (await advised(stack, project_id, "review")).accepted
    review = await stack.call("GET", f"/{project_id}/tasks/review")
    assert review["outputs"]["answered_by"] == "model:openai-chat:test-model"
