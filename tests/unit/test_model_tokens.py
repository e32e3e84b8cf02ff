"""The tokens that a request can have at most, against what a provider really receives.

A tokenizer of bytes makes a token of each byte at worst, so a bound by bytes holds for every model.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, Field
from pydantic_ai import Agent, NativeOutput, ToolOutput
from pydantic_ai.messages import ModelResponse
from pydantic_ai.usage import RequestUsage

from app.llm.access import ModelAccess
from app.llm.metered import Metered
from app.llm.provider import open_model
from tests.model_answers import Output, Text, ToolCalls
from tests.model_server import ModelServer, Request, model_server

NAMES = ("openai-chat:test-model", "anthropic:claude-sonnet-5")
WORDS = ("Short.", "ünïcödé € 漢字 😀 " * 50, '{"quoted": "\\n\\t"}\n' * 200, "\x01\x02\x7f" * 100)


class Reserved:
    """A ledger that grants everything, and remembers what was asked for."""

    def __init__(self) -> None:
        self.bounds: list[int] = []

    async def recorded(self, _number: int) -> None:
        return None

    async def reserve(
        self, _number: int, _access: ModelAccess, input_tokens: int, output_tokens: int
    ) -> tuple[int, int]:
        self.bounds.append(input_tokens)
        return len(self.bounds), output_tokens

    async def settle(
        self, reservation: int, answer: ModelResponse, dumped: Any, usage: RequestUsage, cost: float | None
    ) -> None:
        pass

    async def give_up(self, _reservation: int, *, charged: bool) -> None:
        raise AssertionError(f"an answer did not come, charged: {charged}")


class Shape(BaseModel):
    """What is to come."""

    name: str = Field(description="A name 漢字.")
    parts: dict[str, list[int]] = Field(default_factory=dict, description="Many parts. " * 20)


def metered(server: ModelServer, name: str, ledger: Reserved) -> Metered:
    url = server.url if name.startswith("anthropic") else f"{server.url}/v1"
    access = ModelAccess(name, url, "key", 10.0, 8192, None)
    return Metered(open_model(access), access, ledger)


def bytes_of(request: Request) -> int:
    """Everything in a request that a model gets to see, in bytes, without what frames it."""
    seen = [request.texts, *(given for message in request.body["messages"] for given in arguments_in(message))]
    seen += [json.dumps(request.body.get(part) or "", ensure_ascii=False) for part in ("tools", "response_format")]
    return sum(len(text.encode()) for text in seen)


def arguments_in(message: dict[str, Any]) -> list[str]:
    """What tools were called with, in either protocol."""
    blocks = message["content"] if isinstance(message["content"], list) else []
    used = [json.dumps(block["input"], ensure_ascii=False) for block in blocks if block["type"] == "tool_use"]
    return used + [call["function"]["arguments"] for call in message.get("tool_calls") or []]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("words", WORDS, ids=["short", "unicode", "quotes", "control"])
async def test_a_first_request_has_no_more_tokens_than_the_bound(name: str, words: str) -> None:
    ledger = Reserved()
    async with model_server() as server:
        server.say(Text("Done."))
        await Agent(metered(server, name, ledger), instructions=words).run(words)
        assert ledger.bounds[0] >= bytes_of(server.requests[0])


# Anthropic is never asked to answer in a shape by its own means.
SHAPED: list[tuple[str, Any]] = [(name, ToolOutput) for name in NAMES]
SHAPED += [(name, NativeOutput) for name in NAMES if not name.startswith("anthropic")]


@pytest.mark.parametrize(("name", "marker"), SHAPED)
async def test_shapes_and_tools_are_part_of_the_bound(name: str, marker: Any) -> None:
    ledger = Reserved()
    async with model_server() as server:
        server.say(Output({"name": "x"}))
        agent = Agent(metered(server, name, ledger), output_type=marker(Shape))

        @agent.tool_plain
        def look(path: str, deep: bool = False) -> str:
            """Look into a file, or into all below it.

            Args:
                path: where it lies.
                deep: whether to go on below.
            """
            return path * deep

        await agent.run("Make it.")
        assert ledger.bounds[0] >= bytes_of(server.requests[0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("words", WORDS, ids=["short", "unicode", "quotes", "control"])
async def test_later_requests_go_on_from_what_the_provider_has_counted(name: str, words: str) -> None:
    ledger = Reserved()
    async with model_server() as server:
        # A count of bytes is the most that a provider can come to.
        server.answer_with(lambda request: answer(request, words))
        agent = Agent(metered(server, name, ledger))

        @agent.tool_plain
        def look(path: str) -> str:
            return path + words

        await agent.run("Look.")
        reported = [request.usage.input_tokens for request in server.requests if request.usage is not None]
    assert len(reported) == len(ledger.bounds) == 4
    assert all(count <= bound for count, bound in zip(reported, ledger.bounds, strict=True))


def answer(request: Request, words: str) -> Any:
    count = bytes_of(request)
    asked = len([message for message in request.body["messages"] if message["role"] == "assistant"])
    if asked == 3:
        return Text("Done.", input_tokens=count, output_tokens=2)
    call = json.dumps({"path": words}, ensure_ascii=False)
    return ToolCalls(("look", call), input_tokens=count, output_tokens=len(call.encode()) + 4)
