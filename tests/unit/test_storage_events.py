"""The event log on a real database: no gaps and no broken links, even with concurrent writers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from app.database.database import Database
from app.domain.errors import Conflict, NotFound
from app.domain.events import GENESIS, chain_hash
from app.storage import events, projects
from signoff.schemas.event_data import FileUploaded
from signoff.schemas.events import Event
from tests.unit.conftest import ROOT, new_project, opened, plain

# Appends to a project from a separate process: database, project, number of events.
WRITER = """
import asyncio, sys
from app.storage import events
from app.database.database import Database
from signoff.schemas.event_data import FileUploaded

async def main(url, project_id, times):
    database = Database(url)
    await database.start()
    for number in range(int(times)):
        news = FileUploaded(path="process", size=number, sha256="")
        await database.transact(lambda conn: events.append(conn, project_id, news, actor="other"))
    await database.close()

asyncio.run(main(*sys.argv[1:]))
"""


def other_process(url: str, project_id: str, times: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, url, project_id, str(times)], cwd=ROOT)


def append(conn: Connection, project_id: str, *numbers: int, who: str = "here") -> list[Event]:
    news = [FileUploaded(path=who, size=number, sha256="") for number in numbers]
    return events.append(conn, project_id, *news, actor="ann")


def stored(conn: Connection, project_id: str) -> list[tuple[Event, str]]:
    log = events.after(conn, project_id, 0, limit=100_000)
    hashes = conn.execute(text("SELECT hash FROM events WHERE project_id = :id ORDER BY seq"), {"id": project_id})
    return list(zip(log, hashes.scalars(), strict=True))


def broken_links(conn: Connection, project_id: str) -> list[int]:
    check = events.ChainCheck()
    while check.read(conn, project_id, limit=2):
        pass
    row = projects.get(conn, project_id)
    check.check_end(row.last_seq, row.last_hash)
    return check.broken


def check_chain(conn: Connection, project_id: str) -> list[Event]:
    """Verify every link independently, and return the events."""
    head = GENESIS
    log = stored(conn, project_id)
    for seq, (event, sealed) in enumerate(log, start=1):
        assert event.seq == seq
        head = chain_hash(head, event)
        assert sealed == head
    row = projects.get(conn, project_id)
    assert (row.last_seq, row.last_hash) == (len(log), head)
    assert broken_links(conn, project_id) == []
    return [event for event, _ in log]


async def test_concurrent_writers_and_processes_leave_no_gap_and_no_broken_link(database_url: str) -> None:
    async with opened(database_url) as one, opened(database_url) as two, opened(database_url) as three:
        shared, other = await one.transact(new_project), await one.transact(new_project)
        process = other_process(database_url, shared, 40)

        async def write(database: Database, who: str, project_id: str) -> None:
            for number in range(40):
                await database.transact(lambda conn, number=number: append(conn, project_id, number, number, who=who))

        jobs = [write(database, name, shared) for name, database in (("one", one), ("two", two), ("three", three))]
        await asyncio.gather(*jobs, write(one, "one", other), write(two, "two", other))
        assert await asyncio.to_thread(process.wait, 60) == 0
        log = await one.read(lambda conn: check_chain(conn, shared))
        assert len(log) == 1 + 3 * 80 + 40
        assert len(await two.read(lambda conn: check_chain(conn, other))) == 1 + 2 * 80
    for who, twice in (("one", 2), ("two", 2), ("three", 2), ("process", 1)):
        mine = [event.data["size"] for event in log if event.data.get("path") == who]
        assert mine == [number for number in range(40) for _ in range(twice)], "each writer's own order is kept"


async def test_append_returns_what_is_then_read_and_touches_the_project(database: Database) -> None:
    project_id = await database.transact(new_project)
    created = await database.read(lambda conn: projects.get(conn, project_id))
    written = await database.transact(lambda conn: append(conn, project_id, 1, 2))
    assert [event.seq for event in written] == [2, 3]
    assert await database.read(lambda conn: events.after(conn, project_id, 1)) == written
    assert await database.read(lambda conn: events.after(conn, project_id, 2)) == written[1:]
    assert await database.read(lambda conn: events.after(conn, project_id, 1, limit=1)) == written[:1]
    row = await database.read(lambda conn: projects.get(conn, project_id))
    assert row.updated_at == written[0].at >= created.updated_at


async def test_undone_transaction_leaves_no_gap(database: Database) -> None:
    project_id = await database.transact(new_project)

    def fail(conn: Connection) -> None:
        append(conn, project_id, 1, 2, 3)
        raise Conflict("No.")

    with pytest.raises(Conflict):
        await database.transact(fail)
    written = await database.transact(lambda conn: append(conn, project_id, 4))
    assert written[0].seq == 2
    await database.read(lambda conn: check_chain(conn, project_id))


async def test_nothing_is_appended_to_a_project_that_does_not_exist(database: Database) -> None:
    with pytest.raises(NotFound):
        await database.transact(lambda conn: append(conn, "proj_none", 1))


TAMPERINGS = [
    ("data of one", "UPDATE events SET data = json_set(data, '$.number', 99) WHERE seq = 4", [4]),
    ("actor", "UPDATE events SET actor = 'eve' WHERE seq = 4", [4]),
    ("time", "UPDATE events SET at = '2001-01-01T00:00:00.000Z' WHERE seq = 4", [4]),
    ("type", "UPDATE events SET type = 'task.completed' WHERE seq = 4", [4]),
    ("hash", "UPDATE events SET hash = printf('%064d', 1) WHERE seq = 4", [4, 5]),
    ("hash of the last", "UPDATE events SET hash = printf('%064d', 1) WHERE seq = 6", [6, 7]),
    ("number", "UPDATE events SET seq = 40 WHERE seq = 6", [40, 41]),
    ("first deleted", "DELETE FROM events WHERE seq = 1", [2]),
    ("one deleted", "DELETE FROM events WHERE seq = 4", [5]),
    ("last deleted", "DELETE FROM events WHERE seq = 6", [6]),
    ("last two deleted", "DELETE FROM events WHERE seq >= 5", [5]),
    ("all deleted", "DELETE FROM events", [1]),
    ("head of the project", "UPDATE projects SET last_hash = printf('%064d', 1)", [7]),
]


@pytest.mark.parametrize(("sql", "broken"), [pytest.param(sql, broken, id=name) for name, sql, broken in TAMPERINGS])
async def test_tampering_is_found_where_it_was_done(file: Path, sql: str, broken: list[int]) -> None:
    async with opened(file) as database:
        project_id = await database.transact(new_project)
        await database.transact(lambda conn: append(conn, project_id, 1, 2, 3, 4, 5))
        assert await database.read(lambda conn: broken_links(conn, project_id)) == []
        with plain(file) as other:
            other.execute(sql)
        found = await database.read(lambda conn: broken_links(conn, project_id))
        assert found == broken


async def test_rewritten_tail_with_a_consistent_chain_is_found_by_the_projects_head(file: Path) -> None:
    async with opened(file) as database:
        project_id = await database.transact(new_project)
        await database.transact(lambda conn: append(conn, project_id, 1, 2))
        (_, head), (last, _) = (await database.read(lambda conn: stored(conn, project_id)))[1:]
        forged = chain_hash(head, last.model_copy(update={"actor": "eve"}))
        with plain(file) as other:
            other.execute("UPDATE events SET actor = 'eve', hash = ? WHERE seq = 3", (forged,))
        assert await database.read(lambda conn: broken_links(conn, project_id)) == [4]


async def test_erased_project_leaves_a_tombstone_with_the_head_of_its_chain(database: Database, file: Path) -> None:
    def erase(conn: Connection) -> tuple[str, str]:
        kept, gone = new_project(conn), new_project(conn)
        append(conn, gone, 1)
        projects.erase(conn, gone, actor="bob")
        return kept, gone

    kept, gone = await database.transact(erase)

    def look(conn: Connection) -> None:
        assert projects.find(conn, gone) is None
        assert projects.is_deleted(conn, gone)
        assert not projects.is_deleted(conn, kept)
        assert events.after(conn, gone, 0) == []
        farewell = events.farewell(conn, gone)
        assert farewell is not None
        assert (farewell.seq, farewell.type, farewell.actor) == (3, "project.deleted", "bob")
        assert events.farewell(conn, kept) is None
        check_chain(conn, kept)

    await database.read(look)
    with plain(file) as other:
        stones = other.execute("SELECT project_id, deleted_by, length(head) FROM tombstones").fetchall()
        assert stones == [(gone, "bob", 64)]
        for table in ("events", "decisions", "plans", "phases", "tasks", "attempts", "runs"):
            query = f"SELECT count(*) FROM {table} WHERE project_id = ?"
            assert other.execute(query, (gone,)).fetchone() == (0,), table


async def test_tombstones_head_seals_the_last_event(database: Database) -> None:
    def run(conn: Connection) -> None:
        project_id = new_project(conn)
        (_, before) = stored(conn, project_id)[-1]
        projects.erase(conn, project_id, actor="bob")
        farewell = events.farewell(conn, project_id)
        assert farewell is not None
        head = conn.execute(text("SELECT head FROM tombstones WHERE project_id = :id"), {"id": project_id}).scalar_one()
        assert head == chain_hash(before, farewell)

    await database.transact(run)
