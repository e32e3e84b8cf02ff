"""Prepared statements do what SQLAlchemy does with the same statements."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    event,
    insert,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError, OperationalError

from app.database.prepared import Prepared, run_text
from app.database.sqlite import begin_write, configure

THINGS = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("word", String),
    Column("facts", JSON(none_as_null=True)),
    Column("done", Boolean, nullable=False),
)
NEW = insert(THINGS)
NAMED = (
    select(THINGS.c.done, THINGS.c.facts, THINGS.c.id, literal("a constant").label("said"))
    .where(THINGS.c.id.in_(bindparam("ids", expanding=True)), THINGS.c.word.in_(["a", "b"]))
    .order_by(THINGS.c.id)
)
BOTH = union_all(
    *(select(THINGS.c.id, THINGS.c.facts).where(THINGS.c.word == bindparam("of"), THINGS.c.id > n) for n in (0, 1))
)
CHANGE = update(THINGS).where(THINGS.c.id == bindparam("of_thing"), THINGS.c.word.in_(["a", "b"]))
ROWS: list[dict[str, Any]] = [
    {"id": 1, "word": "a", "facts": {"ü": [1, None]}, "done": True},
    {"id": 2, "word": "b", "facts": None, "done": False},
    {"id": 3, "word": "c", "facts": [], "done": False},
]


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{tmp_path / 'things.db'}", connect_args={"check_same_thread": False})
    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", begin_write)
    with engine.connect() as connection:
        THINGS.metadata.create_all(connection)
        new = Prepared(NEW)
        assert [new.write(connection, row) for row in ROWS] == [1, 1, 1]
        yield connection
    engine.dispose()


def of(conn: Connection, statement: Any, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in conn.execute(statement, parameters)]


def test_rows_that_it_writes_are_those_of_sqlalchemy(conn: Connection) -> None:
    assert [dict(row) for row in conn.execute(select(THINGS).order_by(THINGS.c.id)).mappings()] == ROWS
    stored = conn.exec_driver_sql("SELECT facts FROM things ORDER BY id").scalars().all()
    conn.exec_driver_sql("DELETE FROM things")
    conn.execute(NEW, ROWS)
    assert conn.exec_driver_sql("SELECT facts FROM things ORDER BY id").scalars().all() == stored


@pytest.mark.parametrize("ids", [[1, 2, 3], [3, 2], [2], []])
def test_rows_that_it_reads_are_those_of_sqlalchemy(conn: Connection, ids: list[int]) -> None:
    named = Prepared(NAMED)
    for _ in range(2):
        assert [tuple(row) for row in named.rows(conn, {"ids": ids})] == of(conn, NAMED, {"ids": ids})


def test_a_union_is_read_as_by_sqlalchemy(conn: Connection) -> None:
    both = Prepared(BOTH)
    for word in ("a", "b", "c", "d"):
        assert [tuple(row) for row in both.rows(conn, {"of": word})] == of(conn, BOTH, {"of": word})


def test_a_change_says_how_many_rows_it_concerns(conn: Connection) -> None:
    change = Prepared(CHANGE)
    assert change.write(conn, {"of_thing": 1, "facts": {"x": 1}}) == 1
    assert change.write(conn, {"of_thing": 2, "facts": None, "done": True}) == 1
    # Its word is none of those that the statement names.
    assert change.write(conn, {"of_thing": 3, "done": True}) == 0
    query = select(THINGS.c.facts, THINGS.c.done).order_by(THINGS.c.id)
    assert of(conn, query, {}) == [({"x": 1}, True), (None, True), ([], False)]


def test_errors_are_those_of_sqlalchemy(conn: Connection) -> None:
    with pytest.raises(IntegrityError):
        Prepared(NEW).write(conn, ROWS[0])
    with pytest.raises(OperationalError):
        run_text(conn, "RELEASE nothing")


def test_savepoints(conn: Connection) -> None:
    run_text(conn, "SAVEPOINT here")
    Prepared(CHANGE).write(conn, {"of_thing": 1, "facts": {"x": 1}})
    run_text(conn, "ROLLBACK TO here")
    run_text(conn, "RELEASE here")
    assert of(conn, select(THINGS.c.facts).where(THINGS.c.id == 1), {}) == [(ROWS[0]["facts"],)]


@pytest.mark.parametrize("of_engine", [True, False])
def test_whoever_listens_to_statements_hears_them(conn: Connection, of_engine: bool) -> None:
    heard: list[str] = []

    def note(_conn: Connection, _cursor: object, text: str, *_more: object) -> None:
        heard.append(text)

    target = conn.engine if of_engine else conn
    named = Prepared(NAMED)
    before = named.rows(conn, {"ids": [1]})
    event.listen(target, "before_cursor_execute", note)
    during = named.rows(conn, {"ids": [1]})
    run_text(conn, "SAVEPOINT here")
    event.remove(target, "before_cursor_execute", note)
    assert [text.split()[0] for text in heard] == ["SELECT", "SAVEPOINT"]
    assert [tuple(row) for row in during] == [tuple(row) for row in before]


def test_a_connection_without_a_transaction_begins_one(conn: Connection) -> None:
    conn.commit()
    assert [row[2] for row in Prepared(NAMED).rows(conn, {"ids": [1]})] == [1]
    assert conn.in_transaction()


def test_threads_may_share_one(conn: Connection) -> None:
    named = Prepared(NAMED)
    found: list[int] = []
    others = [threading.Thread(target=lambda: found.append(named.rows(conn, {"ids": [2]})[0][2])) for _ in range(2)]
    for other in others:
        other.start()
        other.join()
    assert found == [2, 2]
