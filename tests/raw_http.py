"""Sends HTTP that no client library would send, as bytes over a socket."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RawAnswer:
    """An answer. `status` is 0 if the connection ended without one."""

    status: int
    head: str
    body: bytes

    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


async def read_answer(reader: asyncio.StreamReader, *, seconds: float = 30) -> RawAnswer:
    """Read one answer with a Content-Length."""
    try:
        async with asyncio.timeout(seconds):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next(
                (line.split(":")[1] for line in head.lower().split("\r\n") if line.startswith("content-length:")), "0"
            )
            return RawAnswer(int(head.split(" ")[1]), head, await reader.readexactly(int(length)))
    except (asyncio.IncompleteReadError, ConnectionError):
        return RawAnswer(0, "", b"")


async def exchange(port: int, request: bytes) -> RawAnswer:
    """Send a whole request on a new connection, and read the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await read_answer(reader)
    finally:
        writer.close()
