"""Live events of all projects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection

from app.storage import events
from app.storage.live_log import MAX_BEHIND, LiveLog
from signoff.schemas.event_data import ProjectUpdated
from signoff.vocabulary import EventType
from tests.api.answers import refused
from tests.conftest import DEADLINE, Stack
from tests.sse import messages

WAITS = "- [ ] Look {#look}"


@asynccontextmanager
async def listening(stack: Stack, **query: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """A reader that receives all events from now on."""
    async with asyncio.timeout(DEADLINE), stack.http.stream("GET", "/api/events", params=query) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == ": signoff"
        yield messages(lines)


async def heard(reader: AsyncIterator[dict[str, Any]], project_id: str, until: str) -> list[dict[str, Any]]:
    """The events received for one project, up to the first event of the given type."""
    found: list[dict[str, Any]] = []
    async for message in reader:
        assert "id" not in message
        data = json.loads(message["data"])
        assert set(data) == {"project_id", "type", "seq", "status", "stage"}
        assert message["event"] == data["type"]
        if data["project_id"] == project_id:
            found.append(data)
            if data["type"] == until:
                return found
    raise AssertionError(f"the stream ended before {until}")


async def test_a_reader_hears_of_every_event_of_every_project(signoff: Stack) -> None:
    earlier = await signoff.create("")
    async with listening(signoff) as reader:
        project_id = await signoff.started(WAITS)
        await signoff.task_in(project_id, "look", "waiting")
        found = await heard(reader, project_id, "task.waiting")
        record = [(event["seq"], event["type"]) for event in await signoff.events(project_id)]
        assert [(news["seq"], news["type"]) for news in found] == record
        assert (found[-1]["status"], found[-1]["stage"]) == ("running", "executing")
        await signoff.call("POST", f"/{project_id}/cancel")
        assert (await heard(reader, project_id, "project.cancelled"))[-1]["status"] == "cancelled"
        await signoff.call("PUT", f"/{earlier}", json={"name": "Another"})
        assert [news["type"] for news in await heard(reader, earlier, "project.updated")] == ["project.updated"]


async def test_a_deleted_project_is_heard_of_once_more(signoff: Stack) -> None:
    project_id = await signoff.create("")
    async with listening(signoff) as reader:
        await signoff.call("DELETE", f"/{project_id}")
        assert await heard(reader, project_id, "project.deleted") == [
            {"project_id": project_id, "type": "project.deleted", "seq": 2, "status": None, "stage": None}
        ]


async def test_only_the_wanted_types_come(signoff: Stack) -> None:
    async with listening(signoff, types="project.updated,plan.*") as reader:
        project_id = await signoff.create(WAITS)
        await signoff.call("POST", f"/{project_id}/generate-plan")
        await signoff.call("PUT", f"/{project_id}", json={"name": "Another"})
        types = [news["type"] for news in await heard(reader, project_id, "project.updated")]
    assert types == ["plan.generating", "plan.ready", "project.updated"]


async def test_a_bad_query_is_named(signoff: Stack) -> None:
    await refused(signoff, "GET", "/../events?types=" + "x" * 1001, 400, "bad_request")


async def test_a_reader_far_behind_gets_the_newest_of_each_project(signoff: Stack) -> None:
    many, few = await signoff.create(""), await signoff.create("")
    log = LiveLog(set(EventType))
    await signoff.database.read(log.start)

    def note(conn: Connection) -> None:
        news = [ProjectUpdated(fields=[str(number)]) for number in range(MAX_BEHIND + 100)]
        events.append(conn, many, *news, actor="test")
        events.append(conn, few, ProjectUpdated(fields=[]), actor="test")

    await signoff.database.transact(note)
    found = [(news.project_id, news.seq) for news in await signoff.database.read(log.read)]
    assert (many, MAX_BEHIND + 101) in found
    assert (few, 2) in found
    assert len([project_id for project_id, _ in found if project_id == many]) == 1
    assert not [news for news in await signoff.database.read(log.read) if news.project_id in {many, few}]


async def test_a_reader_that_does_not_read_holds_nobody_up(signoff: Stack) -> None:
    async with signoff.http.stream("GET", "/api/events"), listening(signoff) as reader:
        project_id = await signoff.create("")

        def note(conn: Connection) -> None:
            for _ in range(200):
                events.append(conn, project_id, ProjectUpdated(fields=["x" * 1000]), actor="test")

        for _ in range(10):
            await signoff.database.transact(note)
        await signoff.call("PUT", f"/{project_id}", json={"name": "Another"})
        await signoff.call("DELETE", f"/{project_id}")
        assert (await heard(reader, project_id, "project.deleted"))[-1]["seq"] == 2003


async def test_a_quiet_stream_pings(signoff: Stack) -> None:
    async with asyncio.timeout(20), signoff.http.stream("GET", "/api/events", params={"types": "run.lost"}) as answer:
        async for line in answer.aiter_lines():
            if line.startswith(": ping"):
                return
    raise AssertionError("the stream ended without a ping")
