"""Behavior of PostgreSQL only: concurrent writers, a server that goes away, and notice of changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import IntegrityError

from app.database import postgres
from app.database.database import Database
from app.database.held import must_hold
from app.domain.errors import Invalid, Unavailable
from app.domain.identity import new_id
from app.storage import attempts, events, projects, runs, tasks
from app.storage.attempt_values import AttemptKey, Ending
from app.storage.tables import projects as project_table
from signoff.vocabulary import TaskStatus
from tests.conftest import eventually
from tests.postgresql import PostgresServer
from tests.unit.conftest import decide, new_project, opened, types_of, with_plan
from tests.unit.test_storage_events import append, check_chain

DEADLINE = 30.0


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.make_database()


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with opened(url) as database:
        yield database


@pytest.fixture
async def neighbor(url: str) -> AsyncIterator[Database]:
    """A second process's connection to the same database."""
    async with opened(url) as neighbor:
        yield neighbor


@pytest.fixture
async def other(url: str) -> AsyncIterator[asyncpg.Connection]:
    """The database as any other program sees it."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    yield connection
    await connection.close()


async def waiting_for_a_lock(other: asyncpg.Connection) -> bool:
    return await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0


async def in_the_meantime(
    other: asyncpg.Connection, project_id: str, late: Callable[[], Any], meanwhile: Callable[[], Any]
) -> Any:
    """Let `late` wait for a locked project, and change the project before `late` gets it."""
    holding = other.transaction()
    await holding.start()
    await other.execute("SELECT 1 FROM projects WHERE id = $1 FOR UPDATE", project_id)
    coming = asyncio.create_task(late())
    await eventually(lambda: waiting_for_a_lock(other), what="the late one waits for the project")
    await meanwhile()
    await holding.commit()
    return await asyncio.wait_for(coming, DEADLINE)


def running_task(conn: Connection) -> AttemptKey:
    """The first attempt at a task of a running project."""
    project_id = with_plan(conn, "It")
    decide(conn, project_id, "approve")
    phase = runs.phase_at(conn, project_id, 0)
    assert phase is not None
    assert runs.begin_phase(conn, projects.get(conn, project_id), phase)
    (task,) = tasks.all_of(conn, project_id)
    key = AttemptKey(project_id, projects.get(conn, project_id).run_id, task.id, 1, "first")
    attempts.start(conn, key)
    return key


async def test_an_attempt_that_is_given_up_while_it_ends_is_fenced(
    database: Database, other: asyncpg.Connection
) -> None:
    """What it read before it waited for the project is no longer true."""
    key = await database.transact(running_task)

    async def give_up() -> None:
        await other.execute("UPDATE tasks SET token = 'second' WHERE id = $1", key.task_id)

    tries: list[Connection] = []

    def finish(conn: Connection) -> Any:
        tries.append(conn)
        return attempts.finish(conn, key, Ending(TaskStatus.COMPLETED, {}))

    finished = await in_the_meantime(other, key.project_id, lambda: database.transact(finish), give_up)
    assert not finished
    assert len(tries) == 1, "it waited, instead of running into the other one"
    row = await database.read(lambda conn: tasks.get(conn, key.project_id, key.task_id))
    assert (row.status, row.token) == (TaskStatus.RUNNING, "second")


async def test_a_request_is_decided_on_what_is_true_when_it_gets_the_project(
    database: Database, other: asyncpg.Connection
) -> None:
    project_id = await database.transact(with_plan)

    async def change() -> None:
        await other.execute("UPDATE projects SET status = 'cancelled', stage = 'finished' WHERE id = $1", project_id)

    decision = await in_the_meantime(
        other, project_id, lambda: database.transact(lambda conn: decide(conn, project_id, "approve")), change
    )
    assert decision.error is not None
    assert decision.error.code == "not_pending"


async def test_readers_and_other_projects_do_not_wait(database: Database, other: asyncpg.Connection) -> None:
    held, free = await database.transact(new_project), await database.transact(new_project)
    async with other.transaction():
        await other.execute("SELECT 1 FROM projects WHERE id = $1 FOR UPDATE", held)
        assert await asyncio.wait_for(database.read(lambda conn: types_of(conn, held)), DEADLINE)
        await asyncio.wait_for(database.transact(lambda conn: append(conn, free, 1)), DEADLINE)


async def test_two_that_wait_for_each_other_both_get_through(database: Database) -> None:
    one, two = await database.transact(new_project), await database.transact(new_project)
    began: list[str] = []

    def both(first: str, second: str) -> Callable[[Connection], None]:
        def work(conn: Connection) -> None:
            began.append(first)
            append(conn, first, 1)
            conn.execute(text("SELECT pg_sleep(0.2)"))
            append(conn, second, 2)

        return work

    await asyncio.gather(database.transact(both(one, two)), database.transact(both(two, one)))
    assert len(began) > 2, "they had to collide"
    for project_id in (one, two):
        assert await database.read(lambda conn, i=project_id: len(check_chain(conn, i))) == 3


async def test_who_finds_no_row_and_is_outrun_finds_it_when_run_again(
    database: Database, other: asyncpg.Connection
) -> None:
    """If two writers insert the same row, the later one finds the row of the first, as if they had run one after the other."""
    name = new_id("proj")
    tries: list[str] = []

    async def outrun() -> None:
        await database.transact(lambda conn: new_project(conn, id=name, name="first"))

    def find_or_make(conn: Connection) -> str:
        tries.append(name)
        row = projects.find(conn, name)
        if row is not None:
            return row.name
        conn.execute(text("SELECT pg_advisory_xact_lock(1)"))
        new_project(conn, id=name, name="second")
        return "second"

    async with other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock(1)")
        coming = asyncio.create_task(database.transact(find_or_make))
        await eventually(lambda: waiting_for_a_lock(other), what="the second has looked")
        await outrun()
    assert await asyncio.wait_for(coming, DEADLINE) == "first"
    assert len(tries) == 2


async def test_a_real_mistake_shows_itself(database: Database) -> None:
    project_id = await database.transact(new_project)
    with pytest.raises(IntegrityError):
        await database.transact(lambda conn: new_project(conn, id=project_id))


async def test_whoever_waits_too_long_for_a_project_is_told_to_come_again(
    url: str, other: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgres._SESSION, "lock_timeout", "100ms")
    async with opened(url) as database:
        project_id = await database.transact(new_project)
        async with other.transaction():
            await other.execute("SELECT 1 FROM projects WHERE id = $1 FOR UPDATE", project_id)
            with pytest.raises(Unavailable) as refusal:
                await database.transact(lambda conn: append(conn, project_id, 1))
        assert refusal.value.info.code == "database_busy"
        await database.transact(lambda conn: append(conn, project_id, 1))


async def test_a_lock_that_a_savepoint_gave_back_is_taken_again(database: Database) -> None:
    project_id = await database.transact(new_project)

    def work(conn: Connection) -> bool:
        savepoint = conn.begin_nested()
        projects.get(conn, project_id)
        savepoint.rollback()
        assert must_hold(conn, project_id)
        return True

    assert await database.transact(work)


async def test_a_read_cannot_write_and_sees_one_state(database: Database, other: asyncpg.Connection) -> None:
    project_id = await database.transact(new_project)

    def count(conn: Connection) -> int:
        return conn.execute(text("SELECT count(*) FROM projects")).scalar_one()

    def look_twice(conn: Connection) -> tuple[int, int, str]:
        first = count(conn)
        conn.execute(text("SELECT pg_sleep(0.3)"))
        return first, count(conn), conn.execute(text("SHOW transaction_isolation")).scalar_one()

    looking = asyncio.create_task(database.read(look_twice))

    async def sleeping() -> bool:
        return bool(await other.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))

    await eventually(sleeping, what="the reader is between its two looks")
    await database.transact(new_project)
    assert await looking == (1, 1, "repeatable read")
    with pytest.raises(Unavailable):
        await database.read(lambda conn: conn.execute(insert(project_table).values(id=project_id)))


async def test_what_cannot_be_stored_is_the_callers_error(database: Database) -> None:
    with pytest.raises(Invalid):
        await database.transact(lambda conn: new_project(conn, name="a\0b"))
    assert await database.read(lambda conn: projects.find(conn, "proj_\0")) is None


async def test_server_that_goes_away_is_unavailable_and_back_when_it_is_back(
    url: str, postgres_server: PostgresServer
) -> None:
    async with opened(url) as database:
        project_id = await database.transact(new_project)
        with database.feed.subscribe(project_id) as news:
            assert await news.wait(DEADLINE)
            # Every pooled connection is stale after this, and the next calls must succeed anyway.
            await asyncio.to_thread(postgres_server.restart)
            await asyncio.gather(*(database.read(lambda conn: types_of(conn, project_id)) for _ in range(8)))
            await asyncio.gather(*(database.transact(lambda conn: append(conn, project_id, 1)) for _ in range(8)))
            assert await news.wait(DEADLINE)

            await asyncio.to_thread(postgres_server.stop)
            try:
                for call in (database.read, database.transact):
                    with pytest.raises(Unavailable) as refusal:
                        await call(lambda conn: projects.get(conn, project_id))
                    assert refusal.value.info.code == "database_busy"
                while await news.wait(0):
                    pass
            finally:
                await asyncio.to_thread(postgres_server.start)
            # Nobody who listens can have heard of this commit, so listening again must begin by waking everyone.
            await database.transact(lambda conn: append(conn, project_id, 2))
            assert await news.wait(DEADLINE)
            await heard(database, project_id)
        assert len(await database.read(lambda conn: check_chain(conn, project_id))) == 11


async def heard(database: Database, project_id: str) -> None:
    """The feed is still listening: it hears of one more commit."""
    with database.feed.subscribe(project_id) as news:

        async def told() -> bool:
            await database.transact(lambda conn: append(conn, project_id, 3))
            return await news.wait(0.5)

        assert await told() or await told()


async def test_news_of_transactions_that_commit_out_of_order_are_all_heard(
    database: Database, neighbor: Database, other: asyncpg.Connection
) -> None:
    """The writer that took its number first commits last."""
    early, late = await database.transact(new_project), await database.transact(new_project)
    with neighbor.feed.subscribe(early) as of_early, neighbor.feed.subscribe(late) as of_late:
        assert await of_early.wait(DEADLINE)
        assert await of_late.wait(DEADLINE)
        async with other.transaction():
            await other.execute(
                "INSERT INTO events (project_id, seq, type, at, actor, data, hash) VALUES ($1, 2, 't', '', '', '{}', '')",
                early,
            )
            await database.transact(lambda conn: append(conn, late, 1))
            assert await of_late.wait(DEADLINE)
            assert not await of_early.wait(0)
        assert await of_early.wait(DEADLINE)
    assert [event.seq for event in await neighbor.read(lambda conn: events.after(conn, early, 1))] == [2]
