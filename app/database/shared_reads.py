"""Reads that many callers want at the same time, done once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection

from app.database.database import Database

R = TypeVar("R")


class SharedReads:
    """Does a read once for all callers who ask for it before it begins.

    Whoever asks gets a result that is at least as new as their question: a caller never joins a read that has already begun. Such
    callers share the next one, so that there are never more than two reads of a kind at a time.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._gathering: dict[Hashable, asyncio.Task[Any]] = {}
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}

    async def read(self, key: Hashable, work: Callable[[Connection], R]) -> R:
        """Run `work` as `Database.read` does, or wait for a caller who does so.

        Args:
            key: names what is read. Callers with the same key must bring `work` that does the same.
            work: the read. Its result must not be changed, because others have it too.

        Raises:
            Unavailable: the database cannot be reached.
        """
        task: asyncio.Task[R] | None = self._gathering.get(key)
        if task is None:
            task = asyncio.create_task(self._run(key, work, self._under_way.get(key)))
            task.add_done_callback(_look_at)
            self._gathering[key] = task
        # One caller who goes away does not end the read of the others.
        return await asyncio.shield(task)

    async def _run(self, key: Hashable, work: Callable[[Connection], R], before: asyncio.Task[Any] | None) -> R:
        if before is not None:
            await asyncio.wait([before])
        task = self._gathering.pop(key)
        self._under_way[key] = task
        try:
            return await self._database.read(work)
        finally:
            if self._under_way.get(key) is task:
                del self._under_way[key]


def _look_at(task: asyncio.Task[Any]) -> None:
    """If every caller has gone, nobody else looks at the error of a read."""
    with suppress(asyncio.CancelledError):
        task.exception()
