"""Each column that the audit checks is altered separately, and the audit finds every alteration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from sqlalchemy import (
    JSON,
    URL,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    NullPool,
    create_engine,
    select,
    text,
    update,
)

from app.database.url import sqlite_path
from app.domain.coverage import CHECKED
from app.storage.tables import metadata
from tests.conftest import Stack

R = TypeVar("R")
PLAN = """
## One

- Make: `echo made > out.txt; echo x=1 >> $SIGNOFF_OUTPUT` {#make files=out.txt timeout=60 retries=1}
- Ship? {#ask after=make decision=yes,no}

## Two

- Rest: `true` {#rest timeout=60}
"""
COLUMNS = [(table, column) for table, columns in CHECKED.items() for column in columns]
# The row whose column is altered; by default the first row of its project.
_ROWS = {
    "tasks": "key = 'make'",
    "phases": "position = 1",
    "events": "seq = 5",
    "decisions": "kind = 'approve'",
}


async def decided(stack: Stack) -> str:
    """A finished project with rows in every table, including an answered question and an approved phase."""
    project_id = await stack.started(PLAN, auto_approve_phases=False, signing={"approvals": 1})
    await stack.task_in(project_id, "ask", "waiting")
    listed = await stack.call("GET", f"/{project_id}/decisions?status=open")
    await stack.call("POST", f"/{project_id}/decisions/{listed['decisions'][0]['id']}", json={"answer": "yes"})
    await stack.until(project_id, stage="awaiting_phase_approval")
    await stack.call("POST", f"/{project_id}/approve")
    await stack.finished(project_id)
    return project_id


def other_value(column: Column[Any], value: Any) -> Any:
    """A value of the column's type that differs from the current one."""
    if isinstance(column.type, JSON):
        if isinstance(value, list):
            return [*value, "other"]
        if column.name == "ids":
            return {"phases": value["phases"], "tasks": {**value["tasks"], "more": "task_more"}}
        if isinstance(value, dict) and "type" in value:
            return {**value, "type": "manual"}
        return {**(value or {}), "other": 1}
    if isinstance(column.type, Boolean):
        return not value
    if isinstance(column.type, (Integer, Float)):
        return (value or 0) + 777
    return f"{value or ''}x"[-column.type.length :] if getattr(column.type, "length", None) else f"{value or ''}x"


@pytest.fixture(scope="module")
async def whole(signoff: Stack) -> str:
    project_id = await decided(signoff)
    audit = await signoff.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"], audit["results"]["findings"]
    return project_id


async def forged(stack: Stack, work: Callable[[Connection], R]) -> R:
    """Write to the database without enforcing foreign keys."""
    path = sqlite_path(stack.settings.effective_database_url)
    if path is None:

        def without_keys(conn: Connection) -> R:
            conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
            return work(conn)

        return await stack.database.transact(without_keys)
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    with engine.begin() as conn:
        return work(conn)


def critical(audit: dict[str, Any]) -> set[str]:
    """The critical findings of an audit."""
    return {item["message"] for item in audit["results"]["findings"] if item["severity"] == "critical"}


@pytest.mark.parametrize(("table_name", "column_name"), COLUMNS, ids=[".".join(each) for each in COLUMNS])
async def test_a_column_that_is_checked_is_found_when_it_was_altered(
    signoff: Stack, whole: str, table_name: str, column_name: str
) -> None:
    table = metadata.tables[table_name]
    column = table.c[column_name]
    owner = table.c["id" if table_name == "projects" else "project_id"]
    keys = [key for key in table.primary_key.columns if key.name != column_name]

    def set_to(conn: Connection, row: dict[str, Any], old: Any, new: Any) -> None:
        here = [key == row[key.name] for key in keys]
        here += [] if old is None or isinstance(column.type, JSON) else [column == old]
        assert conn.execute(update(table).where(*here).values({column_name: new})).rowcount == 1

    def alter(conn: Connection) -> dict[str, Any]:
        query = select(table).where(owner == whole, text(_ROWS.get(table_name, "1 = 1")))
        row = dict(conn.execute(query).mappings().first() or {})
        set_to(conn, row, row[column_name], other_value(column, row[column_name]))
        return row

    known = critical(await signoff.call("POST", f"/{whole}/audit"))
    row = await forged(signoff, alter)
    before = row[column_name]
    try:
        audit = await signoff.call("POST", f"/{whole}/audit")
    finally:
        # The app has replaced an altered seal by a new one.
        if table_name != "seals":
            await forged(signoff, lambda conn: set_to(conn, row, other_value(column, before), before))
    # The app has signed what it found, so the finding remains after the row is restored.
    assert critical(audit) - known, f"{table_name}.{column_name} was altered from {before!r}, and nothing was found"
    assert not audit["trail"]["intact"]
