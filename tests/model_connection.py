"""HTTP/1.1 on one connection, with only what a provider double needs.

A library's server closes a connection only through an error that it logs, and it takes over the process's signals. Here an
answer can end at any byte, and the moment at which the client leaves is known.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Incoming:
    """A request as it was received."""

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
        """Return the next request, or None if the client has closed the connection."""
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
        """Wait until the client has closed the connection."""
        try:
            ahead = await self._reader.read(1)
        except ConnectionError:
            return
        if ahead:
            # The first byte of the next request: the client has the whole answer, so nobody needs to wait for it to leave.
            self._ahead = ahead
            await asyncio.Event().wait()

    async def start(self, status: int, headers: dict[str, str], *, length: int | None = None) -> None:
        """Send status and headers. A body of unknown length is sent in chunks."""
        self._chunked = length is None
        framing = {"transfer-encoding": "chunked"} if length is None else {"content-length": str(length)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers | framing).items())
        await self._send(f"HTTP/1.1 {status} -\r\n{lines}\r\n".encode("latin-1"))

    async def write(self, data: bytes) -> None:
        """Send a part of the body."""
        await self._send(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)

    async def end(self) -> None:
        """Send the end of a body in chunks."""
        await self._send(b"0\r\n\r\n")

    async def answer(self, status: int, headers: dict[str, str], body: dict[str, Any]) -> None:
        """Send a whole answer with a JSON body."""
        data = json.dumps(body).encode()
        await self.start(status, {"content-type": "application/json"} | headers, length=len(data))
        await self.write(data)

    def close(self) -> None:
        """Send what was written, and close the connection."""
        self._writer.close()

    async def _send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()
