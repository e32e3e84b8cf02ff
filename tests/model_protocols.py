"""How OpenAI and Anthropic encode an answer, whole and as server-sent events."""

from __future__ import annotations

import json
import re
import time
import uuid
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

from tests.model_answers import Call, Content, Failure

Body = dict[str, Any]
# Large enough that a client must assemble an answer, and small enough that a long one is fast.
_PIECES = 12


class Wire(ABC):
    """One provider's protocol, for one request."""

    name: Literal["openai", "anthropic"]
    path: str

    def __init__(self, body: Body) -> None:
        self.body = body
        self.id = uuid.uuid4().hex[:24]

    @abstractmethod
    def objection(self, headers: dict[str, str]) -> str | None:
        """Return why the provider would refuse this request, or None."""

    @abstractmethod
    def texts(self) -> list[str]:
        """All text that the model can read, in order."""

    @abstractmethod
    def tools(self) -> list[str]:
        """The names of the tools that the request offers."""

    @abstractmethod
    def max_tokens(self) -> int | None:
        """The limit on the answer's tokens."""

    @abstractmethod
    def wants_json(self) -> bool:
        """Whether the request has a JSON Schema for the text of the answer."""

    @abstractmethod
    def error(self, failure: Failure) -> Body:
        """Return the body of an error."""

    @abstractmethod
    def whole(self, content: Content) -> Body:
        """Return the body of an answer without streaming."""

    @abstractmethod
    def opening(self, content: Content) -> list[bytes]:
        """Return the events before the content."""

    @abstractmethod
    def pieces(self, content: Content, *, words: bool = False, finished: bool = True) -> list[bytes]:
        """Return the events of the content. If not `finished`, its last part is left open."""

    @abstractmethod
    def closing(self, content: Content) -> list[bytes]:
        """Return the events after the content."""

    @abstractmethod
    def event(self, data: Body | str) -> bytes:
        """Encode one event of the stream. A string is sent unchanged."""

    def _texts_of(self, content: Any) -> list[str]:
        """Return the text in a message's content: a string, or blocks that may contain further content."""
        if isinstance(content, str):
            return [content]
        found: list[str] = []
        for block in content or []:
            found += self._texts_of(block.get("text") or block.get("content"))
        return found


class OpenAI(Wire):
    """OpenAI's Chat Completions protocol."""

    name = "openai"
    path = "/v1/chat/completions"

    def objection(self, headers: dict[str, str]) -> str | None:
        missing = [name for name in ("model", "messages") if not self.body.get(name)]
        return f"Missing required parameter: '{missing[0]}'." if missing else None

    def texts(self) -> list[str]:
        return [text for message in self.body["messages"] for text in self._texts_of(message.get("content"))]

    def tools(self) -> list[str]:
        return [tool["function"]["name"] for tool in self.body.get("tools") or []]

    def max_tokens(self) -> int | None:
        return self.body.get("max_completion_tokens") or self.body.get("max_tokens")

    def wants_json(self) -> bool:
        return (self.body.get("response_format") or {}).get("type") == "json_schema"

    def error(self, failure: Failure) -> Body:
        kinds = {429: ("requests", "rate_limit_exceeded"), 401: ("invalid_request_error", "invalid_api_key")}
        server = ("server_error", None) if failure.status >= 500 else ("invalid_request_error", None)
        kind, code = kinds.get(failure.status, server)
        message = failure.message or f"The test answers with {failure.status}."
        return {"error": {"message": message, "type": kind, "param": None, "code": failure.code or code}}

    def whole(self, content: Content) -> Body:
        message: Body = {"role": "assistant", "content": content.text or None, "refusal": None}
        if content.calls:
            message["tool_calls"] = [self._call(call, call.arguments) for call in content.calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._reason(content)}
        return self._object("chat.completion", choices=[choice], usage=self._usage(content))

    def opening(self, content: Content) -> list[bytes]:
        return [self._delta({"role": "assistant", "content": "", "refusal": None})]

    def pieces(self, content: Content, *, words: bool = False, finished: bool = True) -> list[bytes]:
        events = [self._delta({"content": piece}) for piece in split(content.text, words=words)]
        for index, call in enumerate(content.calls):
            events.append(self._delta({"tool_calls": [{"index": index} | self._call(call, "")]}))
            parts = ({"index": index, "function": {"arguments": piece}} for piece in split(call.arguments))
            events += [self._delta({"tool_calls": [part]}) for part in parts]
        return events

    def closing(self, content: Content) -> list[bytes]:
        events = [self._delta({}, self._reason(content))]
        if self._reports_usage():
            events.append(self.event(self._object("chat.completion.chunk", choices=[], usage=self._usage(content))))
        return [*events, self.event("[DONE]")]

    def event(self, data: Body | str) -> bytes:
        return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()

    def _delta(self, delta: Body, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        # As documented: if usage is in the last chunk, it is null in all others.
        usage = {"usage": None} if self._reports_usage() else {}
        return self.event(self._object("chat.completion.chunk", choices=[choice], **usage))

    def _object(self, kind: str, **fields: Any) -> Body:
        head = {"id": f"chatcmpl-{self.id}", "object": kind, "created": int(time.time()), "model": self.body["model"]}
        return head | {"system_fingerprint": None} | fields

    def _reports_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @staticmethod
    def _call(call: Call, arguments: str) -> Body:
        return {"id": f"call_{call.id}", "type": "function", "function": {"name": call.name, "arguments": arguments}}

    @staticmethod
    def _reason(content: Content) -> str:
        return "length" if content.cut else "tool_calls" if content.calls else "stop"

    @staticmethod
    def _usage(content: Content) -> Body:
        total = content.input_tokens + content.output_tokens
        counts = {"prompt_tokens": content.input_tokens, "completion_tokens": content.output_tokens}
        return counts | {"total_tokens": total}


class Anthropic(Wire):
    """Anthropic's Messages protocol."""

    name = "anthropic"
    path = "/v1/messages"

    _KINDS: ClassVar = {
        400: "invalid_request_error",
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        504: "timeout_error",
        529: "overloaded_error",
    }

    def objection(self, headers: dict[str, str]) -> str | None:
        if "anthropic-version" not in headers:
            return "anthropic-version: header is required"
        missing = [name for name in ("model", "messages", "max_tokens") if not self.body.get(name)]
        return f"{missing[0]}: Field required" if missing else None

    def texts(self) -> list[str]:
        found = self._texts_of(self.body.get("system"))
        return found + [text for message in self.body["messages"] for text in self._texts_of(message.get("content"))]

    def tools(self) -> list[str]:
        return [tool["name"] for tool in self.body.get("tools") or []]

    def max_tokens(self) -> int | None:
        return self.body.get("max_tokens")

    def wants_json(self) -> bool:
        return ((self.body.get("output_config") or {}).get("format") or {}).get("type") == "json_schema"

    def error(self, failure: Failure) -> Body:
        default = "api_error" if failure.status >= 500 else "invalid_request_error"
        kind = failure.code or self._KINDS.get(failure.status, default)
        error = {"type": kind, "message": failure.message or f"The test answers with {failure.status}."}
        return {"type": "error", "error": error, "request_id": f"req_{self.id}"}

    def whole(self, content: Content) -> Body:
        blocks: list[Body] = [{"type": "text", "text": content.text}] if content.text else []
        blocks += [self._call(call, _parsed(call.arguments)) for call in content.calls]
        return self._message(blocks, self._reason(content), self._usage(content, content.output_tokens))

    def opening(self, content: Content) -> list[bytes]:
        # The output is counted at the end. Here only the tokens written so far are reported.
        message = self._message([], None, self._usage(content, min(1, content.output_tokens)))
        return [self.event({"type": "message_start", "message": message}), self.event({"type": "ping"})]

    def pieces(self, content: Content, *, words: bool = False, finished: bool = True) -> list[bytes]:
        blocks: list[tuple[Body, list[Body]]] = []
        if content.text:
            deltas = [{"type": "text_delta", "text": piece} for piece in split(content.text, words=words)]
            blocks.append(({"type": "text", "text": ""}, deltas))
        for call in content.calls:
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *split(call.arguments))]
            blocks.append((self._call(call, {}), deltas))
        events: list[bytes] = []
        for index, (block, deltas) in enumerate(blocks):
            events.append(self.event({"type": "content_block_start", "index": index, "content_block": block}))
            events += [self.event({"type": "content_block_delta", "index": index, "delta": one}) for one in deltas]
            events.append(self.event({"type": "content_block_stop", "index": index}))
        return events if finished else events[:-1]

    def closing(self, content: Content) -> list[bytes]:
        delta = {"stop_reason": self._reason(content), "stop_sequence": None}
        usage = {"output_tokens": content.output_tokens}
        ends = self.event({"type": "message_delta", "delta": delta, "usage": usage})
        return [ends, self.event({"type": "message_stop"})]

    def event(self, data: Body | str) -> bytes:
        # A string is not parsed, so it has no type to take the event's name from.
        kind, text = ("content_block_delta", data) if isinstance(data, str) else (data["type"], json.dumps(data))
        return f"event: {kind}\ndata: {text}\n\n".encode()

    def _message(self, blocks: list[Body], reason: str | None, usage: Body) -> Body:
        head: Body = {"id": f"msg_{self.id}", "type": "message", "role": "assistant", "model": self.body["model"]}
        return head | {"content": blocks, "stop_reason": reason, "stop_sequence": None, "usage": usage}

    @staticmethod
    def _call(call: Call, given: Any) -> Body:
        return {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": given}

    @staticmethod
    def _reason(content: Content) -> str:
        return "max_tokens" if content.cut else "tool_use" if content.calls else "end_turn"

    @staticmethod
    def _usage(content: Content, output_tokens: int) -> Body:
        cached = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        return {"input_tokens": content.input_tokens, "output_tokens": output_tokens} | cached


def split(text: str, *, words: bool = False) -> list[str]:
    """Split a text into the pieces in which it is streamed."""
    if words:
        return re.findall(r"\s*\S+\s*", text)
    step = max(4, -(-len(text) // _PIECES))
    return [text[start : start + step] for start in range(0, len(text), step)]


def _parsed(arguments: str) -> Any:
    """Parse the arguments of a call. A provider that must send an object sends an empty one for arguments that were cut off."""
    try:
        return json.loads(arguments)
    except ValueError:
        return {}


WIRES: dict[str, type[Wire]] = {wire.path: wire for wire in (OpenAI, Anthropic)}
