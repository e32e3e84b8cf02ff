"""PostgreSQL: several writers side by side, each holding the project that it writes to, and readers apart from them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.domain.errors import Invalid
from app.storage.failures import unavailable
from app.storage.locks import HELD
from app.storage.own_loop import OwnLoop
from app.storage.postgres_feed import PostgresFeed

R = TypeVar("R")
logger = logging.getLogger(__name__)

WRITERS = 4
READERS = 4
CONNECT_SECONDS = 5.0
# Longest wait for a connection, for a lock, and for any statement.
WAIT_SECONDS = 15
# A process that was stopped in the middle of a transaction must not hold its project for ever.
IDLE_SECONDS = 60
ATTEMPTS = 8
FIRST_PAUSE = 0.005

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_DATA = "22"  # the class of values that do not fit: too large, too long, not a character
_MISTAKES = {"0A", "21", "23", "42"}  # classes of statements that are wrong, whenever they are tried
_NO_TABLE = "42P01"  # not migrated yet
_AGAIN = {"40001", "40P01"}  # serialization_failure, deadlock_detected
_SESSION = {
    "application_name": "signoff",
    "jit": "off",
    "lock_timeout": f"{WAIT_SECONDS}s",
    "statement_timeout": f"{2 * WAIT_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
}
_READING = {"default_transaction_read_only": "on", "default_transaction_isolation": "repeatable read"}
# Also what comes unwrapped where no connection can be made.
_FAILURES = (DBAPIError, PoolTimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


def make_engine(
    url: URL, session: dict[str, str] | None = None, *, call_seconds: float | None = 3 * WAIT_SECONDS, **options: Any
) -> AsyncEngine:
    """An engine whose every call has an end.

    Args:
        url: of the database.
        session: parameters of the server's for its connections, besides our own.
        call_seconds: longest wait for an answer of the server's; None for no end.
        options: for SQLAlchemy.
    """
    arguments: dict[str, Any] = {
        "timeout": CONNECT_SECONDS,
        "command_timeout": call_seconds,
        "server_settings": {**_SESSION, **(session or {})},
    }
    engine = create_async_engine(url, connect_args=arguments, **options)
    event.listen(engine.sync_engine, "before_cursor_execute", _look_for_no_nul, retval=True)
    return engine


def _look_for_no_nul(
    _connection: Connection, _cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
) -> tuple[str, Any]:
    """PostgreSQL refuses NUL even to compare with. No text that is kept holds one, so looking for it finds nothing."""
    writes = context is not None and (context.isinsert or context.isupdate or context.isdelete)
    if not writes and any("\0" in value for value in parameters if isinstance(value, str)):
        return statement, tuple(
            value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in parameters
        )
    return statement, parameters


def _pool(size: int) -> dict[str, Any]:
    return {"pool_size": size, "max_overflow": 0, "pool_timeout": WAIT_SECONDS}


class PostgresDatabase:
    """One PostgreSQL database; `app.storage.database.Database` says what each call promises.

    Writers run at READ COMMITTED and lock the project before they read what they decide on (`app.storage.locks`); they wait
    for each other instead of failing, as SERIALIZABLE would have them where many tasks of one project end at once.
    """

    def __init__(self, url: URL, options: dict[str, Any] | None = None) -> None:
        self._options = options or {}
        self._writers = make_engine(url, **_pool(WRITERS))
        self._readers = make_engine(url, _READING, **_pool(READERS))
        self.feed = PostgresFeed(url, make_engine)
        self._loop = OwnLoop()
        event.listen(self._writers.sync_engine, "rollback_savepoint", _forget_held)

    async def start(self) -> None:
        """Take transactions; connections are made as they are needed."""
        self._loop.start()

    async def close(self) -> None:
        """Refuse new transactions, wait for those under way, and close every connection."""
        await self.feed.close()
        await self._loop.close(self._end)

    async def _end(self) -> None:
        await self._writers.dispose()
        await self._readers.dispose()

    async def transact(self, work: Callable[[Connection], R]) -> R:
        """Run `work` in a transaction of its own; again, where it lost a race against another."""
        return await self._loop.run(lambda: self._transact(work))

    async def flush(self) -> None:
        """Nothing to do: a commit is on the server's disk."""

    async def read(self, work: Callable[[Connection], R]) -> R:
        """Run `work` on one snapshot."""
        return await self._loop.run(lambda: _repeated(lambda: self._read(work)))

    async def _transact(self, work: Callable[[Connection], R]) -> R:
        return await _repeated(lambda: self._write(work))

    async def _write(self, work: Callable[[Connection], R]) -> R:
        async with self._writers.connect() as connection:
            await connection.execution_options(**{HELD: set[str](), **self._options})
            try:
                result = await connection.run_sync(work)
            except BaseException:
                await connection.rollback()
                raise
            try:
                await connection.commit()
            except _FAILURES as error:
                if not _is_lost_race(error):
                    raise unavailable(error) from error
                raise
            return result

    async def _read(self, work: Callable[[Connection], R]) -> R:
        async with self._readers.connect() as connection:
            return await connection.run_sync(work)


async def _repeated(attempt: Callable[[], Awaitable[R]]) -> R:
    """Carry a transaction out, again where it lost a race or its connection had gone stale, and translate its failure."""
    for number in range(1, ATTEMPTS):
        try:
            return await attempt()
        except IntegrityError:
            # Somebody else wrote the same row first, which the next attempt finds; a real mistake shows itself again.
            if number > 2:
                raise
        except _FAILURES as error:
            if not (_is_lost_race(error) or _is_stale(error)):
                raise _translated(error) from error
            logger.debug("transaction is repeated: %s", error)
        await asyncio.sleep(random.uniform(0.5, 1.5) * FIRST_PAUSE * 2**number)  # noqa: S311 - spreads those who collided
    try:
        return await attempt()
    except IntegrityError:
        raise
    except _FAILURES as error:
        raise _translated(error) from error


def _forget_held(connection: Connection, _name: str, _context: None) -> None:
    """A lock that was taken since the savepoint is gone with it."""
    held: set[str] | None = connection.get_execution_options().get(HELD)
    if held is not None:
        held.clear()


def _sqlstate(error: BaseException) -> str:
    return str(getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None) or "")


def _is_lost_race(error: BaseException) -> bool:
    return _sqlstate(error) in _AGAIN


def _is_stale(error: BaseException) -> bool:
    """A kept connection that the server has closed, or a statement prepared for a schema that was changed since."""
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or "InvalidCachedStatementError" in str(error.orig)


def _translated(error: BaseException) -> BaseException:
    state = _sqlstate(error)
    if state.startswith(_DATA):
        logger.warning("a value does not fit the database: %s", error)
        return Invalid("A value is too long or too large, or holds a character that cannot be stored, such as NUL.")
    if state[:2] in _MISTAKES and state != _NO_TABLE:
        return error
    return unavailable(error)
