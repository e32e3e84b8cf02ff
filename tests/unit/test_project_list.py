"""Projects are counted as they change, and every order of the list is read from an index."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, func, select, update

from app.database.database import Database
from app.domain.folding import folded
from app.storage import project_list, projects
from app.storage.count_table import project_counts
from app.storage.project_list import Wanted
from app.storage.tables import projects as table
from signoff.vocabulary import ProjectStatus
from tests.unit.conftest import new_project, opened


def counted(conn: Connection) -> dict[str, int]:
    """The kept counts, which must be those of the rows."""
    kept = project_list.count_by_status(conn)
    found = Counter(conn.execute(select(table.c.status)).scalars())
    assert kept == {str(status): found[status] for status in ProjectStatus}
    return kept


async def test_counts_follow_every_change(database: Database) -> None:
    ids = [await database.transact(new_project) for _ in range(4)]
    assert (await database.read(counted))["pending"] == 4
    await database.transact(
        lambda conn: conn.execute(update(table).where(table.c.id.in_(ids[:3])).values(status="failed"))
    )
    assert (await database.read(counted))["failed"] == 3
    await database.transact(lambda conn: projects.erase(conn, ids[0], actor="ann"))
    assert (await database.read(counted))["failed"] == 2
    with pytest.raises(ZeroDivisionError):
        await database.transact(lambda conn: (new_project(conn), 1 / 0))
    assert (await database.read(counted))["pending"] == 1, "what is rolled back does not count"
    await database.transact(project_list.merge_counts)
    assert (await database.read(counted))["failed"] == 2
    rows = await database.read(lambda conn: conn.execute(select(func.count()).select_from(project_counts)).scalar())
    assert rows == 2


@contextmanager
def statements() -> Generator[list[tuple[str, Any]]]:
    """The statements that are sent to any database meanwhile, with their parameters."""
    sent: list[tuple[str, Any]] = []

    def note(_conn: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        sent.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_no_order_sorts_or_reads_every_project(file: Path) -> None:
    """SQLite tells this without many rows. PostgreSQL would read a short table as a whole."""

    def plans(conn: Connection) -> dict[tuple[str, str | None], list[str]]:
        found: dict[tuple[str, str | None], list[str]] = {}
        for order, status in itertools.product(("newest", "oldest", "updated", "name", "status"), (None, "failed")):
            with statements() as sent:
                project_list.page(conn, Wanted(status=status, sort_by=order), limit=20)
            found[order, status] = [
                str(row[-1])
                for statement, parameters in sent
                if "FROM projects" in statement
                for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            ]
        return found

    async with opened(file) as database:
        found = await database.read(plans)
    for wanted, steps in found.items():
        assert steps, wanted
        assert all("USING COVERING INDEX" in step for step in steps), (wanted, steps)


async def test_names_are_ordered_without_case_and_accents(database: Database) -> None:
    for name in ("Zoo", "äpfel", "Birne", "Straße 2", "strasse 1", "APFEL"):
        await database.transact(lambda conn, name=name: new_project(conn, name=name))

    def names(conn: Connection) -> list[str]:
        return [row.name for row in project_list.page(conn, Wanted(sort_by="name"), limit=10).rows]

    listed = await database.read(names)
    assert [folded(name) for name in listed] == ["apfel", "apfel", "birne", "strasse 1", "strasse 2", "zoo"]
