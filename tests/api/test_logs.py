"""Logs of tasks: complete, per attempt, and while they are written."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.answers import refused
from tests.conftest import Stack
from tests.sse import messages

pytestmark = pytest.mark.usefixtures("plans_without_workflow")


async def followed(stack: Stack, project_id: str, task: str, **headers: str) -> tuple[str, list[dict[str, Any]]]:
    path = f"/api/projects/{project_id}/tasks/{task}/logs?follow=true"
    found: list[dict[str, Any]] = []
    async with stack.http.stream("GET", path, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for message in messages(answer.aiter_lines()):
            if message["event"] == "end":
                break
            found.append(message)
    return "".join(json.loads(message["data"])["text"] for message in found), found


async def test_the_log_of_each_attempt_is_kept(signoff: Stack) -> None:
    project_id = await signoff.started(
        "- Flaky: `[ -e x ] && echo second ä || { touch x; echo first; exit 1; }` {#flaky retries=1}"
    )
    await signoff.finished(project_id)
    path = f"/api/projects/{project_id}/tasks/flaky/logs"
    answer = await signoff.http.get(path)
    assert (answer.text, answer.headers["content-type"]) == ("second ä\n", "text/plain; charset=utf-8")
    assert (await signoff.http.get(f"{path}?attempt=1")).text == "first\n"
    await refused(signoff, "GET", f"/{project_id}/tasks/flaky/logs?attempt=3", 404, "attempt_not_found")
    await refused(signoff, "GET", f"/{project_id}/tasks/nothing/logs", 404, "task_not_found")
    await refused(signoff, "GET", f"/{project_id}/tasks/flaky/logs?attempt=0", 400)
    text, _ = await followed(signoff, project_id, "flaky")
    assert text == "second ä\n"


async def test_a_task_without_a_log_has_an_empty_one(signoff: Stack) -> None:
    project_id = await signoff.planned("- [ ] Look {#look}")
    assert (await signoff.http.get(f"/api/projects/{project_id}/tasks/look/logs")).text == ""
    assert await followed(signoff, project_id, "look") == ("", [])


async def test_a_log_is_followed_while_it_is_written_and_resumed(signoff: Stack) -> None:
    lines = "echo one; while [ ! -e go ]; do sleep 0.05; done; echo two ✓; echo three"
    project_id = await signoff.started(f"- Slow: `{lines}` {{#slow}}")
    await signoff.task_in(project_id, "slow", "running")
    workspace = Path((await signoff.project(project_id))["workspace"])
    seen = ""
    last = "0"
    async with signoff.http.stream("GET", f"/api/projects/{project_id}/tasks/slow/logs?follow=true") as answer:
        async for message in messages(answer.aiter_lines()):
            if message["event"] == "end":
                break
            seen += json.loads(message["data"])["text"]
            if seen == "one\n":
                last = message["id"]
                (workspace / "go").touch()
    assert seen == "one\ntwo ✓\nthree\n"
    rest, _ = await followed(signoff, project_id, "slow", **{"Last-Event-ID": last})
    assert rest == "two ✓\nthree\n"


async def test_the_log_of_a_task_that_is_to_come_is_waited_for(signoff: Stack) -> None:
    project_id = await signoff.started(
        "1. First: `while [ ! -e go ]; do sleep 0.05; done` {#first}\n2. Then: `echo then` {#then}"
    )
    await signoff.task_in(project_id, "first", "running")
    following = asyncio.create_task(followed(signoff, project_id, "then"))
    (Path((await signoff.project(project_id))["workspace"]) / "go").touch()
    assert (await following)[0] == "then\n"


async def test_bytes_that_are_no_text_are_shown_as_such(signoff: Stack) -> None:
    project_id = await signoff.started(r"- Odd: `printf 'a\377b\303'` {#odd}")
    await signoff.finished(project_id)
    text, _ = await followed(signoff, project_id, "odd")
    assert text == "a\ufffdb\ufffd"
    whole = await signoff.http.get(f"/api/projects/{project_id}/tasks/odd/logs")
    assert whole.content == text.encode()
