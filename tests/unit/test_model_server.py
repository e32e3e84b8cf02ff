"""The provider double is what pydantic-ai takes for OpenAI and Anthropic."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, ToolOutput
from pydantic_ai.exceptions import (
    IncompleteToolCall,
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelOverloadedError,
    ModelRateLimitError,
    ModelServerError,
    UnexpectedModelBehavior,
)
from pydantic_ai.messages import ModelResponse, ToolCallPart
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

from tests.model_server import (
    Answer,
    BrokenJson,
    Failure,
    Json,
    ModelServer,
    Output,
    Request,
    Slow,
    Stall,
    Text,
    ToolCalls,
    Truncated,
    Usage,
    model_server,
)

SETTINGS: ModelSettings = {"max_retries": 0, "max_tokens": 1000}


class City(BaseModel):
    name: str
    people: int


PARIS = {"name": "Paris", "people": 2_100_000}


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with model_server() as server:
        yield server


@pytest.fixture(params=["openai", "anthropic"])
def protocol(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def model(server: ModelServer, protocol: str) -> Model:
    if protocol == "openai":
        return OpenAIChatModel("gpt-5", provider=OpenAIProvider(base_url=f"{server.url}/v1", api_key="key"))
    return AnthropicModel("claude-sonnet-5", provider=AnthropicProvider(base_url=server.url, api_key="key"))


@pytest.fixture(params=["whole", "streaming"])
def streaming(request: pytest.FixtureRequest) -> bool:
    return request.param == "streaming"


async def ask(model: Model, streaming: bool, *, tools: Any = (), output_type: Any = str, **settings: Any) -> Any:
    """The result of a run, or of what a stream has left when it has been read to its end."""
    agent: Agent[None, Any] = Agent(model, tools=tools, output_type=output_type, retries=0)
    chosen = SETTINGS | settings
    if not streaming:
        return await agent.run("How many?", model_settings=chosen)
    async with agent.iter("How many?", model_settings=chosen) as run:
        async for node in run:
            if Agent.is_model_request_node(node):
                async with node.stream(run.ctx) as stream:
                    async for _ in stream:
                        pass
    assert run.result is not None
    return run.result


def last(result: Any) -> ModelResponse:
    return next(message for message in reversed(result.all_messages()) if isinstance(message, ModelResponse))


async def test_text(server: ModelServer, model: Model, protocol: str, streaming: bool) -> None:
    server.say(Text("Forty-two, as far as anybody knows."))
    result = await ask(model, streaming)
    assert result.output == "Forty-two, as far as anybody knows."
    assert last(result).finish_reason == "stop"
    assert last(result).model_name == model.model_name
    [request] = server.requests
    assert (request.protocol, request.stream, request.model) == (protocol, streaming, model.model_name)
    assert (request.max_tokens, request.tools, request.answered) == (1000, [], True)
    assert "How many?" in request.texts
    assert (server.faults, server.unsaid) == ([], [])


async def test_calls_of_tools_and_then_text(server: ModelServer, model: Model, streaming: bool) -> None:
    seen: list[str] = []

    def read_file(path: str) -> str:
        seen.append(path)
        return f"content of {path}"

    def list_files() -> str:
        return "a.txt b.txt"

    server.say(ToolCalls(("read_file", {"path": "a.txt"}), ("list_files", {}), text="Let me look."), Text("done"))
    result = await ask(model, streaming, tools=[read_file, list_files])
    assert (result.output, seen) == ("done", ["a.txt"])
    first, second = server.requests
    assert first.tools == ["read_file", "list_files"]
    assert all(text in second.texts for text in ("Let me look.", "content of a.txt", "a.txt b.txt"))
    calls = [part for part in result.all_messages()[1].parts if isinstance(part, ToolCallPart)]
    assert len({call.tool_call_id for call in calls}) == 2
    assert result.all_messages()[1].finish_reason == "tool_call"


@pytest.mark.parametrize("kind", [ToolOutput, NativeOutput])
async def test_structured_output(server: ModelServer, model: Model, streaming: bool, kind: Any) -> None:
    server.say(Output(PARIS))
    result = await ask(model, streaming, output_type=kind(City))
    assert result.output == City(**PARIS)
    assert server.requests[0].wants_json == (kind is NativeOutput)


async def test_json(server: ModelServer, model: Model, streaming: bool) -> None:
    server.say(Json(PARIS))
    assert (await ask(model, streaming, output_type=NativeOutput(City))).output == City(**PARIS)


@pytest.mark.parametrize(
    ("failure", "category"),
    [
        (Failure(429, retry_after=0.05), ModelRateLimitError),
        (Failure(429, retry_after=7), ModelRateLimitError),
        (Failure(500), ModelServerError),
        (Failure(529), ModelOverloadedError),
    ],
)
async def test_failures(
    server: ModelServer, model: Model, streaming: bool, failure: Failure, category: type[ModelAPIError]
) -> None:
    server.say(failure)
    with pytest.raises(category) as raised:
        await ask(model, streaming)
    assert isinstance(raised.value, ModelHTTPError)
    assert (raised.value.status_code, raised.value.retry_after) == (failure.status, failure.retry_after)
    assert not raised.value.in_stream
    assert len(server.requests) == 1


async def test_the_client_tries_again_when_it_was_told_to(server: ModelServer, model: Model, streaming: bool) -> None:
    server.say(Failure(429, retry_after=0.05), Failure(500, retry_after=0.05), Text("at last"))
    started = time.monotonic()
    assert (await ask(model, streaming, max_retries=2)).output == "at last"
    assert time.monotonic() - started >= 0.1
    assert len(server.requests) == 3


async def test_a_failure_in_a_stream(server: ModelServer, model: Model) -> None:
    server.say(Failure(429, in_stream=True))
    with pytest.raises(ModelRateLimitError) as raised:
        await ask(model, streaming=True)
    assert raised.value.in_stream


@pytest.mark.parametrize("stall", [Stall(), Stall("Let me"), Stall(silent=True)])
async def test_a_cancelled_run_frees_the_connection(
    server: ModelServer, model: Model, streaming: bool, stall: Stall
) -> None:
    server.say(stall)
    asking = asyncio.create_task(ask(model, streaming))
    request = await server.received(1)
    await asyncio.sleep(0.05)  # why: the client has to have read what it gets, which nobody sees from here
    assert request.closed_at is None
    cancelled = time.monotonic()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await server.closed(1) >= cancelled
    assert (request.answered, request.usage) == (False, None)


async def test_a_client_that_stays_is_not_closed(server: ModelServer, model: Model) -> None:
    server.say(Text("here"))
    await ask(model, streaming=False)
    with pytest.raises(AssertionError, match="not within"):
        await server.closed(1, seconds=0.05)


async def test_a_server_that_ends_leaves_nobody_waiting(protocol: str) -> None:
    async with model_server() as server:
        server.say(Stall(silent=True))
        path = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}[protocol]
        host, _, port = server.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        body = b'{"model": "m", "messages": [1], "max_tokens": 1}'
        head = f"POST {path} HTTP/1.1\r\nanthropic-version: 1\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await server.received(1)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


@pytest.mark.parametrize("answer", [BrokenJson(), Truncated("half of an ans")])
async def test_answers_that_break(
    server: ModelServer, model: Model, protocol: str, streaming: bool, answer: Answer
) -> None:
    server.say(answer)
    with pytest.raises(ModelAPIError) as raised:
        await ask(model, streaming)
    broken_off = isinstance(answer, Truncated)
    assert type(raised.value) is (ModelConnectionError if broken_off else ModelAPIError)
    assert server.requests[0].usage is None


async def test_a_stream_without_its_last_events_is_taken_for_an_answer(
    server: ModelServer, model: Model, protocol: str
) -> None:
    server.say(Truncated("half of an ans", clean=True))
    result = await ask(model, streaming=True)
    # Nothing is raised: whoever needs the whole answer has to look, and OpenAI's does not even show it here.
    assert result.output == "half of an ans"
    assert last(result).finish_reason == {"openai": "stop", "anthropic": None}[protocol]


async def test_slow_text_comes_chunk_after_chunk(server: ModelServer, model: Model) -> None:
    server.say(Slow("word " * 5, seconds_per_chunk=0.02))
    started = time.monotonic()
    times: list[float] = []
    async with Agent(model).run_stream("Go", model_settings=SETTINGS) as result:
        async for _ in result.stream_text(delta=True, debounce_by=None):
            times += [time.monotonic() - started]
    assert len(times) == 5
    assert times[-1] >= 5 * 0.02


async def test_slow_text_ends_when_its_reader_goes(server: ModelServer, model: Model, streaming: bool) -> None:
    server.say(Slow("word " * 1000, seconds_per_chunk=0.05))
    asking = asyncio.create_task(ask(model, streaming))
    await server.received(1)
    asking.cancel()
    await server.closed(1)


async def test_usage_is_what_the_test_says(server: ModelServer, model: Model, streaming: bool) -> None:
    server.say(Text("hello", input_tokens=321, output_tokens=45))
    result = await ask(model, streaming)
    assert (result.usage.input_tokens, result.usage.output_tokens) == (321, 45)
    assert server.requests[0].usage == Usage(321, 45)


async def test_usage_is_counted_where_the_test_does_not_say(server: ModelServer, model: Model, streaming: bool) -> None:
    server.say(Text("12345678"))
    result = await ask(model, streaming)
    [request] = server.requests
    assert (result.usage.input_tokens, result.usage.output_tokens) == (-(-request.size // 4), 2)


@pytest.mark.parametrize("answer", [Text("word " * 400), Text("hello, world", output_tokens=500)])
async def test_no_answer_has_more_tokens_than_it_may(
    server: ModelServer, model: Model, streaming: bool, answer: Text
) -> None:
    server.say(answer)
    result = await ask(model, streaming, max_tokens=30)
    assert result.usage.output_tokens == 30
    assert last(result).finish_reason == "length"
    assert answer.text.startswith(result.output)
    assert 0 <= len(result.output) <= 30 * 4
    assert len(result.output) < len(answer.text)


async def test_a_call_that_is_cut_off_is_no_call(
    server: ModelServer, model: Model, protocol: str, streaming: bool
) -> None:
    def write(text: str) -> str:
        raise AssertionError("half of its arguments is not what the model wanted")

    server.say(ToolCalls(("write", {"text": "word " * 400})))
    with pytest.raises(UnexpectedModelBehavior) as raised:
        await ask(model, streaming, tools=[write], max_tokens=30)
    # A whole message of Anthropic's has an object as input, whatever was written of it: only the tool can refuse that.
    assert isinstance(raised.value, IncompleteToolCall) == (protocol == "openai" or streaming)
    assert server.requests[0].usage is not None
    assert server.requests[0].usage.output_tokens == 30


async def test_a_request_that_nobody_thought_of(server: ModelServer, model: Model, streaming: bool) -> None:
    with pytest.raises(ModelServerError, match="queued no answer"):
        await ask(model, streaming, max_retries=2)
    assert len(server.requests) == len(server.faults) == 1


async def test_output_where_none_is_asked_for(server: ModelServer, model: Model) -> None:
    server.say(Output(PARIS))
    with pytest.raises(ModelServerError, match="does not ask for structured output"):
        await ask(model, streaming=False)
    assert len(server.faults) == 1


async def test_a_function_answers_many_at_once(server: ModelServer, model: Model, streaming: bool) -> None:
    together = asyncio.Barrier(3)

    async def answer(request: Request) -> Answer:
        await asyncio.wait_for(together.wait(), 5)
        return Text(request.texts[::-1])

    server.answer_with(answer)
    results = await asyncio.gather(*(ask(model, streaming) for _ in range(3)))
    assert all("?ynam woH" in result.output for result in results)


async def test_a_function_may_be_wrong(server: ModelServer, model: Model) -> None:
    server.answer_with(lambda request: Text(request.body["nothing"]))
    with pytest.raises(ModelServerError, match="KeyError"):
        await ask(model, streaming=False)
