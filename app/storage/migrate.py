"""Migrates a database to the current schema, or reports whether it is current."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, NullPool, create_engine, event, func, select
from sqlalchemy.engine.interfaces import DBAPIConnection

from app.database.sqlite import begin_write
from app.database.url import parse_url, sqlite_path
from app.storage import new_sqlite

if TYPE_CHECKING:
    import sqlite3

R = TypeVar("R")
# An arbitrary number: a process that migrates holds the lock with this number.
_LOCK = 0x5160FF
# A migration may take as long as it needs.
_SESSION = {"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0"}


def migrate(database_url: str) -> None:
    """Apply every missing migration. Creates an SQLite file that does not exist, with all tables at once.

    Raises:
        ValueError: the database cannot store what Signoff writes.
        OSError, SQLAlchemyError: the database cannot be reached.
    """
    path = sqlite_path(database_url)
    if path is None or not new_sqlite.make_current(path):
        apply_migrations(database_url)


def apply_migrations(database_url: str) -> None:
    """Apply every missing migration, one after another. Raises what `migrate` raises."""
    _in_transaction(database_url, _upgrade)


def is_current(database_url: str) -> bool:
    """Whether every migration is applied.

    Raises:
        OSError, SQLAlchemyError: the database cannot be reached.
    """
    path = sqlite_path(database_url)
    if path is not None and not path.exists():
        return False
    applied = _in_transaction(
        database_url, lambda connection: MigrationContext.configure(connection).get_current_revision(), writes=False
    )
    return applied == ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    return config


def _upgrade(connection: Connection) -> None:
    """Migrate. If two processes do so at once, the second one waits and finds nothing to do."""
    if connection.dialect.name == "postgresql":
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise ValueError(
                f"The database's encoding is {encoding}. Signoff needs a database created with ENCODING 'UTF8'."
            )
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _in_transaction(url: str, work: Callable[[Connection], R], *, writes: bool = True) -> R:
    path = sqlite_path(url)
    if path is None:
        # In a separate thread, because the caller may have a running event loop.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, _on_postgres(parse_url(url), work)).result()
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    if writes:
        event.listen(engine, "connect", _prepare_file)
        event.listen(engine, "begin", begin_write)
    with engine.begin() as connection:
        return work(connection)


async def _on_postgres(url: URL, work: Callable[[Connection], R]) -> R:
    from app.database.postgres import make_engine  # noqa: PLC0415 - SQLite does not need the many modules that this loads

    engine = make_engine(url, _SESSION, call_seconds=None, poolclass=NullPool)
    async with engine.begin() as connection:
        return await connection.run_sync(work)


def _prepare_file(connection: DBAPIConnection, _record: object) -> None:
    connection.isolation_level = None
    new_sqlite.prepare(cast("sqlite3.Connection", connection))
