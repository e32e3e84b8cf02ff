"""Answers of a model provider, independent of its protocol. Tests queue them at a `ModelServer`."""

from __future__ import annotations

import json
import math
import uuid
from dataclasses import dataclass, field
from typing import Any, Protocol

_CHARACTERS_PER_TOKEN = 4


class Offer(Protocol):
    """The parts of a request that an answer depends on."""

    @property
    def size(self) -> int:
        """Number of characters in the request's body."""
        ...

    @property
    def max_tokens(self) -> int | None:
        """The limit on the answer's tokens."""
        ...

    @property
    def output_tool(self) -> str | None:
        """The tool whose call is the structured output, if the request offers one."""
        ...

    @property
    def wants_json(self) -> bool:
        """Whether the request has a JSON Schema for the text of the answer."""
        ...


@dataclass(frozen=True)
class Call:
    """A call of a tool. If `max_tokens` cuts it off, its arguments are no longer valid JSON."""

    name: str
    arguments: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:24])


@dataclass(frozen=True)
class Content:
    """What a model has written for one request, with its token counts."""

    text: str
    calls: tuple[Call, ...]
    input_tokens: int
    output_tokens: int
    cut: bool


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Anything that a provider can answer. Token counts that are not given are 1 per 4 characters."""

    input_tokens: int | None = None
    output_tokens: int | None = None

    def written(self, request: Offer) -> tuple[str, tuple[Call, ...]]:
        """Return the text and the calls, before `max_tokens` cuts them."""
        return "", ()

    def content(self, request: Offer) -> Content:
        """Return what the provider sends, within the token limit of the request."""
        text, calls = self.written(request)
        size = len(text) + sum(len(call.name) + len(call.arguments) for call in calls)
        tokens = max(1, tokens_of(size)) if self.output_tokens is None else self.output_tokens
        input_tokens = tokens_of(request.size) if self.input_tokens is None else self.input_tokens
        limit = request.max_tokens
        if limit is None or tokens <= limit:
            return Content(text, calls, input_tokens, tokens, cut=False)
        room = max(1, size * limit // tokens)
        return Content(text[:room], _cut(calls, room - len(text)), input_tokens, limit, cut=True)


@dataclass(frozen=True)
class Text(Answer):
    """An answer of plain text."""

    text: str

    def written(self, request: Offer) -> tuple[str, tuple[Call, ...]]:
        return self.text, ()


@dataclass(frozen=True)
class Slow(Text):
    """Text in which each word is a separate chunk after a pause. Without streaming, it arrives whole after all the pauses."""

    seconds_per_chunk: float


@dataclass(frozen=True)
class Json(Answer):
    """Text that contains this value as JSON."""

    value: Any

    def written(self, request: Offer) -> tuple[str, tuple[Call, ...]]:
        return json.dumps(self.value), ()


@dataclass(frozen=True, init=False)
class ToolCalls(Answer):
    """Calls of tools, each as a name with its arguments. Arguments given as a string are sent unchanged, even if not JSON."""

    calls: tuple[tuple[str, dict[str, Any] | str], ...]
    text: str

    def __init__(
        self,
        *calls: tuple[str, dict[str, Any] | str],
        text: str = "",
        input_tokens: int | None = None,
        output_tokens: int | None = None,
    ) -> None:
        super().__init__(input_tokens=input_tokens, output_tokens=output_tokens)
        object.__setattr__(self, "calls", calls)  # the dataclass is frozen
        object.__setattr__(self, "text", text)

    def written(self, request: Offer) -> tuple[str, tuple[Call, ...]]:
        calls = (Call(name, given if isinstance(given, str) else json.dumps(given)) for name, given in self.calls)
        return self.text, tuple(calls)


@dataclass(frozen=True)
class Output(Answer):
    """Structured output in the form that the request asks for: a call of its output tool, or text that is JSON."""

    value: Any

    def written(self, request: Offer) -> tuple[str, tuple[Call, ...]]:
        if request.output_tool is not None:
            return "", (Call(request.output_tool, json.dumps(self.value)),)
        if request.wants_json:
            return json.dumps(self.value), ()
        raise ValueError("the test answers with Output, but the request does not ask for structured output")


@dataclass(frozen=True)
class Failure(Answer):
    """An HTTP error in the provider's own format.

    `code` replaces the provider's usual code for this status: OpenAI's `error.code`, Anthropic's `error.type`.
    With `in_stream`, a streaming request gets status 200 and a first chunk, and then the error within the stream.
    """

    status: int
    retry_after: float | None = None
    message: str | None = None
    code: str | None = None
    in_stream: bool = False
    should_retry: bool | None = None


@dataclass(frozen=True)
class Stall(Text):
    """Headers, with streaming also a first chunk and this text, and then nothing. If `silent`, not even headers."""

    text: str = ""
    silent: bool = False


@dataclass(frozen=True)
class BrokenJson(Answer):
    """Status 200 with invalid JSON: the body, or the data of an event after the first."""


@dataclass(frozen=True)
class Truncated(Text):
    """Text after which the connection is closed in the middle of the answer.

    `clean` ends the HTTP body properly, as an intermediate proxy does. Only the protocol's own end is then missing.
    """

    clean: bool = False


def tokens_of(characters: int) -> int:
    """Estimate the number of tokens."""
    return math.ceil(characters / _CHARACTERS_PER_TOKEN)


def _cut(calls: tuple[Call, ...], room: int) -> tuple[Call, ...]:
    """Cut the calls to the number of characters that there is room for."""
    kept: list[Call] = []
    for call in calls:
        room -= len(call.name)
        if room <= 0:
            break
        kept.append(Call(call.name, call.arguments[:room], call.id))
        room -= len(call.arguments)
    return tuple(kept)
