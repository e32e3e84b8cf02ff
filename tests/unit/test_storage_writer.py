"""SQLite's single writer and its readers, on a real file."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError

from app.database import sqlite as module
from app.database.sqlite import MAX_BATCH, SqliteDatabase
from app.domain.errors import Conflict, Unavailable
from tests.unit.conftest import held_writer, new_project, opened, plain


@pytest.fixture
async def database(file: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(file)
    await database.start()
    yield database
    await database.close()


PRAGMAS = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": module.BUSY_TIMEOUT_MS}


def pragmas(conn: Connection) -> dict[str, Any]:
    return {name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in PRAGMAS}


def count(conn: Connection) -> int:
    return conn.execute(text("SELECT count(*) FROM projects")).scalar_one()


def in_its_own_thread(conn: Connection, work: Callable[[], Any]) -> Any:
    """Run `work` within a statement of `conn`, as a statement that takes long."""
    driver = conn.connection.dbapi_connection
    assert driver is not None
    driver.create_function("in_its_own_thread", 0, work)  # pyright: ignore[reportAttributeAccessIssue]
    return conn.exec_driver_sql("SELECT in_its_own_thread()").scalar_one()


def names(conn: Connection) -> set[str]:
    return set(conn.execute(text("SELECT name FROM projects")).scalars())


async def test_pragmas_hold_on_the_writer_and_on_every_reader(database: SqliteDatabase) -> None:
    assert await database.transact(pragmas) == PRAGMAS
    together = threading.Barrier(module.READERS)

    def of_one_reader(conn: Connection) -> dict[str, Any]:
        in_its_own_thread(conn, lambda: together.wait(10))
        return pragmas(conn)

    found = await asyncio.gather(*(database.read(of_one_reader) for _ in range(module.READERS)))
    assert found == [PRAGMAS] * module.READERS


async def test_write_is_committed_when_its_caller_hears_of_it(database: SqliteDatabase, file: Path) -> None:
    project_id = await database.transact(new_project)
    with plain(file) as other:
        assert other.execute("SELECT id FROM projects").fetchall() == [(project_id,)]


async def test_read_sees_one_state_however_long_it_takes(database: SqliteDatabase, file: Path) -> None:
    await database.transact(new_project)

    def look_twice(conn: Connection) -> tuple[int, int]:
        before = count(conn)
        with plain(file) as other:
            other.execute("PRAGMA foreign_keys=ON")
            other.execute("DELETE FROM projects")
        return before, count(conn)

    assert await database.read(look_twice) == (1, 1)
    assert await database.read(count) == 0


async def test_failing_job_undoes_nothing_of_the_others_in_its_batch(database: SqliteDatabase) -> None:
    commits: list[object] = []
    assert database._writer is not None
    event.listen(database._writer._engine, "commit", commits.append)

    def refused(conn: Connection) -> None:
        new_project(conn, name="refused")
        raise Conflict("No.")

    def broken(conn: Connection) -> None:
        new_project(conn, name="broken")
        raise ZeroDivisionError

    def clashing(conn: Connection) -> None:
        new_project(conn, name="clashing")
        conn.execute(text("INSERT INTO projects SELECT * FROM projects"))

    def good(name: str) -> Any:
        return lambda conn: new_project(conn, name=name)

    async with held_writer(database):
        works = [good("first"), refused, good("second"), broken, clashing, good("third")]
        jobs = [asyncio.create_task(database.transact(work)) for work in works]
        await asyncio.sleep(0)  # why: lets each task submit its job
    results = await asyncio.gather(*jobs, return_exceptions=True)
    kinds = [type(result) for result in results]
    assert kinds == [str, Conflict, str, ZeroDivisionError, IntegrityError, str]
    assert await database.read(names) == {"first", "second", "third"}
    assert len(commits) == 2, "the holding job has one commit, those that waited share another"


async def test_more_jobs_than_a_batch_holds_are_all_done_in_order(database: SqliteDatabase) -> None:
    done: list[int] = []

    def note(number: int) -> Any:
        return lambda _: done.append(number)

    async with held_writer(database):
        jobs = [asyncio.create_task(database.transact(note(number))) for number in range(3 * MAX_BATCH)]
        await asyncio.sleep(0)  # why: lets each task submit its job
    await asyncio.gather(*jobs)
    assert done == list(range(3 * MAX_BATCH))


async def test_job_whose_caller_has_gone_before_it_began_is_not_done(database: SqliteDatabase) -> None:
    async with held_writer(database):
        gone = asyncio.create_task(database.transact(lambda conn: new_project(conn, name="gone")))
        kept = asyncio.create_task(database.transact(lambda conn: new_project(conn, name="kept")))
        await asyncio.sleep(0)  # why: lets each task submit its job
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
    await kept
    assert await database.read(names) == {"kept"}


async def test_locked_database_is_unavailable_and_nothing_is_written(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT_MS", 50)
    async with opened(file) as database:
        with plain(file) as other:
            other.execute("BEGIN IMMEDIATE")
            outcomes = await asyncio.gather(*(database.transact(new_project) for _ in range(3)), return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3
            assert {outcome.info.code for outcome in outcomes if isinstance(outcome, Unavailable)} == {"database_busy"}
            assert await database.read(count) == 0, "readers are not held up"
            other.execute("ROLLBACK")
        await database.transact(new_project)
        assert await database.read(count) == 1


async def test_a_full_disk_is_called_that(database: SqliteDatabase) -> None:
    await database.transact(lambda conn: conn.exec_driver_sql("PRAGMA max_page_count = 1"))
    with pytest.raises(Unavailable, match="The disk of the database is full") as caught:
        await database.transact(lambda conn: [new_project(conn, description="x" * 50_000) for _ in range(50)])
    assert caught.value.info.code == "disk_full"
    assert await database.read(count) == 0
    await database.transact(lambda conn: conn.exec_driver_sql("PRAGMA max_page_count = 1000000"))
    await database.transact(new_project)
    assert await database.read(count) == 1


async def test_writer_waits_for_a_lock_that_is_let_go_in_time(database: SqliteDatabase, file: Path) -> None:
    with plain(file) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(database.transact(new_project))
        done, _ = await asyncio.wait([writing], timeout=0.2)
        assert not done
        other.execute("COMMIT")
        assert await asyncio.wait_for(writing, 10)


async def test_a_read_runs_as_a_whole_on_one_other_thread(database: SqliteDatabase) -> None:
    """The driver alone would switch threads for each statement, which takes several times the processor time."""

    def threads(conn: Connection) -> set[int]:
        # SQLite calls the function on the thread that runs the statement.
        return {threading.get_ident(), *(in_its_own_thread(conn, threading.get_ident) for _ in range(3))}

    (thread,) = await database.read(threads)
    assert thread != threading.get_ident()


async def test_a_reader_whose_caller_has_gone_is_used_again_after_its_read(database: SqliteDatabase) -> None:
    begun, free = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        begun.set()
        free.wait(10)

    gone = asyncio.create_task(database.read(hold))
    await asyncio.to_thread(begun.wait, 10)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await asyncio.wait_for(database.read(count), 10) == 0, "another reader is free"
    assert not free.is_set()
    free.set()


async def test_a_read_that_failed_half_way_holds_no_old_state(database: SqliteDatabase) -> None:
    for name in ("one", "two"):
        await database.transact(lambda conn, name=name: new_project(conn, name=name))

    def broken(conn: Connection) -> None:
        rows = conn.connection.cursor()
        rows.execute("SELECT name FROM projects")
        assert rows.fetchone()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as failure:
        await database.read(broken)
    await database.transact(lambda conn: new_project(conn, name="three"))
    assert await database.read(names) == {"one", "two", "three"}
    assert failure.value.__traceback__, "which keeps the half-read statement"


async def test_close_waits_for_a_read_in_progress(file: Path) -> None:
    begun, free = threading.Event(), threading.Event()

    def hold(conn: Connection) -> int:
        begun.set()
        free.wait(10)
        return count(conn)

    async with opened(file) as database:
        reading = asyncio.create_task(database.read(hold))
        await asyncio.to_thread(begun.wait, 10)
        closing = asyncio.create_task(database.close())
        done, _ = await asyncio.wait([closing], timeout=0.2)
        assert not done
        free.set()
        await closing
        assert await reading == 0


async def test_read_is_unavailable_where_every_reader_is_taken(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READER_SECONDS", 0.05)
    begun, free = threading.Barrier(module.READERS + 1), threading.Event()

    def hold(conn: Connection) -> bool:
        return bool(in_its_own_thread(conn, lambda: begun.wait(10) >= 0 and free.wait(10)))

    async with opened(file) as database:
        taken = [asyncio.create_task(database.read(hold)) for _ in range(module.READERS)]
        await asyncio.to_thread(begun.wait, 10)
        with pytest.raises(Unavailable):
            await database.read(count)
        free.set()
        assert all(await asyncio.gather(*taken))
        assert await database.read(count) == 0


async def test_close_commits_what_is_queued_and_then_refuses(file: Path) -> None:
    async with opened(file) as database:
        async with held_writer(database):
            jobs = [asyncio.create_task(database.transact(new_project)) for _ in range(5)]
            await asyncio.sleep(0)  # why: lets each task submit its job
            closing = asyncio.create_task(database.close())
        await asyncio.gather(*jobs)
        await closing
        with pytest.raises(Unavailable):
            await database.transact(new_project)
        with plain(file) as other:
            assert other.execute("SELECT count(*) FROM projects").fetchone() == (5,)


async def test_nobody_is_left_waiting_by_a_close(file: Path) -> None:
    async with opened(file) as database:
        async with held_writer(database):
            closing = asyncio.create_task(database.close())
            await asyncio.sleep(0)  # why: lets the close begin
            late = asyncio.create_task(database.transact(new_project))
            await asyncio.sleep(0)  # why: lets the late one submit its job
        with pytest.raises(Unavailable):
            await asyncio.wait_for(late, 10)
        await closing
