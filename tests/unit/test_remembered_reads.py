"""A kept answer is sent again only while it is right, whoever writes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, text

import app.main
from app.database.database import Database
from app.database.remembered_reads import Encoded, RememberedReads
from app.domain.errors import NotFound
from app.settings import Settings
from signoff.schemas.graph import Graph
from signoff.schemas.plans import Plan
from signoff.schemas.projects import Project, ProjectList
from signoff.schemas.tasks import TaskList
from tests.unit.conftest import new_project, opened, with_plan

KEY = "a-key-for-this-test-alone-0123456789"


class Counted:
    """A read of the names of all projects, and how often it was done."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, conn: Connection) -> Encoded:
        self.times += 1
        names = conn.execute(text("SELECT name FROM projects WHERE status = 'pending' ORDER BY name")).scalars()
        return Encoded(",".join(names).encode())


async def test_what_is_unchanged_is_read_once_and_a_commit_elsewhere_is_seen(
    database: Database, database_url: str
) -> None:
    kept, names = RememberedReads(database), Counted()
    async with opened(database_url) as other:
        await other.transact(lambda conn: new_project(conn, name="one"))
        assert [(await kept.read("names", names)).body for _ in range(3)] == [b"one"] * 3
        assert names.times == 1
        await other.transact(lambda conn: new_project(conn, name="two"))
        assert (await kept.read("names", names)).body == b"one,two"
        await database.transact(lambda conn: new_project(conn, name="three"))
        assert (await kept.read("names", names)).body == b"one,three,two"
        assert names.times == 3


async def test_a_commit_that_changes_nothing_of_it_leaves_an_answer(database: Database) -> None:
    kept, names = RememberedReads(database), Counted()
    project_id = await database.transact(lambda conn: new_project(conn, name="one"))
    await kept.read("names", names)
    change = text("UPDATE projects SET description = :words WHERE id = :id")
    for words in ("a", "b"):
        await database.transact(lambda conn, words=words: conn.execute(change, {"words": words, "id": project_id}))
        assert (await kept.read("names", names)).body == b"one"
    assert names.times == 1


async def test_a_commit_during_the_read_is_not_missed(database: Database, database_url: str) -> None:
    loop, kept, names = asyncio.get_running_loop(), RememberedReads(database), Counted()
    async with opened(database_url) as other:

        def slow(conn: Connection) -> Encoded:
            answer = names(conn)
            if names.times == 1:
                writing = other.transact(lambda conn: new_project(conn, name="later"))
                asyncio.run_coroutine_threadsafe(writing, loop).result(30)
            return answer

        assert (await kept.read("names", slow)).body == b""
        assert (await kept.read("names", slow)).body == b"later"


async def test_errors_and_other_answers_are_not_kept(database: Database) -> None:
    kept, calls = RememberedReads(database), list[int]()

    def fails(_: Connection) -> Encoded:
        calls.append(1)
        raise NotFound("There is nothing.", code="nothing")

    def plain(_: Connection) -> str:
        calls.append(1)
        return "plain"

    for _ in range(2):
        with pytest.raises(NotFound):
            await kept.read("error", fails)
        assert await kept.read("plain", plain) == "plain"
    assert len(calls) == 4


async def test_the_answers_used_last_stay_when_there_is_no_room(database: Database) -> None:
    kept, calls = RememberedReads(database, max_bytes=10_000), list[str]()

    async def read(key: str, size: int = 2_000) -> None:
        def work(_: Connection) -> Encoded:
            calls.append(key)
            return Encoded(b"x" * size)

        await kept.read(key, work)

    for key in ("a", "b", "c", "a", "d", "a", "b"):
        await read(key)
    assert calls == ["a", "b", "c", "d", "b"]
    await read("large", 20_000)
    await read("large", 20_000)
    await read("a")
    assert calls == ["a", "b", "c", "d", "b", "large", "large"]


# Writes of what the answers show. Some of them have no event, and none is recorded here, so that nothing else gives them away.
WRITES = {
    "name": "UPDATE projects SET name = 'Another', name_key = 'another' WHERE id = :project",
    "label": """UPDATE projects SET labels = '["late"]' WHERE id = :project""",
    "revision": "UPDATE projects SET revision = revision + 1 WHERE id = :project",
    "stage": "UPDATE projects SET stage = 'finished', status = 'failed' WHERE id = :project",
    "failure": """UPDATE projects SET failure = '{"code": "x", "message": "y", "task_id": null}' WHERE id = :project""",
    "phase": "UPDATE phases SET status = 'completed' WHERE project_id = :project",
    "title": "UPDATE tasks SET title = 'Other words' WHERE id = :task",
    "outputs": """UPDATE tasks SET outputs = '{"seen": 1}' WHERE id = :task""",
    "log": "UPDATE tasks SET log_bytes = 17 WHERE id = :task",
    "end": "UPDATE tasks SET status = 'failed', exit_code = 3 WHERE id = :task",
    "tokens": "INSERT INTO model_steps (project_id, conversation, number, task_id, model, status, started_at, call_id, "
    "input_tokens, output_tokens, reserved_tokens) "
    "VALUES (:project, 'task:x', 1, :task, 'm', 'done', '2026-01-02T03:04:05.678Z', '', 3, 4, 0)",
    "plan": "UPDATE plans SET approved_by = 'bob' WHERE project_id = :project",
    "dependency": """UPDATE tasks SET depends_on = '["look"]' WHERE id <> :task AND project_id = :project""",
    "task gone": "DELETE FROM tasks WHERE id <> :task AND project_id = :project",
}
RUNNING = "UPDATE tasks SET status = 'running', started_at = '2026-01-02T03:04:05.678Z' WHERE id = :task"


@contextlib.asynccontextmanager
async def client_of(database_url: str, folder: Path) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of an app of its own on a database. There is no Temporal."""
    settings = Settings(data_dir=folder, database_url=database_url, api_key=KEY, temporal_address="127.0.0.1:1")  # type: ignore[arg-type]
    served: Any = app.main.create_app(settings)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        served.lifespan(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(served), base_url="http://127.0.0.1", headers=headers
        ) as client,
    ):
        yield client


def finished(conn: Connection) -> tuple[str, str]:
    """A project whose run is over, and one of its tasks."""
    project_id = with_plan(conn, "Look", "Check")
    ended = text("UPDATE projects SET status = 'completed', stage = 'finished' WHERE id = :id")
    conn.execute(ended, {"id": project_id})
    conn.execute(text("UPDATE plans SET status = 'approved' WHERE project_id = :id"), {"id": project_id})
    found = conn.execute(text("SELECT id FROM tasks WHERE project_id = :id AND key = 'look'"), {"id": project_id})
    return project_id, str(found.scalar_one())


async def write(database: Database, statement: str, **values: str) -> None:
    used = {name: value for name, value in values.items() if f":{name}" in statement}
    await database.transact(lambda conn: conn.execute(text(statement), used))


async def test_each_answer_is_what_an_app_that_keeps_nothing_sends(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        writer = await stack.enter_async_context(opened(database_url))
        keeping = await stack.enter_async_context(client_of(database_url, tmp_path))
        monkeypatch.setattr(app.main, "RememberedReads", partial(RememberedReads, max_bytes=0))
        forgetful = await stack.enter_async_context(client_of(database_url, tmp_path))
        project_id, task_id = await writer.transact(finished)
        one = f"/api/projects/{project_id}"
        paths = ["/api/projects", one, f"{one}/tasks", f"{one}/plan", f"{one}/dag", f"{one}/dag?format=svg"]

        async def answers(client: httpx.AsyncClient) -> list[tuple[int, str, str, str | None]]:
            sent = [await client.get(path) for path in paths]
            return [(one.status_code, one.text, one.headers["content-type"], one.headers.get("etag")) for one in sent]

        before = await answers(keeping)
        assert {status for status, *_ in before} == {200}
        for model, (_, sent, *_) in zip((ProjectList, Project, TaskList, Plan, Graph), before, strict=False):
            # The framework encodes a model by its values for JSON.
            assert model.model_validate_json(sent).model_dump(mode="json") == json.loads(sent)
        for name, statement in WRITES.items():
            await write(writer, statement, project=project_id, task=task_id)
            after = await answers(keeping)
            assert after == await answers(forgetful) == await answers(keeping), name
            assert after != before, name
            before = after


async def test_a_duration_that_grows_is_never_kept(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as writer, client_of(database_url, tmp_path) as client:
        project_id, task_id = await writer.transact(finished)
        await write(writer, RUNNING, task=task_id)

        async def durations() -> list[int]:
            one = f"/api/projects/{project_id}"
            listed = (await client.get(f"{one}/tasks")).json()["tasks"]
            project = (await client.get(one)).json()["tasks"]
            planned = (await client.get(f"{one}/plan")).json()["phases"][0]["tasks"]
            drawn = (await client.get(f"{one}/dag")).json()["nodes"]
            return [tasks[0]["duration_ms"] for tasks in (listed, project, planned, drawn)]

        before = await durations()
        await asyncio.sleep(0.02)  # why: what is measured is time
        assert all(now > then for then, now in zip(before, await durations(), strict=True))
