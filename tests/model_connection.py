"""HTTP/1.1 on one connection, as little of it as a provider double needs.

A server of a library closes a connection for good only by way of an error that it logs, and takes the process's signals;
here an answer can end at any byte, and the moment the client is gone is known.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Incoming:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Connection:
    """Reads requests and writes answers, one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._chunked = False
        self._ahead = b""

    async def read(self) -> Incoming | None:
        """The next request; nothing if the client has closed the connection instead."""
        try:
            head = self._ahead + await self._reader.readuntil(b"\r\n\r\n")
            self._ahead = b""
            first, *lines = head.decode("latin-1").strip().split("\r\n")
            pairs = (line.partition(":") for line in lines)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        method, target, _ = first.split(" ")
        return Incoming(method, target.partition("?")[0], headers, body)

    async def gone(self) -> None:
        """Waits until the client has closed the connection."""
        try:
            ahead = await self._reader.read(1)
        except ConnectionError:
            return
        if ahead:
            # The first byte of the next request: this client has the whole answer, and nobody needs to wait for it.
            self._ahead = ahead
            await asyncio.Event().wait()

    async def start(self, status: int, headers: dict[str, str], *, length: int | None = None) -> None:
        """Status and headers; a body of no known length is sent in chunks."""
        self._chunked = length is None
        framing = {"transfer-encoding": "chunked"} if length is None else {"content-length": str(length)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers | framing).items())
        await self._send(f"HTTP/1.1 {status} -\r\n{lines}\r\n".encode("latin-1"))

    async def write(self, data: bytes) -> None:
        """A part of the body."""
        await self._send(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)

    async def end(self) -> None:
        """The end of a body in chunks."""
        await self._send(b"0\r\n\r\n")

    async def answer(self, status: int, headers: dict[str, str], body: dict[str, Any]) -> None:
        """A whole answer with a JSON body."""
        data = json.dumps(body).encode()
        await self.start(status, {"content-type": "application/json"} | headers, length=len(data))
        await self.write(data)

    def close(self) -> None:
        """Sends what was written, and closes."""
        self._writer.close()

    async def _send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()
