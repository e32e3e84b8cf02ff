"""Migrations create exactly the schema that the code expects."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, create_engine
from sqlalchemy.exc import DatabaseError

from app.settings import Settings
from app.storage.migrate import apply_migrations, is_current, migrate
from app.storage.new_sqlite import STATEMENTS
from app.storage.tables import metadata
from tests.unit.conftest import ROOT, plain
from tools.write_new_sqlite import statements_of, statements_of_migrations

MIGRATE_AT_A_WORD = """
import sys
from app.storage.migrate import migrate
print("ready", flush=True)
sys.stdin.read()
migrate(sys.argv[1])
"""
Rows = list[tuple[Any, ...]]
# The index of searches, in a form that only the migration can make.
OF_ONE_DATABASE = "project_terms"
NEWEST = len(list((ROOT / "app" / "storage" / "migrations" / "versions").glob("[0-9]*.py")))


def url(file: Path) -> str:
    return URL.create("sqlite+aiosqlite", database=str(file)).render_as_string()


def is_of_metadata(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or not (name or "").startswith(OF_ONE_DATABASE)


COMPARING: dict[str, Any] = {"compare_type": True, "compare_server_default": True, "include_name": is_of_metadata}


def described(connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """Return columns, keys, indexes and foreign keys of every table, regardless of the order of columns."""
    names = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    result: dict[str, dict[str, Any]] = {}
    for table, sql in names.fetchall():
        if table == "alembic_version" or table.startswith(OF_ONE_DATABASE):
            continue
        indexes: Rows = connection.execute(f"PRAGMA index_list({table})").fetchall()
        result[table] = {
            "columns": sorted(row[1:] for row in connection.execute(f"PRAGMA table_xinfo({table})")),
            "foreign keys": sorted(row[2:] for row in connection.execute(f"PRAGMA foreign_key_list({table})")),
            "indexes": sorted(
                (unique, origin, [row[2] for row in connection.execute(f"PRAGMA index_info({name})")])
                for _, name, unique, origin, _ in indexes
            ),
            "autoincrement": "AUTOINCREMENT" in sql,
        }
    return result


def test_autogenerate_finds_no_difference(file: Path) -> None:
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=COMPARING)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_migrated_tables_are_those_that_the_metadata_would_make(file: Path, tmp_path: Path) -> None:
    """This includes what autogenerate does not check: cascading deletes, and numbers that are never reused."""
    engine = create_engine(f"sqlite:///{tmp_path / 'made.db'}")
    metadata.create_all(engine)
    engine.dispose()
    with plain(file) as migrated, plain(tmp_path / "made.db") as made:
        tables = described(migrated)
        assert tables == described(made)
    assert set(tables) == set(metadata.tables)
    for table in ("events", "decisions", "tombstones"):
        assert tables[table]["autoincrement"], table


def test_empty_folder_becomes_a_current_database_and_stays_one(tmp_path: Path) -> None:
    file = tmp_path / "new" / "deep" / "signoff.db"
    assert not is_current(url(file))
    assert not file.exists(), "looking makes nothing"
    migrate(url(file))
    assert is_current(url(file))
    with plain(file) as connection:
        before = described(connection)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    migrate(url(file))
    assert is_current(url(file))
    with plain(file) as connection:
        assert described(connection) == before


def test_a_new_file_has_what_the_migrations_make(tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    migrate(url(new))
    expected = STATEMENTS.read_text(encoding="utf-8")
    assert statements_of_migrations() == expected, "run: python -m tools.write_new_sqlite"
    assert statements_of(new) == expected


def test_a_file_that_was_migrated_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "migrated.db"
    apply_migrations(url(file))
    migrate(url(file))
    assert is_current(url(file))
    assert statements_of(file) == STATEMENTS.read_text(encoding="utf-8")


def test_what_is_not_a_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "signoff.db"
    file.write_text("notes of a person, and no database at all" * 100)
    with pytest.raises(DatabaseError, match="not a database"):
        migrate(url(file))
    assert file.read_text().startswith("notes of a person")


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM alembic_version", "UPDATE alembic_version SET version_num = '0000'", "DROP TABLE alembic_version"],
)
def test_database_of_another_version_is_not_current(file: Path, change: str) -> None:
    assert is_current(url(file))
    with plain(file) as connection:
        connection.execute(change)
    assert not is_current(url(file))


TOMBSTONE = "INSERT INTO tombstones (position, project_id, deleted_at, deleted_by, event, head)"


def test_migrating_keeps_what_is_there(file: Path) -> None:
    with plain(file) as connection:
        connection.execute(f"{TOMBSTONE} VALUES (7, 'proj_x', 't', 'ann', '{{}}', 'h')")
    migrate(url(file))
    with plain(file) as connection:
        assert connection.execute("SELECT position, project_id FROM tombstones").fetchall() == [(7, "proj_x")]
        connection.execute("DELETE FROM tombstones")
        connection.execute(f"{TOMBSTONE} VALUES (NULL, 'proj_y', 't', 'ann', '{{}}', 'h')")
        assert connection.execute("SELECT position FROM tombstones").fetchall() == [(8,)], "numbers only rise"


def migrate_to(file: Path, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "app" / "storage" / "migrations"))
    engine = create_engine(URL.create("sqlite", database=str(file)))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def tables_of(connection: sqlite3.Connection) -> list[str]:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return sorted(name for (name,) in names if name != "alembic_version")


def numbers_of_rows(connection: sqlite3.Connection, names: list[str]) -> dict[str, int]:
    """How many rows each table has. A trigger may have added one to those that a test inserts."""
    return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


@pytest.mark.parametrize("revision", [f"{number:04}" for number in range(1, NEWEST)])
def test_rows_of_every_table_outlive_an_upgrade(tmp_path: Path, revision: str) -> None:
    file = tmp_path / "signoff.db"
    migrate_to(file, revision)
    with plain(file) as connection:
        # The index of terms is a virtual table with tables of its own, which cannot be filled or counted like others.
        names = [name for name in tables_of(connection) if not name.startswith("project_terms")]
        for name in names:
            columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
            values = [1 if kind in {"INTEGER", "BOOLEAN", "FLOAT"} else "[]" for _, _, kind, *_ in columns]
            connection.execute(f"DELETE FROM {name}")
            connection.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(values))})", values)
        connection.commit()
        before = numbers_of_rows(connection, names)
        assert set(before) == set(names)
        assert all(before.values())
    migrate(url(file))
    with plain(file) as connection:
        assert numbers_of_rows(connection, names) == before


def test_folder_may_have_any_name(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "50% of #1? %41 %(here)s 'ü'")
    migrate(settings.effective_database_url)
    assert is_current(settings.effective_database_url)
    assert (settings.data_dir / "signoff.db").is_file()


def at_once(url: str) -> None:
    """Three processes migrate at the same time."""
    arguments = [sys.executable, "-c", MIGRATE_AT_A_WORD, url]
    processes = [
        subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    for process in processes:
        assert process.stdout is not None
        assert process.stderr is not None
        errors = process.stderr.read().decode()
        assert process.wait(60) == 0, errors[-2000:]
        process.stderr.close()
        process.stdout.close()


def test_several_processes_may_migrate_at_once(tmp_path: Path) -> None:
    """`up` starts the app and workers while somebody may run `migrate`."""
    file = tmp_path / "signoff.db"
    at_once(url(file))
    assert is_current(url(file))
