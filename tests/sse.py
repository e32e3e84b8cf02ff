"""Reads event streams as a client does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx


async def messages(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, str]]:
    """Yield the server-sent events in the lines of a stream. Comments are left out."""
    message: dict[str, str] = {}
    async for line in lines:
        if not line:
            if message:
                yield message
            message = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            message[name] = message.get(name, "") + value.removeprefix(" ")


async def read_events(
    http: httpx.AsyncClient, project_id: str, *, follow: bool = True, last_event_id: int | None = None, **query: Any
) -> list[dict[str, Any]]:
    """Return all events until the stream ends, without the closing `end`."""
    headers = {"Last-Event-ID": str(last_event_id)} if last_event_id is not None else {}
    path = f"/api/projects/{project_id}/events"
    found: list[dict[str, Any]] = []
    async with http.stream("GET", path, params={"follow": str(follow).lower(), **query}, headers=headers) as answer:
        assert answer.status_code in {200, 204}, answer.status_code
        async for message in messages(answer.aiter_lines()):
            if message["event"] == "end":
                break
            event = json.loads(message["data"])
            assert message["id"] == str(event["seq"])
            assert message["event"] == event["type"]
            found.append(event)
    return found
