"""A database for each test, and short ways to create projects, plans and runs in it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection

from app.commands import plan_edits
from app.commands.handlers import HANDLERS
from app.database.database import Database
from app.database.sqlite import SqliteDatabase
from app.domain.commands import CommandKind, CommandRecord, CommandRequest
from app.domain.edits import parse_edits
from app.domain.identity import new_id
from app.domain.registry import load_actions
from app.domain.states import Call
from app.storage import decisions, events, projects, tasks
from tests.databases import DATABASES
from tests.factories import project_row

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with every migration and no rows."""
    return Path(shutil.copy(DATABASES.empty_file(), tmp_path / "signoff.db"))


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """A database with every migration, of the kind that this test run uses."""
    return DATABASES.setting() or url_of(request.getfixturevalue("file"))


def url_of(file: Path) -> str:
    return URL.create("sqlite+aiosqlite", database=str(file)).render_as_string()


@contextlib.asynccontextmanager
async def opened(place: Path | str) -> AsyncIterator[Database]:
    """Open the database in a file, or at a URL."""
    database = Database(place if isinstance(place, str) else url_of(place))
    await database.start()
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as database:
        yield database


@contextlib.contextmanager
def plain(file: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as any other program would."""
    connection = sqlite3.connect(file, isolation_level=None, timeout=10, check_same_thread=False)
    try:
        yield connection
    finally:
        connection.close()


@contextlib.asynccontextmanager
async def held_writer(database: Database | SqliteDatabase) -> AsyncIterator[None]:
    """Keep the writer busy, so that whatever is submitted meanwhile waits together."""
    entered, release = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        entered.set()
        assert release.wait(30)

    holding = asyncio.create_task(database.transact(hold))
    assert await asyncio.to_thread(entered.wait, 30)
    try:
        yield
    finally:
        release.set()
        await holding


def new_project(conn: Connection, **fields: Any) -> str:
    row = project_row(**fields)
    projects.create(conn, row, actor="ann")
    return row["id"]


def add_task(conn: Connection, project_id: str, title: str, phase: str | None = None, **fields: Any) -> str:
    """Add a task through an edit, and return its id."""
    operation = {"op": "add_task", "title": title, **fields} | ({"phase": phase} if phase else {})
    return edit(conn, project_id, operation)[0]


def edit(conn: Connection, project_id: str, *operations: dict[str, Any]) -> list[str]:
    """Edit a plan, and return the ids of the tasks that were added or changed."""
    edits = parse_edits(list(operations))
    editor = plan_edits.edit_plan(conn, project_id, edits, load_actions(), actor="ann", call=Call.EDIT_PLAN)
    return [tasks.get(conn, project_id, key).id for key in editor.tasks]


def with_plan(conn: Connection, *titles: str, **fields: Any) -> str:
    """Create a project with a plan of manual tasks that waits for approval, and return its id."""
    project_id = new_project(conn, **fields)
    for title in titles or ("Look",):
        add_task(conn, project_id, title)
    return project_id


def decide(
    conn: Connection, project_id: str, kind: str, request_id: str | None = None, comment: str = "", **payload: Any
) -> CommandRecord:
    request = CommandRequest(
        project_id=project_id,
        request_id=request_id or new_id("req"),
        kind=CommandKind(kind),
        actor="bob",
        comment=comment,
        payload=payload,
    )
    return decisions.decide(conn, request, HANDLERS[request.kind])


def types_of(conn: Connection, project_id: str, after: int = 0) -> list[str]:
    return [event.type for event in events.after(conn, project_id, after)]


def data_of(conn: Connection, project_id: str, kind: str) -> dict[str, Any]:
    """Return the data of the last event of a type."""
    return [event.data for event in events.after(conn, project_id, 0) if event.type == kind][-1]
