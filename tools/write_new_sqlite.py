"""Writes the statements that create all tables of a new SQLite file, as the migrations create them.

python -m tools.write_new_sqlite    write app/storage/new_sqlite.sql; run this after you add a migration
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from app.storage.migrate import apply_migrations
from app.storage.new_sqlite import STATEMENTS

_NOTICE = (
    "-- Generated from the migrations by tools/write_new_sqlite.py. Add a migration instead of editing this file.\n"
)
# What SQLite makes itself: its own tables and indexes, and the tables behind the index of searches.
_OF_SQLITE = ("sqlite_", "project_terms_")


def statements_of_migrations() -> str:
    """Return the statements for what a file has after all migrations."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "migrated.db"
        apply_migrations(f"sqlite+aiosqlite:///{file}")
        return statements_of(file)


def statements_of(file: Path) -> str:
    """Return the statements for the tables, indexes, triggers and rows of a file."""
    with closing(sqlite3.connect(file)) as connection:
        return _NOTICE + "".join(f"{statement};\n" for statement in [*_definitions(connection), *_rows(connection)])


def _definitions(connection: sqlite3.Connection) -> list[str]:
    # Tables before their indexes, and these before triggers. Migrations create some in any order.
    made = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY type = 'trigger', type = 'index', name")
    return [_ordered(sql) for name, sql in made.fetchall() if not name.startswith(_OF_SQLITE)]


def _ordered(sql: str) -> str:
    """Sort the constraints of a table, which Alembic writes in any order, and let no line end with spaces."""
    lines = [line.rstrip() for line in sql.splitlines()]
    constraints = [number for number, line in enumerate(lines) if line.startswith("\tCONSTRAINT")]
    for number, line in zip(constraints, sorted(lines[number].rstrip(",") for number in constraints), strict=True):
        lines[number] = line if number == constraints[-1] else f"{line},"
    return "\n".join(lines)


def _rows(connection: sqlite3.Connection) -> list[str]:
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%' ORDER BY name"
    )
    statements: list[str] = []
    for (table,) in tables.fetchall():
        if table.startswith(_OF_SQLITE):
            continue
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        values = " || ', ' || ".join(f"quote({column})" for column in columns)
        rows = connection.execute(f"SELECT {values} FROM {table}").fetchall()  # noqa: S608 - names of our own
        statements += [f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({row})" for (row,) in rows]  # noqa: S608
    return statements


if __name__ == "__main__":
    STATEMENTS.write_text(statements_of_migrations(), encoding="utf-8")
