"""SQLite: one writer thread, and a few readers beside it.

All writes of the process go through one thread. Writes that wait together share a commit, each in its own savepoint. Measured
with three writing processes, this gives 2,270 transactions a second. With one async transaction each, it was 430, because
such a transaction holds the write lock across one thread hop per statement.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.database.failures import unavailable
from app.database.json_values import read_value
from app.database.prepared import run_text
from app.database.sqlite_feed import SqliteFeed, observer
from app.database.sqlite_reader import Readers
from app.domain.errors import Unavailable

R = TypeVar("R")

# SQLite does not queue waiters fairly: a process can starve for seconds behind others that write without a pause.
BUSY_TIMEOUT_MS = 15_000
PAUSE_BETWEEN_BATCHES = 0.0005
MAX_BATCH = 64
READERS = 2
# Bytes that must be free on the disk. A commit of one large request needs about this much.
MIN_ROOM = 1024 * 1024
# The longest wait for a free reader.
READER_SECONDS = 30.0


def configure(connection: DBAPIConnection, _record: object) -> None:
    """Configure a new SQLite connection. Transactions are begun explicitly, so the driver must not begin any."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    # SQLite's own lower() knows only ASCII, but mail addresses may have other letters.
    connection.create_function("lower", 1, _lower)


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def begin_write(connection: Connection) -> None:
    """Take the write lock at the start, so that what is read is still true when the result is written."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _failure_of(error: BaseException) -> BaseException:
    return unavailable(error) if isinstance(error, DBAPIError | sqlite3.Error) else error


class _Job:
    """One transaction that a caller waits for on its event loop."""

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None
        # What is logged on the writer's thread belongs to the request that waits for it.
        self.context = copy_context()

    def settle(self) -> None:
        """Give the caller the outcome, if there is still one. On the event loop."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def _settle(batch: Iterable[_Job]) -> None:
    """Give all callers their outcome. Each event loop is woken once."""
    loops: defaultdict[asyncio.AbstractEventLoop, list[_Job]] = defaultdict(list)
    for job in batch:
        loops[job.loop].append(job)
    for loop, jobs in loops.items():
        # A loop that has ended has no callers.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle_here, jobs)


def _settle_here(jobs: Iterable[_Job]) -> None:
    for job in jobs:
        job.settle()


class _Writer(threading.Thread):
    """The thread that all writes of the process go through."""

    def __init__(self, path: Path, committed: Callable[[], None], options: dict[str, object]) -> None:
        super().__init__(name="database-writer", daemon=True)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._committed = committed
        self._engine = create_engine(
            URL.create("sqlite", database=str(path)),
            connect_args={"check_same_thread": False},
            json_deserializer=read_value,
            execution_options=options,
        )
        event.listen(self._engine, "connect", configure)
        event.listen(self._engine, "begin", begin_write)
        # Taking a connection from the pool for each commit costs as much as four statements.
        self._connection: Connection | None = None

    def submit(self, job: _Job | None) -> None:
        self._jobs.put(job)

    def run(self) -> None:
        while (job := self._jobs.get()) is not None:
            batch = [job]
            stop = False
            while len(batch) < MAX_BATCH:
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    stop = True
                    break
                batch.append(following)
            wanted = [job for job in batch if not job.future.cancelled()]
            if wanted:
                self._commit(wanted)
            if stop:
                break
            if not self._jobs.empty():
                time.sleep(PAUSE_BETWEEN_BATCHES)
        self._give_up_connection()
        self._engine.dispose()

    def _give_up_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _commit(self, batch: list[_Job]) -> None:
        try:
            connection = self._connection = self._connection or self._engine.connect()
            with connection.begin():
                if len(batch) == 1:
                    self._run_alone(connection, batch[0])
                for job in batch if len(batch) > 1 else ():
                    self._run_one(connection, job)
        except BaseException as error:  # noqa: BLE001 - every caller must learn of any failure
            self._give_up_connection()
            for job in batch:
                job.error = job.context.run(_failure_of, error)
            _settle(batch)
            return
        _settle(batch)
        self._committed()

    @staticmethod
    def _run_alone(connection: Connection, job: _Job) -> None:
        """Run `job` as the only one of its commit. It needs no savepoint."""
        try:
            job.result = job.context.run(job.work, connection)
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - handed to the caller
            job.error = error
            connection.rollback()

    @staticmethod
    def _run_one(connection: Connection, job: _Job) -> None:
        """Run `job` in a savepoint, so that its failure does not undo other jobs."""
        # SQLAlchemy's own savepoints take four times as long.
        run_text(connection, "SAVEPOINT job")
        try:
            job.result = job.context.run(job.work, connection)
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - handed to the caller
            job.error = error
            run_text(connection, "ROLLBACK TO job")
        run_text(connection, "RELEASE job")


class SqliteDatabase:
    """One SQLite file. `app.database.database.Database` says what each call promises."""

    def __init__(self, path: Path, options: dict[str, object] | None = None) -> None:
        self._path = path
        self._options = options or {}
        self.feed = SqliteFeed(path)
        self._writer: _Writer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._readers = Readers(path, READERS, configure, self._options)
        self._observer: sqlite3.Connection | None = None

    async def start(self) -> None:
        """Start the threads."""
        self._loop = asyncio.get_running_loop()
        self._writer = _Writer(self._path, self._announce, self._options)
        self._writer.start()

    async def close(self) -> None:
        """Commit what is queued and close every connection."""
        # Unset it first: a job that is submitted after the end would never be done.
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.submit(None)
            await asyncio.to_thread(writer.join)
        await self.feed.close()
        if self._observer is not None:
            self._observer.close()
            self._observer = None
        await self._readers.close()

    async def transact(self, work: Callable[[Connection], R]) -> R:
        """Run `work` on the writer thread, in its own savepoint of a commit that other writes may share."""
        if self._writer is None:
            raise Unavailable("The database is closed.")
        job = _Job(work)
        self._writer.submit(job)
        return await job.future

    async def flush(self) -> None:
        """Write earlier commits to the disk. A commit alone leaves that to the system, for speed."""
        await asyncio.to_thread(self._flush)

    def _flush(self) -> None:
        with suppress(FileNotFoundError):
            descriptor = os.open(f"{self._path}-wal", os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    async def read(self, work: Callable[[Connection], R]) -> R:
        """Run `work` on a reader, off the caller's event loop."""
        try:
            return await self._readers.read(work, READER_SECONDS)
        except (DBAPIError, PoolTimeoutError) as error:
            raise unavailable(error) from error

    def state(self) -> int | None:
        """The number of the file's last change, as a connection that never writes sees it. It is read from shared memory."""
        if self._writer is None:
            return None
        try:
            if self._observer is None:
                self._observer = observer(self._path, patience=0)
            return self._observer.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.OperationalError:
            # There is no file yet, or another process repairs it after a crash.
            return None

    def has_room(self) -> bool:
        """Whether the disk has room for a commit."""
        try:
            disk = os.statvfs(self._path.parent)
        except OSError:
            # Reads and writes will say what is wrong with it.
            return True
        return disk.f_bavail * disk.f_frsize >= MIN_ROOM

    def _announce(self) -> None:
        """Notify waiters in this process of a commit at once, from the writer's thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self.feed.poke)
