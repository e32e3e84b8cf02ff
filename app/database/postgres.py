"""PostgreSQL: several concurrent writers and separate readers. Each writer locks the project that it writes to."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypedDict, TypeVar

import asyncpg
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.database.failures import unavailable
from app.database.held import HELD
from app.database.json_values import read_value
from app.database.own_loop import OwnLoop
from app.database.postgres_feed import PostgresFeed
from app.domain.errors import Invalid

R = TypeVar("R")
logger = logging.getLogger(__name__)

WRITERS = 4
READERS = 4
CONNECT_SECONDS = 5.0
# The longest wait for a connection or a lock. A statement may take twice as long.
WAIT_SECONDS = 15
# A process that was stopped during a transaction must not hold its project forever.
IDLE_SECONDS = 60
ATTEMPTS = 8
FIRST_PAUSE = 0.005

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_DATA = "22"  # the class for values that do not fit: too large, too long, not a valid character
_MISTAKES = {"0A", "21", "23", "42"}  # classes for statements that fail on every attempt
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
# Includes the errors that arrive unwrapped if no connection can be made.
_FAILURES = (DBAPIError, PoolTimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


def make_engine(
    url: URL, session: dict[str, str] | None = None, *, call_seconds: float | None = 3 * WAIT_SECONDS, **options: Any
) -> AsyncEngine:
    """Create an engine with a time limit for every call.

    Args:
        url: the database's address.
        session: server parameters for its connections, in addition to the defaults here.
        call_seconds: the longest wait for an answer from the server; None for no limit.
        options: passed on to SQLAlchemy.
    """
    arguments: dict[str, object] = {
        "timeout": CONNECT_SECONDS,
        "command_timeout": call_seconds,
        "server_settings": {**_SESSION, **(session or {})},
    }
    engine = create_async_engine(url, connect_args=arguments, json_deserializer=read_value, **options)
    event.listen(engine.sync_engine, "before_cursor_execute", _look_for_no_nul, retval=True)
    return engine


def _look_for_no_nul(
    _connection: Connection, _cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
) -> tuple[str, Any]:
    """Replace NUL in searches: PostgreSQL refuses even to compare with it. No stored text contains NUL, so none matches."""
    writes = context is not None and (context.isinsert or context.isupdate or context.isdelete)
    if not writes and any("\0" in value for value in parameters if isinstance(value, str)):
        return statement, tuple(
            value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in parameters
        )
    return statement, parameters


class _Pool(TypedDict):
    pool_size: int
    max_overflow: int
    pool_timeout: float


def _pool(size: int) -> _Pool:
    return {"pool_size": size, "max_overflow": 0, "pool_timeout": WAIT_SECONDS}


class PostgresDatabase:
    """One PostgreSQL database. `app.database.database.Database` says what each call promises.

    Writers run at READ COMMITTED and lock the project before they read what they decide on (`app.storage.locks`). They wait for
    each other. Under SERIALIZABLE they would fail whenever many tasks of one project end at once.
    """

    def __init__(self, url: URL, options: dict[str, object] | None = None) -> None:
        self._options = options or {}
        self._writers = make_engine(url, **_pool(WRITERS))
        self._readers = make_engine(url, _READING, **_pool(READERS))
        self.feed = PostgresFeed(url, make_engine)
        self._loop = OwnLoop()
        event.listen(self._writers.sync_engine, "rollback_savepoint", _forget_held)

    async def start(self) -> None:
        """Accept transactions. Connections are made when they are needed."""
        self._loop.start()

    async def close(self) -> None:
        """Refuse new transactions, wait for those in progress, and close every connection."""
        await self.feed.close()
        await self._loop.close(self._end)

    async def _end(self) -> None:
        await self._writers.dispose()
        await self._readers.dispose()

    async def transact(self, work: Callable[[Connection], R]) -> R:
        """Run `work` in its own transaction. Repeat it if it lost a race against another."""
        return await self._loop.run(lambda: self._transact(work))

    async def flush(self) -> None:
        """Do nothing: a commit is already on the server's disk."""

    def state(self) -> int | None:
        """None: to ask the server would take as long as a statement."""
        return None

    def has_room(self) -> bool:
        """True: the server is on a disk that this process does not see."""
        return True

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
            await connection.execution_options(**self._options)
            return await connection.run_sync(work)


async def _repeated(attempt: Callable[[], Awaitable[R]]) -> R:
    """Run a transaction, repeat it if it lost a race or its connection was stale, and translate its failure."""
    for number in range(1, ATTEMPTS):
        try:
            return await attempt()
        except IntegrityError:
            # Another writer inserted the same row first, and the next attempt finds it. A real mistake fails again.
            if number > 2:
                raise
        except _FAILURES as error:
            if not (_is_lost_race(error) or _is_stale(error)):
                raise _translated(error) from error
            logger.debug("the transaction is repeated: %s", error)
        await asyncio.sleep(random.uniform(0.5, 1.5) * FIRST_PAUSE * 2**number)  # noqa: S311 - spreads those who collided
    try:
        return await attempt()
    except IntegrityError:
        raise
    except _FAILURES as error:
        raise _translated(error) from error


def _forget_held(connection: Connection, _name: str, _context: None) -> None:
    """Forget the locks held: a rollback to a savepoint releases the locks taken since."""
    held: set[str] | None = connection.get_execution_options().get(HELD)
    if held is not None:
        held.clear()


def _sqlstate(error: BaseException) -> str:
    return str(getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None) or "")


def _is_lost_race(error: BaseException) -> bool:
    return _sqlstate(error) in _AGAIN


def _is_stale(error: BaseException) -> bool:
    """Whether the server has closed a pooled connection, or the schema has changed since a statement was prepared."""
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or "InvalidCachedStatementError" in str(error.orig)


def _translated(error: BaseException) -> BaseException:
    state = _sqlstate(error)
    if state.startswith(_DATA):
        logger.warning("the database cannot store a value: %s", error)
        return Invalid("A value is too long or too large, or contains a character that cannot be stored, such as NUL.")
    if state[:2] in _MISTAKES and state != _NO_TABLE:
        return error
    return unavailable(error)
