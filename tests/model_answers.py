"""What a model's provider can answer, said without a protocol: the tests queue these at a `ModelServer`."""

from __future__ import annotations

import json
import math
import uuid
from dataclasses import dataclass, field
from typing import Any, Protocol

_CHARACTERS_PER_TOKEN = 4


class Offer(Protocol):
    """What an answer looks at in a request."""

    @property
    def size(self) -> int:
        """Characters of the request's body."""
        ...

    @property
    def max_tokens(self) -> int | None:
        """The most tokens that the answer may have."""
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
    """A call of a tool; cut off by `max_tokens`, its arguments are no JSON any more."""

    name: str
    arguments: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:24])


@dataclass(frozen=True)
class Content:
    """What a model has written for one request, with its price."""

    text: str
    calls: tuple[Call, ...]
    input_tokens: int
    output_tokens: int
    cut: bool


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Anything a provider can do with a request; token counts that are not given are 1 for 4 characters."""

    input_tokens: int | None = None
    output_tokens: int | None = None

    def written(self, request: Offer) -> tuple[str, tuple[Call, ...]]:
        """The text and the calls, before `max_tokens` cuts them."""
        return "", ()

    def content(self, request: Offer) -> Content:
        """What the provider sends: never more than the tokens that the request allows."""
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
    """Plain text."""

    text: str

    def written(self, request: Offer) -> tuple[str, tuple[Call, ...]]:
        return self.text, ()


@dataclass(frozen=True)
class Slow(Text):
    """Text of which each word comes as a chunk of its own after a pause; not streaming, all of it after all the pauses."""

    seconds_per_chunk: float


@dataclass(frozen=True)
class Json(Answer):
    """Text that is this value as JSON."""

    value: Any

    def written(self, request: Offer) -> tuple[str, tuple[Call, ...]]:
        return json.dumps(self.value), ()


@dataclass(frozen=True, init=False)
class ToolCalls(Answer):
    """Calls of tools, each a name with its arguments; arguments that are a string are sent as they are, JSON or not."""

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
    """Structured output in whichever way the request asks for it: a call of its output tool, or text that is JSON."""

    value: Any

    def written(self, request: Offer) -> tuple[str, tuple[Call, ...]]:
        if request.output_tool is not None:
            return "", (Call(request.output_tool, json.dumps(self.value)),)
        if request.wants_json:
            return json.dumps(self.value), ()
        raise ValueError("the test answers with Output, but the request asks for no structured output")


@dataclass(frozen=True)
class Failure(Answer):
    """An HTTP error in the provider's own format.

    `code` takes the place of what the provider says for this status: OpenAI's `error.code`, Anthropic's `error.type`.
    With `in_stream`, a streaming request gets its status 200 and a first chunk, and the error in the stream after that.
    """

    status: int
    retry_after: float | None = None
    message: str | None = None
    code: str | None = None
    in_stream: bool = False
    should_retry: bool | None = None


@dataclass(frozen=True)
class Stall(Text):
    """Headers, streaming also a first chunk and this text, and then nothing; if `silent`, not even headers."""

    text: str = ""
    silent: bool = False


@dataclass(frozen=True)
class BrokenJson(Answer):
    """Status 200 and no JSON: the body, or the data of an event after the first."""


@dataclass(frozen=True)
class Truncated(Text):
    """Text after which the connection is closed in the middle of the answer.

    `clean` ends the HTTP body as if all had come, as a proxy between does: only what the protocol says last is missing.
    """

    clean: bool = False


def tokens_of(characters: int) -> int:
    """A crude count."""
    return math.ceil(characters / _CHARACTERS_PER_TOKEN)


def _cut(calls: tuple[Call, ...], room: int) -> tuple[Call, ...]:
    """As much of the calls as there is room for, in characters."""
    kept: list[Call] = []
    for call in calls:
        room -= len(call.name)
        if room <= 0:
            break
        kept.append(Call(call.name, call.arguments[:room], call.id))
        room -= len(call.arguments)
    return tuple(kept)
