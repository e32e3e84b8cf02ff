"""The tables of a new SQLite file, without the libraries that migrations need.

A new file needs no migration, and one that is current needs none either. Both are usual when Signoff starts, and loading
SQLAlchemy and Alembic would take longer than the rest of the start. `tools/write_new_sqlite.py` writes the statements.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

STATEMENTS = Path(__file__).with_name("new_sqlite.sql")
# How long to wait for another process that writes.
BUSY_TIMEOUT_MS = 15_000


def known_versions() -> list[str]:
    """The numbers of all migrations, the newest last."""
    return sorted(path.name.partition("_")[0] for path in Path(__file__).parent.glob("migrations/versions/0*.py"))


def make_current(file: Path) -> bool:
    """Create all tables if there are none. Return whether the file has the tables of this version.

    If not, it is for `app.storage.migrate` to migrate it, or to say what is wrong with it.

    Raises:
        OSError: the folder cannot be created.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            prepare(connection)
            with connection:
                # Another process may be doing the same: the second one waits, and finds the tables.
                connection.execute("BEGIN IMMEDIATE")
                if connection.execute("SELECT NOT EXISTS (SELECT 1 FROM sqlite_master)").fetchone()[0]:
                    for statement in split(STATEMENTS.read_text(encoding="utf-8").splitlines(keepends=True)):
                        connection.execute(statement)
                applied = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error:
        return False
    return applied == [(known_versions()[-1],)]


def prepare(connection: sqlite3.Connection) -> None:
    """Let a connection wait for others, and make the file write ahead.

    Raises:
        sqlite3.Error: the file is not a database, or another process keeps it.
    """
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:
            # If another process does the same, SQLite fails at once, regardless of the timeout.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def split(lines: Iterable[str]) -> Iterator[str]:
    """Split a script into its statements. `executescript` would commit before it."""
    statement = ""
    for line in lines:
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
