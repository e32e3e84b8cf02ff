"""What every kind of database guarantees."""

from __future__ import annotations

import asyncio
import threading
from typing import Literal

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from app.database.database import Database
from app.database.url import parse_url, shown_url, sqlite_path
from app.domain.errors import Conflict
from tests.unit.conftest import new_project


async def test_domain_errors_of_a_read_come_through(database: Database) -> None:
    with pytest.raises(Conflict, match=r"No\."):
        await database.read(_refuse)


def _refuse(_: Connection) -> None:
    raise Conflict("No.")


@pytest.mark.parametrize("call", ["read", "transact"])
async def test_the_event_loop_is_free_while_a_transaction_computes(
    database: Database, call: Literal["read", "transact"]
) -> None:
    begun, told = threading.Event(), threading.Event()

    def compute(_: Connection) -> bool:
        begun.set()
        return told.wait(10)

    running = asyncio.create_task(getattr(database, call)(compute))
    while not begun.is_set():
        await asyncio.sleep(0)  # why: the loop has to run for the transaction to begin
    told.set()
    assert await running


async def test_a_transaction_that_fails_alone_leaves_nothing(database: Database) -> None:
    def fail(conn: Connection) -> None:
        new_project(conn, name="never")
        raise Conflict("no")

    with pytest.raises(Conflict):
        await database.transact(fail)
    await database.transact(lambda conn: new_project(conn, name="kept"))
    names = await database.read(lambda conn: list(conn.execute(text("SELECT name FROM projects")).scalars()))
    assert names == ["kept"]


async def test_foreign_keys_are_enforced(database: Database) -> None:
    sql = "INSERT INTO events (project_id, seq, type, at, actor, data, hash) VALUES ('x', 1, 't', '', '', '{}', '')"
    with pytest.raises(IntegrityError):
        await database.transact(lambda conn: conn.execute(text(sql)))


URLS = {
    "sqlite:////data/signoff.db": "sqlite+aiosqlite:////data/signoff.db",
    "sqlite+aiosqlite:///50%25.db": "sqlite+aiosqlite:///50%25.db",
    "postgresql+asyncpg://me:it@host/db": "postgresql+asyncpg://me:it@host/db",
    "postgresql://host:5433/db?sslmode=require": "postgresql+asyncpg://host:5433/db?ssl=require",
    "postgres://host/db": "postgresql+asyncpg://host/db",
    "postgresql+asyncpg:///db?host=/run/postgresql": "postgresql+asyncpg:///db?host=%2Frun%2Fpostgresql",
}


@pytest.mark.parametrize("url", URLS)
def test_addresses_are_taken_as_people_write_them(url: str) -> None:
    assert parse_url(url).render_as_string(hide_password=False) in {URLS[url], url}
    assert parse_url(url).drivername in {"sqlite+aiosqlite", "postgresql+asyncpg"}
    assert (sqlite_path(url) is None) == url.startswith("postgres")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://host/db",
        "postgresql+psycopg://host/db",
        "postgresql://host",
        "sqlite://",
        "sqlite+aiosqlite:///:memory:",
        "postgresql://host:port/db",
    ],
)
def test_other_addresses_are_refused_with_what_is_expected(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite\+aiosqlite:///<file> or postgresql\+asyncpg://"):
        Database(url)
    assert shown_url(url) == "an invalid database address"


def test_a_shown_address_hides_the_password() -> None:
    assert shown_url("postgresql://me:hidden@host/db") == "postgresql+asyncpg://me:***@host/db"
