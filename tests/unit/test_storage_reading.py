"""Rows are read as dataclasses whose fields have their types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, create_engine, func, insert

from app.storage.reading import Rows
from signoff.vocabulary import OnCrash, TaskStatus

TABLE = Table(
    "things", MetaData(), Column("id", Integer, primary_key=True), Column("status", String), Column("on_crash", String)
)


@dataclass(frozen=True, slots=True)
class Thing:
    # Not in the order of the table's columns.
    on_crash: OnCrash | None
    status: TaskStatus
    id: int


@dataclass(frozen=True, slots=True)
class Counted:
    status: TaskStatus
    number: int


@pytest.fixture
def conn() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        TABLE.metadata.create_all(connection)
        rows = [
            {"id": 1, "status": "running", "on_crash": None},
            {"id": 2, "status": "failed", "on_crash": "ask"},
            {"id": 3, "status": "failed", "on_crash": "rerun"},
        ]
        connection.execute(insert(TABLE), rows)
        yield connection
    engine.dispose()


def test_rows_have_the_types_of_their_fields(conn: Connection) -> None:
    things = Rows(TABLE, Thing)

    assert things.find(conn, things.select.where(TABLE.c.id == 9)) is None
    assert things.get(conn, things.select.where(TABLE.c.id == 1)) == Thing(None, TaskStatus.RUNNING, 1)
    found = things.all(conn, things.select.where(TABLE.c.status == TaskStatus.FAILED).order_by(TABLE.c.id))
    assert [(thing.id, thing.on_crash) for thing in found] == [(2, OnCrash.ASK), (3, OnCrash.RERUN)]
    assert all(isinstance(thing.status, TaskStatus) for thing in found)


def test_a_text_that_is_not_in_the_enum_is_read_as_it_is(conn: Connection) -> None:
    conn.execute(insert(TABLE).values(id=4, status="forged"))
    things = Rows(TABLE, Thing)

    assert things.get(conn, things.select.where(TABLE.c.id == 4)).status == "forged"


def test_a_field_may_be_computed(conn: Connection) -> None:
    counts = Rows(TABLE, Counted, number=func.count())

    found = counts.all(conn, counts.select.group_by(TABLE.c.status).order_by(TABLE.c.status))

    assert found == [Counted(TaskStatus.FAILED, 2), Counted(TaskStatus.RUNNING, 1)]


def test_a_field_needs_a_column() -> None:
    with pytest.raises(AssertionError):
        Rows(TABLE, Counted)
