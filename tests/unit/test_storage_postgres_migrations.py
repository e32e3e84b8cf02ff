"""Migrations on PostgreSQL: the same migrations have the same result as on SQLite."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from app.cli.doctor import State, examine
from app.settings import Settings
from app.storage.migrate import is_current, migrate
from app.storage.tables import metadata
from app.supervisor.errors import StackError
from app.supervisor.preparing import prepare
from tests.postgresql import PostgresServer
from tests.unit.test_storage_migrations import COMPARING, at_once

EMPTY = "template0"


@pytest.fixture
def empty(postgres_server: PostgresServer) -> str:
    return postgres_server.make_database(template=EMPTY)


async def test_autogenerate_finds_no_difference(postgres_server: PostgresServer) -> None:
    engine = create_async_engine(postgres_server.make_database(), poolclass=NullPool)
    async with engine.connect() as connection:

        def differences(conn: object) -> object:
            return compare_metadata(MigrationContext.configure(conn, opts=COMPARING), metadata)

        assert await connection.run_sync(differences) == []


async def test_what_a_deletion_takes_along(postgres_server: PostgresServer) -> None:
    connection = await asyncpg.connect(postgres_server.make_database().replace("+asyncpg", ""))
    rules = await connection.fetch("SELECT conname, confdeltype FROM pg_constraint WHERE contype = 'f'")
    await connection.close()
    expected = {key.constraint.name for table in metadata.tables.values() for key in table.foreign_keys}
    assert {row["conname"] for row in rules} == expected
    assert {row["confdeltype"] for row in rules} == {b"c"}


def test_empty_database_becomes_a_current_one_and_stays_one(empty: str) -> None:
    assert not is_current(empty)
    migrate(empty)
    assert is_current(empty)
    migrate(empty)
    assert is_current(empty)


def test_several_processes_may_migrate_at_once(empty: str) -> None:
    at_once(empty)
    assert is_current(empty)


def test_database_that_cannot_keep_every_text_is_refused(postgres_server: PostgresServer) -> None:
    postgres_server.execute(
        "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0 LOCALE_PROVIDER libc"
    )
    with pytest.raises(ValueError, match="UTF8"):
        migrate(postgres_server.url("latin"))


async def test_doctor_knows_each_state_and_shows_no_password(postgres_server: PostgresServer, empty: str) -> None:
    async def found(url: str) -> tuple[State, str]:
        settings = Settings(database_url=url.replace("postgres@", "postgres:hidden@"))
        (finding,) = [finding for finding in await examine(settings) if finding.part == "database"]
        assert "hidden" not in finding.found + finding.advice
        return finding.state, finding.found

    assert (await found(empty))[0] == State.BAD
    await asyncio.to_thread(migrate, empty)
    state, text = await found(empty)
    assert state == State.OK
    assert "postgresql+asyncpg://postgres:***@127.0.0.1" in text
    state, text = await found(postgres_server.url("nowhere"))
    assert state == State.BAD
    assert 'database "nowhere" does not exist' in text
    state, text = await found("postgresql+asyncpg://postgres@127.0.0.1:1/signoff")
    assert state == State.BAD
    assert "Connect call failed" in text


def test_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(StackError) as refusal:
        prepare(Settings(database_url="postgresql://me:hidden@127.0.0.1:1/signoff"))
    assert "hidden" not in str(refusal.value)
    assert "me:***@127.0.0.1:1/signoff" in str(refusal.value)
