"""Shares the answers of Temporal among callers that ask for the same at nearly the same time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """Answers that expire. Callers that come while an answer is on its way wait for the same answer.

    Args:
        ask: asks for the answer to a key.
        lifetime: returns for how many seconds an answer is shared, counted from when it was asked for.
    """

    def __init__(self, ask: Callable[[str], Coroutine[Any, Any, T]], lifetime: Callable[[T], float]) -> None:
        self._ask = ask
        self._lifetime = lifetime
        self._entries: dict[str, tuple[float, asyncio.Task[T]]] = {}

    async def get(self, key: str) -> T:
        """Return the answer to a key. Ask for it if there is none, or if it has expired."""
        entry = self._entries.get(key)
        if entry is None or self._has_expired(entry):
            for other in [name for name, old in self._entries.items() if self._has_expired(old)]:
                del self._entries[other]
            entry = self._entries[key] = (time.monotonic(), asyncio.create_task(self._ask(key)))
        return await asyncio.shield(entry[1])

    def _has_expired(self, entry: tuple[float, asyncio.Task[T]]) -> bool:
        asked, task = entry
        if not task.done():
            return False
        failed = task.cancelled() or task.exception() is not None
        return failed or time.monotonic() - asked > self._lifetime(task.result())
