"""An event loop in its own thread, on which a database's async driver runs.

Otherwise the work that a reader or a transaction does with its rows would block the loop that answers requests.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from app.domain.errors import Unavailable

R = TypeVar("R")


class OwnLoop:
    """The loop and its thread. `start` starts both."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread and accept work."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="database", daemon=True)
        self._thread.start()

    async def close(self, end: Callable[[], Awaitable[None]]) -> None:
        """Refuse new work, wait for the work in progress, then run `end` on the loop and stop it."""
        # Unset it first: work that is submitted after `end` would never be done.
        loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._ended(end), loop))
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(self._thread.join)
        loop.close()

    async def run(self, start: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """Run what `start` returns to its end, even if the caller goes away: an interrupted connection could not be reused.

        Raises:
            Unavailable: the loop is not running.
        """
        loop = self._loop
        if loop is None:
            raise Unavailable("The database is closed.")
        return await asyncio.shield(asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._noted(start()), loop)))

    async def _noted(self, running: Coroutine[Any, Any, R]) -> R:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: a coroutine runs in a task
        self._under_way.add(task)
        try:
            return await running
        finally:
            self._under_way.discard(task)

    async def _ended(self, end: Callable[[], Awaitable[None]]) -> None:
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await end()
