"""A task makes the files that its plan promises, or it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conftest import Stack
from tests.model_server import Json, ModelServer, Text, ToolCalls

WRITE = ToolCalls(("write_file", {"path": "summary.md", "content": "The summary.\n"}))
TOLD = "summary.md is not there. Write it with write_file"


async def created(stack: Stack, *, agent: str = "worker", schema: dict[str, Any] | None = None, **fields: Any) -> str:
    """A project with one agent task that must make summary.md, approved."""
    project_id = await stack.create("")
    action = {"type": "agent", "prompt": "Summarize."} | ({"output_schema": schema} if schema else {})
    task = {"title": "Write", "key": "write", "agent_id": agent, "action": action, "expected_files": ["summary.md"]}
    await stack.call("POST", f"/{project_id}/tasks", status=201, json=task | fields)
    await stack.call("POST", f"/{project_id}/approve")
    return project_id


async def test_an_agent_is_told_which_files_it_must_make(stack: Stack, model: ModelServer) -> None:
    model.say(WRITE, Text("The summary is written."))
    project = await stack.finished(await created(stack))
    assert project["status"] == "completed", project["failure"]
    assert project["tasks"][0]["outputs"] == {"text": "The summary is written."}
    told = model.requests[0].texts
    assert "Files that this task must make:\nsummary.md" in told
    assert "one or two sentences" in told
    assert "answer with only the result" not in told


async def test_an_agent_without_files_to_make_still_answers_with_the_result(stack: Stack, model: ModelServer) -> None:
    model.say(Text("A result."))
    project = await stack.finished(await created(stack, expected_files=[]))
    assert project["status"] == "completed", project["failure"]
    told = model.requests[0].texts
    assert "answer with only the result" in told
    assert "must make" not in told


async def test_an_agent_that_ends_without_its_file_is_told_so_and_writes_it(stack: Stack, model: ModelServer) -> None:
    model.say(Text("The summary: all is well."), WRITE, Text("It is written now."))
    project = await stack.finished(await created(stack))
    assert project["status"] == "completed", project["failure"]
    assert project["tasks"][0]["outputs"] == {"text": "It is written now."}
    assert TOLD in model.requests[1].texts
    assert (Path(project["workspace"]) / "summary.md").read_text() == "The summary.\n"


async def test_an_agent_is_told_once_and_then_its_task_fails(stack: Stack, model: ModelServer) -> None:
    model.say(Text("The summary: all is well."), Text("All is well, I say."))
    project = await stack.finished(await created(stack))
    assert project["status"] == "failed"
    task = project["tasks"][0]
    assert (task["status"], task["error"]["type"]) == ("failed", "file_missing")
    assert task["error"]["message"] == "The task ended without making summary.md, which the plan expects from it."
    assert len(model.requests) == 2


async def test_an_agent_that_failed_for_its_file_starts_anew_when_it_is_retried(
    stack: Stack, model: ModelServer
) -> None:
    model.say(Text("One."), Text("Two."), WRITE, Text("Written."))
    project = await stack.finished(await created(stack, retries=1))
    assert project["status"] == "completed", project["failure"]
    assert TOLD not in model.requests[2].texts
    assert "One." not in model.requests[2].texts


async def test_an_answer_with_a_schema_needs_the_file_too(stack: Stack, model: ModelServer) -> None:
    schema = {"type": "object", "required": ["score"], "properties": {"score": {"type": "integer"}}}
    model.say(Json({"score": 1}), WRITE, Json({"score": 2}))
    project = await stack.finished(await created(stack, schema=schema))
    assert project["status"] == "completed", project["failure"]
    assert project["tasks"][0]["outputs"] == {"score": 2}
    assert TOLD in model.requests[1].texts


async def test_an_agent_that_cannot_write_is_not_told_to(stack: Stack, model: ModelServer) -> None:
    model.say(Text("One."), Text("Two."))
    project = await stack.finished(await created(stack, agent="plain"))
    assert project["tasks"][0]["error"]["type"] == "file_missing"
    assert "write_file" not in model.requests[1].texts
