"""No statement of the lists, the searches and the sweeps reads a table that grows as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from app.domain.people import ALL
from app.storage import (
    counts,
    gates,
    idempotency,
    inbox,
    notifications,
    overview,
    project_list,
    projects,
    seals,
    slow_steps,
    tasks,
)
from app.storage.project_dates import Dates
from app.storage.project_list import Wanted
from app.storage.tables import metadata
from tests.unit.conftest import new_project, opened, with_plan

# Small for ever: a sweep merges its rows.
SMALL = {"project_counts"}
SINCE = date(2026, 1, 5)
KEY = ["2026-01-01T00:00:00.000Z", "proj_x"]
ORDERS = {"newest": KEY, "oldest": KEY, "updated": KEY, "name": KEY, "status": ["pending", *KEY]}


def list_of(**wanted: Any) -> Callable[[Connection], object]:
    return lambda conn: project_list.page(conn, Wanted(**wanted), limit=20)


def page_after(order: str, status: str | None) -> Callable[[Connection], object]:
    return lambda conn: project_list.page(conn, Wanted(sort_by=order, status=status), limit=20, after=ORDERS[order])


CALLS: dict[str, Callable[[Connection], object]] = {
    **{
        f"list, {order}, {status}": list_of(sort_by=order, status=status)
        for order in ORDERS
        for status in (None, "failed")
    },
    **{f"cursor, {order}, {status}": page_after(order, status) for order in ORDERS for status in (None, "failed")},
    **{
        f"list, {order}, {status}, archived {archived}": list_of(sort_by=order, status=status, archived=archived)
        for order in ORDERS
        for status in (None, "failed")
        for archived in (True, None)
    },
    "search": list_of(search="report büro"),
    "search in the archive": list_of(search="report", archived=True),
    "search, short": list_of(search="q"),
    "search in a status": list_of(search="report", status="failed", sort_by="name"),
    "label": list_of(label="team"),
    "labels of a role": list_of(within=["team", "ops"]),
    "label, role and search": list_of(label="team", within=["team"], search="report"),
    **{
        f"created or changed in a time, {order}, {status}, archived {archived}, {dates.created_after}": list_of(
            sort_by=order, status=status, archived=archived, dates=dates
        )
        for order in ORDERS
        for status in (None, "failed")
        for archived in (False, None)
        for dates in (Dates(created_after=KEY[0]), Dates(updated_after=KEY[0], updated_before="2027"))
    },
    "search in a time": list_of(search="report", dates=Dates(created_after=KEY[0])),
    "counts": project_list.count_by_status,
    "counts of running work": counts.by_status,
    "tasks": lambda conn: tasks.all_of(conn, "proj_x", limit=20),
    "tasks by cursor": lambda conn: tasks.all_of(conn, "proj_x", limit=20, after=(3, "task_x")),
    "lost runs": projects.live_ids,
    "gates to expire": lambda conn: gates.due(conn, 100),
    "gates to open": lambda conn: gates.to_open(conn, 100),
    "seals to write": lambda conn: seals.touched_since(conn, 0, look_back=100),
    "notifications to send": lambda conn: notifications.to_start(conn, limit=100),
    "idempotency keys": idempotency.sweep,
    "merged counts": project_list.merge_counts,
    "merged totals": overview.merge_totals,
    "overview, totals": lambda conn: overview.totals(conn, SINCE, None),
    "overview, totals of labels": lambda conn: overview.totals(conn, SINCE, ["team"]),
    "overview, running": lambda conn: overview.running(conn, None, limit=10),
    "overview, running with labels": lambda conn: overview.running(conn, ["team"], limit=10),
    "overview, counts": lambda conn: overview.count_by_status(conn, ["team"]),
    "overview, slowest steps": lambda conn: slow_steps.slowest(conn, SINCE, None, limit=10),
    "overview, slowest steps with labels": lambda conn: slow_steps.slowest(conn, SINCE, ["team"], limit=10),
    "overview, waiting": lambda conn: inbox.longest(conn, None, limit=10),
    "overview, waiting with labels": lambda conn: inbox.longest(conn, ["team"], limit=10),
    "overview, counts of what waits": lambda conn: inbox.oldest(conn, ["team"]),
    "inbox": lambda conn: inbox.page(conn, ALL, None, limit=20, offset=0),
}


def plans_of(conn: Connection, work: Callable[[Connection], object]) -> list[tuple[str, str]]:
    """Every statement that some work sends, with each step of SQLite's plan for it."""
    sent: list[tuple[str, Any]] = []

    def note(_conn: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        sent.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        work(conn)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    statements = [each for each in sent if re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)\b", each[0])]
    return [
        (statement, str(row[-1]))
        for statement, parameters in statements
        for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    ]


def reads_everything(statement: str, step: str) -> bool:
    """Whether a step goes through a whole table that grows.

    To go through an index in its order is right for the beginning of a list, and through an index of only some rows for a sweep.
    """
    found = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", step)
    if found is None or found[1] in SMALL or found[1] not in metadata.tables:
        return False
    partial = {
        str(index.name)
        for table in metadata.tables.values()
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }
    return found[2] not in partial and (found[2] is None or "LIMIT" not in statement)


@pytest.mark.parametrize("name", CALLS)
async def test_no_statement_reads_a_table_that_grows_as_a_whole(file: Path, name: str) -> None:
    """SQLite tells this without many rows. PostgreSQL would read a short table as a whole."""
    async with opened(file) as database:
        await database.transact(lambda conn: new_project(conn, name="Report", labels=["team"]))
        await database.transact(with_plan)
        plans = await database.transact(lambda conn: plans_of(conn, CALLS[name]))
    assert plans
    assert [(step, statement) for statement, step in plans if reads_everything(statement, step)] == []


async def test_a_whole_table_is_noticed(file: Path) -> None:
    async with opened(file) as database:
        plans = await database.read(
            lambda conn: plans_of(conn, lambda conn: conn.execute(text("SELECT id FROM projects WHERE strategy = 'x'")))
        )
    assert [reads_everything(*plan) for plan in plans] == [True]


async def test_many_matches_are_read_in_the_order_of_the_list(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_list, "FEW_MATCHES", 0)
    async with opened(file) as database:
        await database.transact(lambda conn: new_project(conn, name="Report", labels=["team"]))
        since = Dates(created_after=KEY[0])
        found = await database.read(lambda conn: plans_of(conn, list_of(search="report", label="team")))
        found += await database.read(lambda conn: plans_of(conn, list_of(dates=since)))
        found += await database.read(lambda conn: plans_of(conn, list_of(dates=since, sort_by="name")))
    assert [(step, statement) for statement, step in found if reads_everything(statement, step)] == []
    assert not any("ORDER BY" in step for _, step in found if "GROUP" not in step), found
