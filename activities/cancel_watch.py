"""Notices in the record that a run is being cancelled, before Temporal tells its tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from app.database.database import Database
from app.domain.errors import Unavailable
from app.storage import projects

# Seconds between two looks, for all tasks of this worker together. Tasks that end before the first look cost nothing.
INTERVAL = 0.25


@dataclass
class _Followed:
    attempts: int = 0
    cancelling: asyncio.Event = field(default_factory=asyncio.Event)


class CancelWatch:
    """Watches the projects whose tasks run on this worker.

    Args:
        database: the database that stores the projects.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._followed: dict[str, _Followed] = {}
        self._watcher: asyncio.Task[None] | None = None

    @contextmanager
    def follow(self, project_id: str) -> Generator[asyncio.Event]:
        """Return an event that is set soon after the project's run is cancelled."""
        followed = self._followed.setdefault(project_id, _Followed())
        followed.attempts += 1
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch(), name="cancel-watch")
        try:
            yield followed.cancelling
        finally:
            followed.attempts -= 1
            if not followed.attempts:
                del self._followed[project_id]

    async def _watch(self) -> None:
        """Look from time to time, as long as there is somebody to tell."""
        await asyncio.sleep(INTERVAL)
        while self._followed:
            # Without the database, tasks learn of a cancel with their next heartbeat.
            with suppress(Unavailable):
                ids = list(self._followed)
                for project_id in await self._database.read(lambda conn, ids=ids: projects.being_cancelled(conn, ids)):
                    if (followed := self._followed.get(project_id)) is not None:
                        followed.cancelling.set()
            await asyncio.sleep(INTERVAL)
