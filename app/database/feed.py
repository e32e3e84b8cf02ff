"""Notice of changes, for event streams and for requests that wait for a decision.

Waiters are woken by project, so that a busy project does not wake the readers of others. Each kind of database has its own
way to learn of commits: `app.database.sqlite_feed` and `app.database.postgres_feed`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager, suppress

EVERY_PROJECT = ""


class Subscription:
    """One waiter's view of a project: whether anything has changed since it last looked."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Signal a change."""
        self._event.set()

    async def wait(self, timeout: float) -> bool:  # noqa: ASYNC109 - a deadline is what callers have
        """Wait for a change, at most `timeout` seconds. Returns False if there was none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._event.wait()
        came = self._event.is_set()
        self._event.clear()
        return came


class ChangeFeed(ABC):
    """Wakes everyone who waits for changes. It watches the database from the first waiter on."""

    def __init__(self) -> None:
        self._subscriptions: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._watcher: asyncio.Task[None] | None = None

    @contextmanager
    def subscribe(self, project_id: str = EVERY_PROJECT) -> Generator[Subscription]:
        """Subscribe to changes of one project, or of all. Subscribe first, then read, then wait: then nothing is missed."""
        subscription = Subscription()
        self._subscriptions[project_id].add(subscription)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch(), name="change-feed")
        try:
            yield subscription
        finally:
            waiting = self._subscriptions[project_id]
            waiting.discard(subscription)
            if not waiting:
                del self._subscriptions[project_id]

    async def close(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher

    @abstractmethod
    async def _watch(self) -> None:
        """Wake the subscribers of each project that changed, and all subscribers after a gap in which a change may be missed."""

    def _tell(self, project_ids: set[str]) -> None:
        """Wake the subscribers of these projects, and those of every project."""
        for project_id in project_ids:
            self._wake(project_id)
        if project_ids:
            self._wake(EVERY_PROJECT)

    def _wake(self, project_id: str) -> None:
        for subscription in self._subscriptions.get(project_id, ()):
            subscription.notify()

    def _wake_all(self) -> None:
        for project_id in list(self._subscriptions):
            self._wake(project_id)
