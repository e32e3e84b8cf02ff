"""The change feed on a real database: which waiters are woken, and that nothing is missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection

from app.database import sqlite_feed
from app.database.database import Database
from app.database.feed import Subscription
from app.storage import events, projects
from tests.conftest import eventually
from tests.unit.conftest import decide, new_project, opened
from tests.unit.test_storage_events import append, other_process

# Far longer than the feed's 20 ms poll: if nothing arrives in this time, it was missed.
DEADLINE = 10.0


@pytest.fixture
async def neighbor(database_url: str) -> AsyncIterator[Database]:
    """A second connection to the same database, whose commits are not announced to `database`."""
    async with opened(database_url) as other:
        yield other


async def settled(*subscriptions: Subscription) -> None:
    """Consume the initial wake-up of every watcher."""
    for subscription in subscriptions:
        assert await subscription.wait(DEADLINE)


async def test_own_commit_wakes_the_waiter_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    # The watcher does not poll during the test, so that only the writer's own notice can wake anyone.
    monkeypatch.setattr(sqlite_feed, "POLL_SECONDS", 10 * DEADLINE)
    project_id = await database.transact(new_project)
    with database.feed.subscribe(project_id) as subscription:
        await settled(subscription)
        await database.transact(lambda conn: append(conn, project_id, 1))
        assert await subscription.wait(DEADLINE)
        assert not await subscription.wait(0), "one commit, one word"


async def test_commit_of_another_process_wakes_the_waiter(database: Database, database_url: str) -> None:
    project_id = await database.transact(new_project)
    with database.feed.subscribe(project_id) as subscription:
        await settled(subscription)
        process = other_process(database_url, project_id, 1)
        assert await subscription.wait(30)
        assert len(await database.read(lambda conn: events.after(conn, project_id, 1))) == 1
        assert await asyncio.to_thread(process.wait, 30) == 0


@pytest.mark.usefixtures("sqlite_only")
async def test_a_write_of_another_process_is_noticed_without_a_poll(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_feed, "QUIET_SECONDS", 10 * DEADLINE)
    project_id = await database.transact(new_project)
    with database.feed.subscribe(project_id) as subscription:
        await settled(subscription)
        quiet_after = 3 * sqlite_feed.LOOKS_AGAIN * sqlite_feed.POLL_SECONDS
        await asyncio.sleep(quiet_after)  # why: until then, the feed polls quickly because of the last change
        process = other_process(database_url, project_id, 1)
        assert await subscription.wait(30)
        assert await asyncio.to_thread(process.wait, 30) == 0


@pytest.mark.parametrize("own", [True, False])
async def test_only_the_project_that_has_news_is_woken(database: Database, neighbor: Database, own: bool) -> None:
    mine, other = await database.transact(new_project), await database.transact(new_project)
    subscribe, writer = database.feed.subscribe, database if own else neighbor
    with subscribe(mine) as for_mine, subscribe(other) as for_other, subscribe() as for_all:
        await settled(for_mine, for_other, for_all)
        await writer.transact(lambda conn: append(conn, other, 1))
        assert await for_other.wait(DEADLINE)
        assert await for_all.wait(DEADLINE)
        assert not await for_mine.wait(0)


CHANGES: dict[str, Callable[[Connection, str], object]] = {
    "refused decision without an event": lambda conn, project_id: decide(conn, project_id, "approve"),
    "deletion": lambda conn, project_id: projects.erase(conn, project_id, actor="ann"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_decisions_and_deletions_are_news_too(
    database: Database, neighbor: Database, change: Callable[[Connection, str], object]
) -> None:
    project_id = await database.transact(new_project)
    with database.feed.subscribe(project_id) as subscription:
        await settled(subscription)
        await neighbor.transact(lambda conn: change(conn, project_id))
        assert await subscription.wait(DEADLINE)


async def test_undone_transaction_is_no_news(database: Database) -> None:
    project_id = await database.transact(new_project)

    def fail(conn: Connection) -> None:
        append(conn, project_id, 1)
        raise ZeroDivisionError

    with database.feed.subscribe(project_id) as subscription:
        await settled(subscription)
        with pytest.raises(ZeroDivisionError):
            await database.transact(fail)
        await database.transact(new_project)
        assert not await subscription.wait(0.1)


async def test_subscribe_then_read_then_wait_misses_nothing(database: Database, neighbor: Database) -> None:
    """Readers come at any moment, often as the only one, while two writers commit. Each sees every event in time."""
    total = 150
    project_id = await database.transact(new_project)

    async def read_all(start_at: int) -> list[int]:
        seen: list[int] = []
        while len(seen) < total:
            with database.feed.subscribe(project_id) as subscription:
                for _ in range(start_at):
                    last = seen[-1] if seen else 1
                    fresh = await database.read(lambda conn, last=last: events.after(conn, project_id, last))
                    seen.extend(event.seq for event in fresh)
                    if len(seen) >= total:
                        break
                    assert await subscription.wait(DEADLINE), f"nothing after {len(seen)} of {total}"
        return seen

    async def write(writer: Database, numbers: range) -> None:
        for number in numbers:
            await writer.transact(lambda conn, number=number: append(conn, project_id, number))

    readers = [asyncio.create_task(read_all(rounds)) for rounds in (1, 2, 7, 1_000)]
    await asyncio.gather(write(database, range(total // 2)), write(neighbor, range(total // 2)))
    for seen in await asyncio.gather(*readers):
        assert seen == list(range(2, total + 2))


@pytest.mark.usefixtures("sqlite_only")
async def test_database_is_watched_only_while_somebody_waits(database: Database) -> None:
    watched = database.feed
    assert watched._watcher is None

    async def stopped() -> bool:
        return watched._watcher is not None and watched._watcher.done()

    for _ in range(2):
        with watched.subscribe("a") as one:
            await settled(one)
            with watched.subscribe("b"):
                watching = watched._watcher
            assert watching is not None
            assert watching is watched._watcher
            assert not watching.done()
        await eventually(stopped, what="the watcher has stopped")
        assert watching.exception() is None
        assert not watched._subscriptions


async def test_waiter_is_told_when_nothing_came(database: Database) -> None:
    with database.feed.subscribe("proj_none") as subscription:
        await settled(subscription)
        assert not await subscription.wait(0.01)


async def test_close_ends_the_watching_of_those_still_subscribed(database_url: str) -> None:
    async with opened(database_url) as database:
        with database.feed.subscribe("a") as subscription:
            await settled(subscription)
            await database.close()
            assert database.feed._watcher is not None
            assert database.feed._watcher.done()


async def test_folder_may_have_any_name(file: Path) -> None:
    folder = file.parent / "50% of #1 %41 'ü'"
    folder.mkdir()
    async with opened(file.rename(folder / file.name)) as database:
        project_id = await database.transact(new_project)
        with database.feed.subscribe(project_id) as subscription:
            await settled(subscription)
            await database.transact(lambda conn: append(conn, project_id, 1))
            assert await subscription.wait(DEADLINE)


@pytest.mark.parametrize("steps", range(6))
async def test_watching_ends_even_where_news_comes_at_that_moment(file: Path, steps: int) -> None:
    async with opened(file) as database:
        with database.feed.subscribe() as subscription:
            await settled(subscription)
            await database.transact(new_project)
            for _ in range(steps):
                await asyncio.sleep(0)  # why: the stop is to fall between the steps in which the news arrives
            closing = asyncio.create_task(database.feed.close())
            ended, _ = await asyncio.wait({closing}, timeout=DEADLINE)
            closing.cancel()
            assert ended
