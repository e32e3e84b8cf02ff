"""One database for the process: write transactions, consistent reads, and word of what changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from app.domain.signing import SIGNER, Signer
from app.storage.feed import ChangeFeed
from app.storage.postgres import PostgresDatabase
from app.storage.sqlite import SqliteDatabase
from app.storage.url import parse_url, sqlite_path

R = TypeVar("R")


class _Backend(Protocol):
    """What each kind of database does in its own way."""

    @property
    def feed(self) -> ChangeFeed: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def transact(self, work: Callable[[Connection], R]) -> R: ...
    async def read(self, work: Callable[[Connection], R]) -> R: ...
    async def flush(self) -> None: ...


class Database:
    """The process's way to its database; the same statements run on SQLite and on PostgreSQL.

    Args:
        url: `sqlite+aiosqlite:///<file>` or `postgresql+asyncpg://<user>:<password>@<host>/<database>`.
        signer: signs the events and commands that this process writes; the app alone has one.

    Raises:
        ValueError: the URL is neither.
    """

    def __init__(self, url: str, signer: Signer | None = None) -> None:
        path = sqlite_path(url)
        options = {SIGNER: signer}
        self._backend: _Backend = (
            SqliteDatabase(path, options) if path is not None else PostgresDatabase(parse_url(url), options)
        )

    @property
    def feed(self) -> ChangeFeed:
        """Word of what changed."""
        return self._backend.feed

    async def start(self) -> None:
        """Be ready for transactions; the schema must be there (`app.storage.migrate`)."""
        await self._backend.start()

    async def close(self) -> None:
        """Finish what is under way and close every connection."""
        await self._backend.close()

    async def transact(self, work: Callable[[Connection], R]) -> R:
        """Run `work` in one write transaction and return what it returns, once that is committed.

        What `work` reads of a project stays true until then. It may be run more than once, each time as if for the first:
        it must do nothing but read and write the database.

        Raises:
            Unavailable: where the database stays locked or cannot be reached. Nothing was written, unless the connection was
                lost in the middle of the commit.
            DomainError: whatever `work` raises; nothing was written.
        """
        return await self._backend.transact(work)

    async def flush(self) -> None:
        """Return once what was committed before outlives a power cut."""
        await self._backend.flush()

    async def read(self, work: Callable[[Connection], R]) -> R:
        """Run `work`, which must not write, on one consistent state of the database.

        Raises:
            Unavailable: where the database cannot be reached.
        """
        return await self._backend.read(work)
