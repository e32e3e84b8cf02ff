"""The process's single database: write transactions, consistent reads, and notice of changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from app.database.feed import ChangeFeed
from app.database.sqlite import SqliteDatabase
from app.database.url import parse_url, sqlite_path
from app.domain.errors import Unavailable
from app.domain.notifying import NOTIFY, NotifyRules
from app.domain.policies import POLICIES, Signing
from app.domain.signing import SIGNER, Signer

R = TypeVar("R")
# Seconds between attempts to write while the database cannot be reached.
PAUSE_WHILE_AWAY = 0.5


class _Backend(Protocol):
    """What each kind of database implements in its own way."""

    @property
    def feed(self) -> ChangeFeed: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def transact(self, work: Callable[[Connection], R]) -> R: ...
    async def read(self, work: Callable[[Connection], R]) -> R: ...
    async def flush(self) -> None: ...
    def state(self) -> int | None: ...
    def has_room(self) -> bool: ...


class Database:
    """The process's access to its database. The same statements run on SQLite and on PostgreSQL.

    Args:
        url: `sqlite+aiosqlite:///<file>` or `postgresql+asyncpg://<user>:<password>@<host>/<database>`.
        signer: signs the events and commands that this process writes. Only the app has one.
        signing: the policies that say who must sign.
        notify: who is told about the events that this process writes.
        waited: called with the seconds that each transaction waited until it could write. May be called on any thread.

    Raises:
        ValueError: the URL has neither form.
    """

    def __init__(
        self,
        url: str,
        signer: Signer | None = None,
        signing: Signing | None = None,
        notify: NotifyRules | None = None,
        *,
        waited: Callable[[float], None] | None = None,
    ) -> None:
        path = sqlite_path(url)
        options: dict[str, object] = {SIGNER: signer, POLICIES: signing, NOTIFY: notify}
        self._backend: _Backend = SqliteDatabase(path, options) if path is not None else _postgres(url, options)
        self._waited = waited

    @property
    def feed(self) -> ChangeFeed:
        """Notifies readers of changes."""
        return self._backend.feed

    async def start(self) -> None:
        """Open the database for transactions. The schema must exist (`app.storage.migrate`)."""
        await self._backend.start()

    async def close(self) -> None:
        """Finish what is in progress and close every connection."""
        await self._backend.close()

    async def transact(self, work: Callable[[Connection], R]) -> R:
        """Run `work` in one write transaction, commit it, and return its result.

        What `work` reads of a project stays true until the commit. `work` may run more than once, each time from the start,
        so it must do nothing but read and write the database.

        Raises:
            Unavailable: the database stays locked or cannot be reached. Nothing was written, unless the connection was lost
                during the commit.
            DomainError: any that `work` raises; nothing was written.
        """
        waited = self._waited
        if waited is None:
            return await self._backend.transact(work)
        submitted = time.perf_counter()

        def timed(conn: Connection) -> R:
            waited(time.perf_counter() - submitted)
            return work(conn)

        return await self._backend.transact(timed)

    async def persist(self, work: Callable[[Connection], R]) -> R:
        """Run `work` as `transact` does, and repeat it until the database is available. For what must not be lost.

        Raises:
            DomainError: any that `work` raises; nothing was written.
        """
        while True:
            try:
                return await self.transact(work)
            except Unavailable:
                await asyncio.sleep(PAUSE_WHILE_AWAY)

    async def flush(self) -> None:
        """Return once everything committed so far would survive a power failure."""
        await self._backend.flush()

    async def read(self, work: Callable[[Connection], R]) -> R:
        """Run `work`, which must not write, on one consistent state of the database.

        Raises:
            Unavailable: the database cannot be reached.
        """
        return await self._backend.read(work)

    def state(self) -> int | None:
        """A number that changes with every commit of any process: if it is the same, the database is. None if it has none.

        It asks the database, and takes microseconds.
        """
        return self._backend.state()

    def has_room(self) -> bool:
        """Whether the disk has room for a commit. Always true for PostgreSQL, whose disk this process does not see."""
        return self._backend.has_room()


def _postgres(url: str, options: dict[str, object]) -> _Backend:
    # This loads asyncpg and SQLAlchemy's asynchronous part: 80 modules that SQLite does not need.
    from app.database.postgres import PostgresDatabase  # noqa: PLC0415

    return PostgresDatabase(parse_url(url), options)
