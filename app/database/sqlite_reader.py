"""SQLite's readers: connections of the async driver, on whose threads whole reads run.

The driver alone switches threads for every statement and for every row that it fetches. Reading a project then took 64 switches
and twice the processor time. Here a read takes one: the driver's thread runs it from its beginning to its end.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy import Connection, Engine, SingletonThreadPool, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.database.json_values import read_value
from app.domain.errors import DomainError, Unavailable

R = TypeVar("R")


class _Reader(aiosqlite.Connection):
    """A connection, and the thread of the driver that it belongs to. `engine` opens it on that thread."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(self._open, iter_chunk_size=1)
        self._engine = engine
        # A process that ends without closing its database must not wait for this thread.
        self._thread.daemon = True

    async def run(self, work: Callable[[Connection], R]) -> R:
        """Run `work` on the driver's thread, in one transaction."""
        # What is logged there belongs to the request that waits for it.
        context = copy_context()
        return await self._execute(lambda: context.run(self._read, work))

    def _open(self) -> sqlite3.Connection:
        with closing(self._engine.raw_connection()) as pooled:
            connection = pooled.driver_connection
        assert isinstance(connection, sqlite3.Connection)  # noqa: S101 - for the type checker: the engine's dialect is SQLite's
        return connection

    def _read(self, work: Callable[[Connection], R]) -> R:
        with self._engine.connect() as connection:
            try:
                return work(connection)
            except DomainError:
                raise
            except BaseException:
                # The error may keep a half-read statement alive, and with it the state of the database at that statement's
                # start. The next read on this connection would then miss everything written since.
                connection.invalidate()
                raise


class Readers:
    """A few readers of one file. They are opened when they are first needed.

    Args:
        path: the file.
        count: how many reads run at once.
        configure: called with each new connection.
        options: what each connection carries: what the settings say.
    """

    def __init__(
        self,
        path: Path,
        count: int,
        configure: Callable[[DBAPIConnection, object], None],
        options: dict[str, object],
    ) -> None:
        self._engine = create_engine(
            URL.create("sqlite", database=str(path)),
            connect_args={"check_same_thread": False},
            json_deserializer=read_value,
            # One connection for each thread. It closes others when it has more than this.
            poolclass=SingletonThreadPool,
            pool_size=count + 1,
            execution_options=options,
        )
        event.listen(self._engine, "connect", configure)
        event.listen(self._engine, "begin", _begin)
        self._free = asyncio.Semaphore(count)
        self._idle: list[_Reader] = []
        self._under_way: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def read(self, work: Callable[[Connection], R], patience: float) -> R:
        """Run `work` on a reader to its end, even if the caller goes away: an interrupted connection could not be reused.

        Raises:
            sqlalchemy.exc.TimeoutError: no reader was free within `patience` seconds.
            Unavailable: the readers are closed.
        """
        try:
            async with asyncio.timeout(patience):
                await self._free.acquire()
        except TimeoutError:
            raise PoolTimeoutError(f"no reader was free for {patience:g} s") from None
        if self._closed:
            self._free.release()
            raise Unavailable("The database is closed.")
        task = asyncio.create_task(self._run(work))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Refuse new reads, wait for those in progress, and close every connection."""
        self._closed = True
        await asyncio.gather(*self._under_way, return_exceptions=True)
        for reader in self._idle:
            await reader.close()
        self._engine.dispose()

    async def _run(self, work: Callable[[Connection], R]) -> R:
        reader = self._idle.pop() if self._idle else await _Reader(self._engine)
        try:
            return await reader.run(work)
        finally:
            self._idle.append(reader)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        self._free.release()
        with suppress(asyncio.CancelledError):
            task.exception()  # if the caller has gone, nobody else looks at it


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
