"""Reads that many want are done once, and nobody gets a result that is older than their question."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import Connection, text

from app.database.database import Database
from app.database.shared_reads import SharedReads
from tests.unit.conftest import new_project


async def test_many_at_once_share_two_reads(database: Database) -> None:
    shared, done = SharedReads(database), list[int]()

    def work(conn: Connection) -> list[str]:
        done.append(1)
        return list(conn.execute(text("SELECT name FROM projects")).scalars())

    await database.transact(lambda conn: new_project(conn, name="one"))
    found = await asyncio.gather(*(shared.read("names", work) for _ in range(200)))
    assert found == [["one"]] * 200
    assert len(done) <= 2
    others = await asyncio.gather(shared.read("names", work), shared.read("other", work))
    assert others == [["one"], ["one"]]


@pytest.mark.usefixtures("sqlite_only")  # the read occupies the thread on which PostgreSQL's transactions run
async def test_nobody_gets_what_was_read_before_they_asked(database: Database) -> None:
    shared, begun, free = SharedReads(database), threading.Event(), threading.Event()

    def names(conn: Connection) -> set[str]:
        return set(conn.execute(text("SELECT name FROM projects")).scalars())

    def slow(conn: Connection) -> set[str]:
        found = names(conn)
        begun.set()
        assert free.wait(30)
        return found

    first = asyncio.create_task(shared.read("names", slow))
    assert await asyncio.to_thread(begun.wait, 30)
    await database.transact(lambda conn: new_project(conn, name="later"))
    second = asyncio.create_task(shared.read("names", names))
    third = asyncio.create_task(shared.read("names", names))
    await asyncio.sleep(0)  # why: lets the tasks begin
    free.set()
    assert await first == set()
    assert await second == await third == {"later"}


async def test_one_who_goes_away_takes_nothing_from_the_others(database: Database) -> None:
    shared, free = SharedReads(database), threading.Event()

    def slow(_: Connection) -> str:
        assert free.wait(30)
        return "done"

    readers = [asyncio.create_task(shared.read("x", slow)) for _ in range(3)]
    await asyncio.sleep(0)  # why: lets the tasks begin
    readers[0].cancel()
    free.set()
    assert await asyncio.gather(*readers[1:]) == ["done", "done"]
    with pytest.raises(asyncio.CancelledError):
        await readers[0]


async def test_an_error_reaches_everyone_and_is_not_kept(database: Database) -> None:
    shared = SharedReads(database)

    def fail(_: Connection) -> str:
        raise ZeroDivisionError

    found = await asyncio.gather(*(shared.read("x", fail) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [ZeroDivisionError] * 3
    assert await shared.read("x", lambda _: "fine") == "fine"
