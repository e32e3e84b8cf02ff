"""A provider of models for tests: OpenAI's Chat Completions and Anthropic's Messages on a real socket.

async with model_server() as server:
    server.say(ToolCalls(("read_file", {"path": "a.txt"})), Text("done"))
    ...  # a client with the base URL f"{server.url}/v1" (OpenAI) or server.url (Anthropic)
    assert server.requests[0].tools == ["read_file"]
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.model_answers import (
    Answer,
    BrokenJson,
    Failure,
    Json,
    Output,
    Slow,
    Stall,
    Text,
    ToolCalls,
    Truncated,
)
from tests.model_connection import Connection, Incoming
from tests.model_protocols import WIRES, Wire, split

__all__ = [
    "Answer",
    "BrokenJson",
    "Failure",
    "Json",
    "ModelServer",
    "Output",
    "Request",
    "Slow",
    "Stall",
    "Text",
    "ToolCalls",
    "Truncated",
    "Usage",
    "model_server",
]

Answering = Callable[["Request"], Answer | Awaitable[Answer]]
DEADLINE = 10.0


@dataclass(frozen=True)
class Usage:
    """The token usage that an answer reported."""

    input_tokens: int
    output_tokens: int


@dataclass
class Request:
    """A received request, and its outcome."""

    protocol: Literal["openai", "anthropic"]
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    size: int
    wire: Wire = field(repr=False)
    at: float = field(default_factory=time.monotonic)
    answer: Answer | None = None
    usage: Usage | None = None  # what the client was told; None if the answer did not come to its end
    answered: bool = False
    closed_at: float | None = None  # when the client left; set only if it did not wait for its answer

    @property
    def stream(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def model(self) -> str:
        return self.body["model"]

    @property
    def texts(self) -> str:
        """Everything that the model can read, except for the tools."""
        return "\n".join(self.wire.texts())

    @property
    def tools(self) -> list[str]:
        return self.wire.tools()

    @property
    def max_tokens(self) -> int | None:
        return self.wire.max_tokens()

    @property
    def output_tool(self) -> str | None:
        return next((name for name in self.tools if name.startswith("final_result")), None)

    @property
    def wants_json(self) -> bool:
        return self.wire.wants_json()


class ModelServer:
    """Answers in the order in which answers were queued, regardless of the protocol."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.faults: list[
            str
        ] = []  # requests that the test did not expect; they are answered with 500, without retries
        self._queue: deque[Answer] = deque()
        self._function: Answering | None = None
        self._changed = asyncio.Condition()
        self._connections: set[asyncio.Task[None]] = set()

    def reset(self) -> None:
        """Forget all requests and answers, for the next test."""
        self.requests, self.faults = [], []
        self._queue.clear()
        self._function = None

    def say(self, *answers: Answer) -> None:
        """Queue answers."""
        self._queue.extend(answers)

    def answer_with(self, function: Answering) -> None:
        """Use a function, which may be async, instead of the queue."""
        self._function = function

    @property
    def unsaid(self) -> list[Answer]:
        """Return the queued answers that nobody has asked for yet."""
        return list(self._queue)

    async def received(self, n: int, *, seconds: float = DEADLINE) -> Request:
        """Wait for the n-th request, counted from 1."""
        await self._until(lambda: len(self.requests) >= n, f"request {n} of {len(self.requests)} comes", seconds)
        return self.requests[n - 1]

    async def closed(self, n: int, *, seconds: float = DEADLINE) -> float:
        """Return when the client of the n-th request, counted from 1, left before its answer was complete."""
        request = await self.received(n, seconds=seconds)
        await self._until(lambda: request.closed_at is not None, f"the client of request {n} goes", seconds)
        assert request.closed_at is not None
        return request.closed_at

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[ModelServer]:
        """Listen on a port that the system chooses."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _until(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            raise AssertionError(f"not within {seconds:g} s: {what}") from None

    async def _note(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(Connection(reader, writer)))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, connection: Connection) -> None:
        try:
            while (incoming := await connection.read()) is not None:
                if not await self._exchange(connection, incoming):
                    break
        finally:
            connection.close()

    async def _exchange(self, connection: Connection, incoming: Incoming) -> bool:
        """Handle one request. Returns whether the connection can be used for another one."""
        wire_type = WIRES.get(incoming.path)
        if wire_type is None or incoming.method != "POST":
            self.faults.append(f"no provider has {incoming.method} {incoming.path}")
            await connection.answer(404, {}, {"error": {"message": self.faults[-1], "type": "invalid_request_error"}})
            return True
        body = json.loads(incoming.body)
        wire = wire_type(body)
        if objection := wire.objection(incoming.headers):
            self.faults.append(objection)
            await _fail(connection, wire, Failure(400, message=objection))
            return True
        request = Request(wire.name, incoming.path, incoming.headers, body, len(incoming.body), wire)
        self.requests.append(request)
        await self._note()
        return await self._while_there(connection, request)

    async def _while_there(self, connection: Connection, request: Request) -> bool:
        """Send answers while the client is still connected."""
        answering = asyncio.create_task(self._answer(connection, request))
        leaving = asyncio.create_task(connection.gone())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done() and not isinstance(answering.exception(), ConnectionError):
                return answering.result()
            request.closed_at = time.monotonic()
            await self._note()
            return False
        finally:
            answering.cancel()
            leaving.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)

    async def _answer(self, connection: Connection, request: Request) -> bool:
        try:
            answer = request.answer = await self._choose(request)
            answer.written(request)
        except Exception as error:  # noqa: BLE001 - the test must see any error in its own function
            self.faults.append(f"{type(error).__name__}: {error}")
            answer = Failure(500, message=self.faults[-1], should_retry=False)
        if isinstance(answer, Failure) and not (answer.in_stream and request.stream):
            await _fail(connection, request.wire, answer)
            whole = True
        else:
            whole = await (_stream if request.stream else _reply)(connection, request, answer)
        request.answered = whole
        return whole

    async def _choose(self, request: Request) -> Answer:
        if self._function is not None:
            chosen = self._function(request)
            return await chosen if inspect.isawaitable(chosen) else chosen
        if not self._queue:
            raise LookupError(f"the test has queued no answer for request {len(self.requests)}")
        return self._queue.popleft()


def model_server() -> contextlib.AbstractAsyncContextManager[ModelServer]:
    """Run a server for the length of the context."""
    return ModelServer().serving()


async def _fail(connection: Connection, wire: Wire, failure: Failure) -> None:
    headers = {"x-request-id": wire.id, "request-id": f"req_{wire.id}"}
    if failure.retry_after is not None:
        # The standard header allows only whole seconds. Both providers' clients also know the other header.
        headers["retry-after"] = str(math.ceil(failure.retry_after))
        headers["retry-after-ms"] = f"{failure.retry_after * 1000:g}"
    if failure.should_retry is not None:
        headers["x-should-retry"] = str(failure.should_retry).lower()
    await connection.answer(failure.status, headers, wire.error(failure))


async def _reply(connection: Connection, request: Request, answer: Answer) -> bool:
    """Send a body without streaming. Returns whether it came to its end."""
    content = answer.content(request)
    headers = {"content-type": "application/json", "x-request-id": request.wire.id}
    if isinstance(answer, Stall):
        await _stall(connection, headers, answer)
    data = json.dumps(request.wire.whole(content)).encode()
    if isinstance(answer, BrokenJson | Truncated):
        # Only half of the body: broken JSON with a matching length, or less than the announced length.
        half = data[: len(data) // 2]
        broken_off = isinstance(answer, Truncated) and not answer.clean
        await connection.start(200, headers, length=len(data) if broken_off else len(half))
        await connection.write(half)
        return not broken_off
    if isinstance(answer, Slow):
        await asyncio.sleep(answer.seconds_per_chunk * len(split(content.text, words=True)))  # why: this answer is slow
    # Set before the client can know it, so that a test finds it as soon as it has its answer.
    request.usage = Usage(content.input_tokens, content.output_tokens)
    await connection.answer(200, headers, request.wire.whole(content))
    return True


async def _stream(connection: Connection, request: Request, answer: Answer) -> bool:
    """Send server-sent events. Returns whether they came to their end."""
    wire = request.wire
    content = answer.content(request)
    headers = {"content-type": "text/event-stream; charset=utf-8", "x-request-id": wire.id}
    if isinstance(answer, Stall) and answer.silent:
        await _stall(connection, headers, answer)
    await connection.start(200, headers)
    for event in wire.opening(content):
        await connection.write(event)
    whole = not isinstance(answer, Truncated | Stall)
    for event in wire.pieces(content, words=isinstance(answer, Slow), finished=whole):
        if isinstance(answer, Slow):
            await asyncio.sleep(answer.seconds_per_chunk)  # why: this answer is slow
        await connection.write(event)
    match answer:
        case Stall():
            await _for_ever()
        case Truncated(clean=False):
            return False
        case Truncated():
            pass
        case Failure():
            error = wire.error(answer)
            await connection.write(wire.event(error))
        case BrokenJson():
            await connection.write(wire.event(json.dumps(wire.whole(content))[:40]))
        case _:
            request.usage = Usage(content.input_tokens, content.output_tokens)
            for event in wire.closing(content):
                await connection.write(event)
    await connection.end()
    return True


async def _stall(connection: Connection, headers: dict[str, str], stall: Stall) -> None:
    if not stall.silent:
        await connection.start(200, headers)
    await _for_ever()


async def _for_ever() -> None:
    """Wait until cancelled, that is, until the client leaves or the server ends."""
    await asyncio.Event().wait()
