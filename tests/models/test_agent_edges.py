"""Agent tasks with a model that says odd things, and calls several tools at once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.conftest import Stack, running_stack
from tests.model_answers import Call, Offer
from tests.model_server import Json, ModelServer, Text, ToolCalls
from tests.models.test_agent_tasks import created, progress


def with_ids(answer: ToolCalls, *ids: str) -> ToolCalls:
    """The same calls, under ids of a provider's own."""
    calls = [
        Call(name, arguments if isinstance(arguments, str) else json.dumps(arguments), given)
        for (name, arguments), given in zip(answer.calls, ids, strict=True)
    ]

    def written(_: Offer) -> tuple[str, tuple[Call, ...]]:
        return answer.text, tuple(calls)

    object.__setattr__(answer, "written", written)
    return answer


async def test_files_that_are_written_in_one_answer_keep_each_its_own_content(stack: Stack, model: ModelServer) -> None:
    files = {f"{name}.txt": name * 5_000 for name in "abcdef"}
    model.say(
        ToolCalls(*(("write_file", {"path": path, "content": text}) for path, text in files.items()), output_tokens=50),
        Text("Done."),
    )
    project = await stack.finished(await created(stack))
    written = {path.name: path.read_text() for path in Path(project["workspace"]).glob("*.txt")}
    assert written == files
    assert "Error: " not in model.requests[1].texts


async def test_a_question_does_not_interrupt_the_other_tools_of_its_answer(stack: Stack, model: ModelServer) -> None:
    ask = ("ask_person", {"question": "Which?"})
    model.say(
        ToolCalls(
            ("write_file", {"path": "a.txt", "content": "a"}),
            ask,
            ("write_file", {"path": "b.txt", "content": "b"}),
            ask,
        ),
        Text("Done."),
    )
    project_id = await created(stack)
    for answer in ("first", "second"):
        task = await stack.task_in(project_id, "write", "waiting")
        (question,) = (await stack.call("GET", f"/{project_id}/decisions?status=open"))["decisions"]
        assert (Path((await stack.project(project_id))["workspace"]) / "a.txt").read_text() == "a"
        await stack.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": answer})
        assert task["reason"] == "agent_question"
        if answer == "first":
            # Until the second question is there.
            await stack.question(project_id, after=question)
    project = await stack.finished(project_id)
    assert project["tasks"][0]["outputs"] == {"text": "Done."}
    assert len(model.requests) == 2
    assert "first" in model.requests[1].texts
    assert "second" in model.requests[1].texts
    tools = [step["tool"] for step in await progress(stack, project_id) if step["step"] == "tool"]
    assert tools == ["write_file", "ask_person", "write_file", "ask_person"]


@pytest.mark.parametrize("ids", [("call", "call"), ("", ""), ("x" * 300 + "1", "x" * 300 + "2")])
async def test_calls_are_told_apart_whatever_ids_a_provider_gives_them(
    stack: Stack, model: ModelServer, ids: tuple[str, str]
) -> None:
    both = ToolCalls(
        ("write_file", {"path": "a.txt", "content": "a"}), ("write_file", {"path": "b.txt", "content": "bb"})
    )
    model.say(with_ids(both, *ids), Text("Done."))
    project = await stack.finished(await created(stack))
    assert project["status"] == "completed", project["tasks"][0]["error"]
    written = {path.name: path.read_text() for path in Path(project["workspace"]).glob("*.txt")}
    assert written == {"a.txt": "a", "b.txt": "bb"}


@pytest.mark.parametrize("agent", ["worker", "claude"])
async def test_what_no_database_keeps_is_replaced(stack: Stack, model: ModelServer, agent: str) -> None:
    bad = "\0 and \ud800"
    model.say(
        ToolCalls(("list_files", {"pattern": bad}), ("read_file", {"path": bad}), text=f"Text {bad}"),
        ToolCalls((f"no_{bad}_tool", {"x": bad})),
        ToolCalls(("ask_person", {"question": f"What {bad}?", "options": [f"a {bad}", "b"]})),
        Text(f"So {bad}"),
    )
    project_id = await created(stack, agent)
    await stack.task_in(project_id, "write", "waiting")
    (question,) = (await stack.call("GET", f"/{project_id}/decisions?status=open"))["decisions"]
    assert question["question"] == "What \ufffd and \ufffd?"
    await stack.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "a \ufffd and \ufffd"})
    project = await stack.finished(project_id)
    assert project["status"] == "completed", project["tasks"][0]["error"]
    assert project["tasks"][0]["outputs"] == {"text": "So \ufffd and \ufffd"}
    assert len(model.requests) == 4


async def test_a_result_of_a_schema_is_kept_without_them_too(stack: Stack, model: ModelServer) -> None:
    model.say(Json({"a\ud800": ["x\0"]}))
    project = await stack.finished(await created(stack, action={"output_schema": {"type": "object"}}))
    assert project["status"] == "completed", project["tasks"][0]["error"]
    assert project["tasks"][0]["outputs"] == {"a\ufffd": ["x\ufffd"]}


async def test_a_question_that_nobody_could_answer_is_not_asked(stack: Stack, model: ModelServer) -> None:
    model.say(
        ToolCalls(("ask_person", {"question": "  "})),
        ToolCalls(("ask_person", {"question": "Which?", "options": ["", "a"]})),
        ToolCalls(("ask_person", {"question": "Which?", "options": ["a", " a "]})),
        ToolCalls(("ask_person", {"question": "Which?", "options": [" a ", "b"]})),
        Text("Done."),
    )
    project_id = await created(stack)
    await stack.task_in(project_id, "write", "waiting")
    (question,) = (await stack.call("GET", f"/{project_id}/decisions?status=open"))["decisions"]
    assert question["options"] == ["a", "b"]
    assert len(model.requests) == 4


SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:1/schema"}}},
    {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}},
    {"type": "object", "properties": {"a": {"$dynamicRef": "http://127.0.0.1:1/schema"}}},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/missing"}}},
    {"type": "object", "allOf": [{"$ref": "#"}]},
    {"type": "object", "properties": {"a": {"$ref": "#/properties/b"}, "b": {"type": "null"}}},
    {"type": "object", "$defs": {"a": {"items": {"type": "null"}}}, "properties": {"b": {"$ref": "#/$defs/a/items"}}},
    {
        "type": "object",
        "$defs": {"a": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}}},
        "$ref": "#/$defs/a",
    },
    {"type": "object", "properties": {"a": {"type": "string", "pattern": "["}}},
    {
        "type": "object",
        "$defs": {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 10} for n in range(8)}
        | {"d8": {"type": "null"}},
        "properties": {"a": {"$ref": "#/$defs/d0"}},
    },
]


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_a_schema_that_cannot_be_held_to_is_refused(stack: Stack, schema: dict[str, Any]) -> None:
    project_id = await stack.create("")
    action = {"type": "agent", "prompt": "x", "output_schema": schema}
    refused = await stack.call("POST", f"/{project_id}/tasks", status=422, json={"title": "T", "action": action})
    assert "output_schema" in json.dumps(refused["details"])


async def test_definitions_of_a_schema_are_followed(stack: Stack, model: ModelServer) -> None:
    schema = {
        "type": "object",
        "$defs": {"score": {"type": "integer", "maximum": 5}},
        "properties": {"$ref": {"$ref": "#/$defs/score"}, "b": {"enum": [{"$ref": "http://127.0.0.1:1/"}, 1]}},
        "required": ["$ref"],
    }
    model.say(Json({"$ref": 9}), Json({"$ref": 4, "b": 1}))
    project = await stack.finished(await created(stack, action={"output_schema": schema}))
    assert project["tasks"][0]["outputs"] == {"$ref": 4, "b": 1}


async def test_a_result_that_was_cut_off_is_said_to_be(stack: Stack, model: ModelServer) -> None:
    model.answer_with(lambda _: Json({"text": "word " * 20_000}, output_tokens=25_000))
    project = await stack.finished(await created(stack, action={"output_schema": {"type": "object"}}))
    assert project["tasks"][0]["error"]["type"] == "answer_cut"
    assert len(model.requests) == 1


async def test_text_is_found_in_a_file_that_is_not_all_text(stack: Stack, model: ModelServer) -> None:
    model.say(ToolCalls(("search_files", {"text": "needle"})), Text("Done."))
    project_id = await stack.create("")
    workspace = Path((await stack.project(project_id))["workspace"])
    workspace.mkdir(parents=True, exist_ok=True)
    (workspace / "latin.txt").write_bytes("café\nneedle\n".encode("latin-1"))
    task = {"title": "W", "agent_id": "worker", "action": {"type": "agent", "prompt": "x"}}
    await stack.call("POST", f"/{project_id}/tasks", status=201, json=task)
    await stack.call("POST", f"/{project_id}/approve")
    await stack.finished(project_id)
    assert "latin.txt:2: needle" in model.requests[1].texts


async def test_a_cancel_is_not_held_up_by_a_question_that_comes_with_it(stack: Stack, model: ModelServer) -> None:
    cancels: list[asyncio.Task[None]] = []

    async def answer(_: object) -> ToolCalls:
        cancels.append(asyncio.create_task(stack.call("POST", f"/{project_id}/cancel")))
        await stack.until(project_id, stage="cancelling")
        return ToolCalls(("ask_person", {"question": "Which?"}))

    model.answer_with(answer)
    project_id = await stack.create("")
    task = {"title": "W", "key": "write", "agent_id": "worker", "action": {"type": "agent", "prompt": "x"}}
    await stack.call("POST", f"/{project_id}/tasks", status=201, json=task)
    await stack.call("POST", f"/{project_id}/approve")
    project = await stack.finished(project_id, seconds=20)
    await asyncio.gather(*cancels)
    assert project["status"] == "cancelled"
    decisions = (await stack.call("GET", f"/{project_id}/decisions"))["decisions"]
    assert [each["status"] for each in decisions if each["kind"] == "agent"] in ([], ["withdrawn"])


async def test_a_secret_that_a_tool_reads_is_masked(
    temporal_server: WorkflowEnvironment, tmp_path: Path, model: ModelServer
) -> None:
    settings: dict[str, Any] = {"model": "openai-chat:test-model", "model_base_url": f"{model.url}/v1"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGNOFF_SECRET_TOKEN", "hunter2")
        async with running_stack(temporal_server, tmp_path, **settings) as stack:
            project_id = await stack.create("")
            (Path((await stack.project(project_id))["workspace"]) / "a.txt").write_text("The token is hunter2.")
            model.say(ToolCalls(("read_file", {"path": "a.txt"})), Text("Done."))
            task = {"title": "W", "action": {"type": "agent", "prompt": "x"}}
            await stack.call("POST", f"/{project_id}/tasks", status=201, json=task)
            await stack.call("POST", f"/{project_id}/approve")
            await stack.finished(project_id)
    assert "The token is ***." in model.requests[1].texts
    assert "hunter2" not in json.dumps(model.requests[1].body)
