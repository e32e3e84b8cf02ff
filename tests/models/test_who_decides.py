"""Who decides is part of the plan, and a model's answer alone never releases what cannot be taken back."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.actions.masking import Masker
from activities.advice import Advice
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
