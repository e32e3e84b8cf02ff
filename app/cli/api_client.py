"""A small client of the REST API: errors become clear messages, event streams survive a lost connection."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlsplit

import click
import httpx

from app.settings import LOOPBACK_HOSTS

Json = dict[str, Any]

# Longer than the 60 s that `Prefer: wait` may hold an answer back.
_ANSWER_SECONDS = 75.0
# The server sends a ping every 10 s.
_SILENCE_SECONDS = 30.0
_GIVE_UP_SECONDS = 60.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


class ApiError(click.ClickException):
    """What the API answered instead of what was asked for; `code` is the API's own."""

    def __init__(self, message: str, *, code: str = "", details: list[Json] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.details = details or []

    def format_message(self) -> str:
        """The message, and below it one line for each detail."""
        lines = [f"  {detail.get('field')}: {detail.get('message')}" for detail in self.details]
        return "\n".join([self.message, *lines])

    def show(self, file: Any = None) -> None:
        """Print it in red."""
        click.secho(f"Error: {self.format_message()}", fg="red", file=file, err=True)


class NoAnswer(ApiError):
    """Nothing answers at the address."""

    def __init__(self, url: str) -> None:
        message = f"No Signoff answers at {url}; start one with `signoff up` or set SIGNOFF_URL."
        super().__init__(message, code="no_answer")


@dataclass(frozen=True)
class Reply:
    """An answer: 202 means recorded, but not yet decided or done."""

    status: int
    body: Any

    @property
    def is_pending(self) -> bool:
        """The result is still to come, as an event."""
        return self.status == 202


def path_of(project_id: str, *parts: str) -> str:
    """The path of a project, or of something of it, whatever characters the names have."""
    return "".join(f"/{quote(part, safe='')}" for part in (project_id, *parts))


class ApiClient:
    """Speaks to one Signoff; use it as an async context manager.

    `is_local` says whether its folders are folders of this machine.

    Args:
        base_url: the server's address, without path.
        api_key: sent as Bearer token where there is one.
    """

    def __init__(self, base_url: str, api_key: str = "") -> None:
        self.url = base_url.rstrip("/")
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        # A proxy that is set for the network cannot reach this machine's loopback.
        self.is_local = urlsplit(self.url).hostname in LOOPBACK_HOSTS
        timeout = httpx.Timeout(_ANSWER_SECONDS, connect=5)
        self._http = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=timeout, trust_env=not self.is_local)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON at `path` under `/api/projects`; query parameters that are None are left out.

        Raises:
            ApiError: the API refused.
            NoAnswer: nothing answers.
        """
        wanted = {name: value for name, value in query.items() if value is not None}
        return (await self._request("GET", path, params=wanted)).body

    async def post(self, path: str, body: Json | None = None, *, wait_seconds: int | None = None) -> Reply:
        """POST to `path` under `/api/projects`, with a fresh Idempotency-Key. Raises as `get` does."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        if wait_seconds is not None:
            headers["Prefer"] = f"wait={wait_seconds}"
        return await self._request("POST", path, json=body or {}, headers=headers)

    async def delete(self, path: str) -> Reply:
        """DELETE `path` under `/api/projects`. Raises as `get` does."""
        return await self._request("DELETE", path)

    async def events(self, project_id: str, *, after: int = 0) -> AsyncGenerator[Json]:
        """A project's events after number `after`, then live, until it has finished; across lost connections.

        Raises:
            ApiError: the API refused.
            NoAnswer: nothing has answered for a minute.
        """
        stream = _EventStream(self._http, f"/api/projects{path_of(project_id, 'events')}", last_id=str(after))
        pause = _SHORTEST_PAUSE
        while not stream.ended:
            try:
                async with aclosing(stream.read()) as events:
                    async for event in events:
                        pause = _SHORTEST_PAUSE
                        yield event
            except (httpx.TransportError, _Unavailable) as error:
                if time.monotonic() - stream.heard_at > _GIVE_UP_SECONDS:
                    raise NoAnswer(self.url) from error
            if not stream.ended:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _request(self, method: str, path: str, **options: Any) -> Reply:
        try:
            response = await self._http.request(method, f"/api/projects{path}", **options)
        except httpx.TimeoutException as error:
            raise ApiError(f"{self.url} gave no answer in time; try again.", code="no_answer") from error
        except (httpx.TransportError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise NoAnswer(self.url) from error
        if response.is_error:
            raise _error_of(response)
        try:
            return Reply(response.status_code, response.json() if response.content else None)
        except ValueError as error:
            raise ApiError(f"What answers at {self.url} is not a Signoff.") from error


class _Unavailable(Exception):
    """The server is there but cannot serve the stream now."""


class _EventStream:
    """Server-sent events of one path (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

    def __init__(self, http: httpx.AsyncClient, path: str, *, last_id: str) -> None:
        self._http = http
        self._path = path
        self._last_id = last_id
        self.ended = False
        self.heard_at = time.monotonic()

    async def read(self) -> AsyncGenerator[Json]:
        """Connect, and yield the events after the last one seen until the connection ends."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": self._last_id}
        timeout = httpx.Timeout(_SILENCE_SECONDS, connect=5)
        async with self._http.stream("GET", self._path, headers=headers, timeout=timeout) as response:
            if response.is_server_error:
                raise _Unavailable
            if response.is_error:
                await response.aread()
                raise _error_of(response)
            if response.status_code == 204:
                self.ended = True
                return
            async for kind, data, last_id in _parse(self._lines(response)):
                if kind == "end":
                    self.ended = True
                    return
                self._last_id = last_id or self._last_id
                yield json.loads(data)

    async def _lines(self, response: httpx.Response) -> AsyncIterator[str]:
        # Not aiter_lines: it also breaks at U+2028 and others that JSON carries as they are.
        rest = b""
        async for chunk in response.aiter_bytes():
            self.heard_at = time.monotonic()
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line.removesuffix(b"\r").decode()


async def _parse(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, str, str]]:
    kind, data, last_id = "", list[str](), ""
    async for line in lines:
        if not line:
            if data or kind:
                yield kind, "\n".join(data), last_id
            kind, data, last_id = "", [], ""
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            data.append(value)
        elif name == "id":
            last_id = value


def _error_of(response: httpx.Response) -> ApiError:
    try:
        body = response.json()
        return ApiError(body["message"], code=body.get("code", ""), details=body.get("details"))
    except (ValueError, KeyError, TypeError):
        return ApiError(f"{response.request.url} answered {response.status_code} {response.reason_phrase}.")
