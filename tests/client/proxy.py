"""A proxy that loses connections as a bad network does. It uses real sockets."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit


class Proxy:
    """Forwards bytes to `target`. `passed` counts the bytes of answers, `cuts` the connections that were cut."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._left: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # Seconds before each piece of 64 KiB, in both directions: a slow connection.
        self.pause = 0.0
        self.passed = 0
        self.cuts = 0
        self.requests: list[bytes] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut_after(self, count: int) -> None:
        """Cut the connection once, after `count` more bytes of answers."""
        self._left = count

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        there, back = await asyncio.open_connection(self._host, self._port)
        asking = asyncio.create_task(self._ask(reader, back))
        try:
            with suppress(ConnectionError):
                await self._answer(there, writer)
        finally:
            asking.cancel()
            back.close()
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.requests.append(data)
            await asyncio.sleep(self.pause)  # why: the slowness of the connection
            writer.write(data)
            await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._left is not None:
                data = data[: self._left]
                self._left -= len(data)
            self.passed += len(data)
            await asyncio.sleep(self.pause)  # why: the slowness of the connection
            writer.write(data)
            await writer.drain()
            if self._left == 0:
                self._left = None
                self.cuts += 1
                return
