"""The event stream as clients see it: format, resuming, filters, end, and readers that disconnect."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.api.answers import fields_of, refused
from tests.conftest import Stack, eventually
from tests.sse import messages

WAITS = "- [ ] Look {#look}"
Ended = tuple[str, list[dict[str, Any]]]


async def finished(stack: Stack) -> Ended:
    project_id = await stack.started("- A: `true`")
    await stack.finished(project_id)
    return project_id, await stack.events(project_id)


@pytest.fixture(scope="module")
async def ended(signoff: Stack) -> Ended:
    """A finished project and its events, for tests that only read."""
    return await finished(signoff)


async def read(
    stack: Stack, project_id: str, *, headers: dict[str, str] | None = None, **query: Any
) -> list[dict[str, str]]:
    """All messages until the server closes the stream, including `end`."""
    path = f"/api/projects/{project_id}/events"
    async with asyncio.timeout(20), stack.http.stream("GET", path, params=query, headers=headers) as answer:
        assert answer.status_code == 200
        return [message async for message in messages(answer.aiter_lines())]


async def test_the_shape_of_a_stream(signoff: Stack, ended: Ended) -> None:
    project_id, _ = ended
    answer = await signoff.http.get(f"/api/projects/{project_id}/events")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    found = await read(signoff, project_id)
    assert found[-1] == {"event": "end", "data": "{}"}
    for number, message in enumerate(found[:-1], start=1):
        event = json.loads(message["data"])
        shape = {"seq", "type", "project_id", "at", "actor", "data"}
        # Only people and keys have an id, a means and an address, and only browsers a session; Signoff itself has none.
        origin = {"actor_id", "via", "address"}
        assert set(event) in (shape, shape | origin, shape | origin | {"session_id"})
        assert (message["id"], message["event"]) == (str(number), event["type"])
        assert (event["seq"], event["project_id"]) == (number, project_id)


@pytest.mark.parametrize("by", ["after", "Last-Event-ID"])
async def test_a_stream_resumes_behind_the_last_event(signoff: Stack, ended: Ended, by: str) -> None:
    project_id, events = ended
    for seen in (0, 1, len(events) - 1):
        if by == "after":
            found = await read(signoff, project_id, after=seen)
        else:
            found = await read(signoff, project_id, headers={by: str(seen)})
        assert [json.loads(message["data"]) for message in found[:-1]] == events[seen:]


async def test_a_project_names_the_event_to_read_on_from(signoff: Stack) -> None:
    project_id = await signoff.create("- A: `true`")
    before = await signoff.project(project_id)
    assert before["last_seq"] == 1
    await signoff.call("PUT", f"/{project_id}", json={"name": "changed"})
    await signoff.call("POST", f"/{project_id}/generate-plan")
    news = await read(signoff, project_id, after=before["last_seq"], follow=False)
    assert [message["event"] for message in news[:-1]] == ["project.updated", "plan.generating", "plan.ready"]
    after = await signoff.project(project_id)
    assert after["last_seq"] == json.loads(news[-2]["data"])["seq"] == 4
    copy = await signoff.call("POST", f"/{project_id}/duplicate", status=201)
    assert copy["last_seq"] == len(await signoff.events(copy["id"]))


async def test_in_the_middle_of_a_run_it_names_the_event_that_the_rest_of_the_answer_is_as_of(signoff: Stack) -> None:
    steps = "\n".join(f"{number}. Step {number}: `true`" for number in range(1, 9))
    project_id = await signoff.started(f"## Steps (sequential)\n\n{steps}")
    answers = [await signoff.project(project_id)]
    while answers[-1]["stage"] != "finished":
        answers.append(await signoff.project(project_id))
    completed = {
        event["data"]["task_id"]: event["seq"]
        for event in await signoff.events(project_id)
        if event["type"] == "task.completed"
    }
    assert len(completed) == 8
    for answer in answers:
        done = {task["id"] for task in answer["tasks"] if task["status"] == "completed"}
        assert done == {task for task, seq in completed.items() if seq <= answer["last_seq"]}


@pytest.mark.parametrize("by", ["after", "Last-Event-ID"])
async def test_with_nothing_more_to_come_a_reconnect_gets_204(signoff: Stack, ended: Ended, by: str) -> None:
    project_id, events = ended
    path = f"/api/projects/{project_id}/events"
    for seen in (len(events), len(events) + 7):
        request: dict[str, Any] = {"params": {by: seen}} if by == "after" else {"headers": {by: str(seen)}}
        answer = await signoff.http.get(path, **request)
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    "last", ["", "abc", "-1", "1.5", "0x1", "1e3", "9" * 30, "\uff11", "1, 2", "\xff", "%00", "null"]
)
async def test_an_odd_last_event_id_means_from_the_start(signoff: Stack, ended: Ended, last: str) -> None:
    project_id, events = ended
    found = await read(signoff, project_id, headers={"Last-Event-ID": last.encode()})  # type: ignore[dict-item]
    assert [json.loads(message["data"]) for message in found[:-1]] == events


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=2147483648", "follow=perhaps", "types=" + "x" * 1001])
async def test_a_bad_query_is_named(signoff: Stack, query: str) -> None:
    project_id = await signoff.create("")
    body = await refused(signoff, "GET", f"/{project_id}/events?{query}", 400, "bad_request")
    assert fields_of(body) == [query.split("=", maxsplit=1)[0]]


async def test_types_filter(signoff: Stack, ended: Ended) -> None:
    project_id, events = ended

    async def types(wanted: str) -> list[str]:
        return [message["event"] for message in await read(signoff, project_id, types=wanted)]

    everything = [event["type"] for event in events]
    assert await types("task.*") == ["task.started", "task.completed", "end"]
    assert await types("run.started, project.*") == ["project.created", "run.started", "project.completed", "end"]
    assert await types("*.completed") == ["task.completed", "phase.completed", "project.completed", "end"]
    assert await types("") == [*everything, "end"]
    assert await types("*") == [*everything, "end"]
    for nothing in ("nope", "TASK.*", "[", "\x00", ","):
        assert await types(nothing) == ["end"]


async def test_without_follow_a_stream_ends_at_once(signoff: Stack) -> None:
    project_id = await signoff.started(WAITS)
    await signoff.task_in(project_id, "look", "waiting")
    found = await read(signoff, project_id, follow="false")
    assert [message["event"] for message in found][-2] == "task.waiting"
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_a_reader_hears_of_everything_until_the_end(signoff: Stack) -> None:
    project_id = await signoff.create(WAITS)
    reading = asyncio.create_task(read(signoff, project_id))
    await signoff.call("POST", f"/{project_id}/generate-plan")
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.task_in(project_id, "look", "waiting")
    assert not reading.done()
    await signoff.call("POST", f"/{project_id}/tasks/look/complete")
    found = await reading
    assert [message["event"] for message in found] == [*(e["type"] for e in await signoff.events(project_id)), "end"]
    assert found[-2]["event"] == "project.completed"


async def test_a_finished_project_that_goes_on_is_followed_again(signoff: Stack) -> None:
    project_id, events = await finished(signoff)
    await signoff.call("POST", f"/{project_id}/regenerate-plan")
    reading = asyncio.create_task(read(signoff, project_id, after=len(events)))
    await signoff.call("POST", f"/{project_id}/cancel")
    found = [message["event"] for message in await reading]
    assert found == [*(event["type"] for event in (await signoff.events(project_id))[len(events) :]), "end"]
    assert found[-2] == "project.cancelled"


async def test_a_quiet_stream_pings(signoff: Stack) -> None:
    project_id = await signoff.create("")
    async with asyncio.timeout(20), signoff.http.stream("GET", f"/api/projects/{project_id}/events") as answer:
        async for line in answer.aiter_lines():
            if line.startswith(": ping"):
                break
        else:
            raise AssertionError("the stream ended without a ping")


@pytest.mark.usefixtures("sqlite_only")  # with PostgreSQL, watching continues for the next reader
async def test_readers_that_go_away_leave_nothing_behind(signoff: Stack) -> None:
    project_id = await signoff.started(WAITS)
    await signoff.task_in(project_id, "look", "waiting")

    def watchers() -> int:
        return sum(task.get_name() == "change-feed" and not task.done() for task in asyncio.all_tasks())

    async def first_line() -> None:
        async with signoff.http.stream("GET", f"/api/projects/{project_id}/events") as answer:
            async for line in answer.aiter_lines():
                if line.startswith("id:"):
                    assert watchers() >= 1
                    return

    # The app's own sealer always watches.
    before = watchers()

    async def nobody_waits() -> bool:
        return watchers() <= before

    await asyncio.gather(*(first_line() for _ in range(20)))
    await eventually(nobody_waits, what="nobody watches the database any more")
    assert (await signoff.project(project_id))["status"] == "running"
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_a_deleted_project_says_goodbye(signoff: Stack) -> None:
    project_id = await signoff.create("")
    seen: list[str] = []
    async with asyncio.timeout(20), signoff.http.stream("GET", f"/api/projects/{project_id}/events") as answer:
        async for message in messages(answer.aiter_lines()):
            seen.append(message["event"])
            if message["event"] == "project.created":
                await signoff.call("DELETE", f"/{project_id}")
    assert seen == ["project.created", "project.deleted", "end"]
    late = await read(signoff, project_id)
    assert [(message["event"], message.get("id")) for message in late] == [("project.deleted", "2"), ("end", None)]
    answer = await signoff.http.get(f"/api/projects/{project_id}/events", headers={"Last-Event-ID": "2"})
    assert answer.status_code == 204
