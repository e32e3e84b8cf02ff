"""Previews run in separate processes, which block nobody and have limits."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.api.http.helper_process import HelperEndedError, HelperProcesses
from app.api.views.preview_order import OUT_OF_TIME, PreviewOrder
from app.api.views.preview_process import LARGEST
from tests.conftest import Stack, running_stack
from tests.processes import children_of

LARGE = "- a\n" * 10_000
SMALL = "- a"


def helpers() -> list[int]:
    return [pid for pid in children_of(os.getpid()) if b"app.api.views.preview_process" in command_of(pid)]


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.fixture
async def stack(temporal_server: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stack]:
    monkeypatch.setenv("SIGNOFF_TASK_QUEUE", "of-the-app")
    monkeypatch.setenv("SOME_PASSWORD", "hidden")
    before = set(helpers())
    async with running_stack(temporal_server, tmp_path, worker=False) as stack:  # type: ignore[arg-type]
        yield stack
    assert set(helpers()) == before, "they end with the app"


async def preview(stack: Stack, description: str) -> int:
    answer = await stack.http.post("/api/outline", json={"description": description})
    assert answer.status_code == 200, answer.text[:1000]
    return answer.json()["stats"]["tasks"]


async def one_stands_still(stack: Stack) -> tuple[int, asyncio.Task[int]]:
    """Stop a helper during a preview and request another; return that helper and its waiting preview."""
    before = set(helpers())
    assert await preview(stack, SMALL) == 1
    [helper] = set(helpers()) - before
    os.kill(helper, signal.SIGSTOP)
    asked = [asyncio.create_task(preview(stack, SMALL)) for _ in range(2)]
    done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in done] == [1]
    return helper, waiting.pop()


async def test_the_app_answers_while_a_preview_stands_still(stack: Stack) -> None:
    helper, stuck = await one_stands_still(stack)
    for _ in range(5):
        (await stack.http.get("/health")).raise_for_status()
        assert await preview(stack, SMALL) == 1, "by the other process"
    assert not stuck.done()
    os.kill(helper, signal.SIGCONT)
    assert await stuck == 1


async def test_a_preview_whose_helper_is_killed_can_be_asked_for_again(stack: Stack) -> None:
    helper, stuck = await one_stands_still(stack)
    os.kill(helper, signal.SIGKILL)
    with pytest.raises(AssertionError, match=r"503|unavailable"):
        await stuck
    for _ in range(3):
        assert await preview(stack, SMALL) == 1


async def test_a_helper_has_limits_and_none_of_the_apps_settings_and_secrets(stack: Stack) -> None:
    before = set(helpers())
    await preview(stack, SMALL)
    [helper] = set(helpers()) - before
    [limit] = [line for line in Path(f"/proc/{helper}/limits").read_text().splitlines() if "address space" in line]
    assert limit.split()[3] == str(LARGEST)
    environment = Path(f"/proc/{helper}/environ").read_bytes()
    assert b"SIGNOFF_" not in environment
    assert b"hidden" not in environment
    assert b"PATH=" in environment


async def test_a_preview_that_takes_too_long_is_ended_and_the_next_one_is_made() -> None:
    processes = HelperProcesses("app.api.views.preview_process", ["0.2"], dict(os.environ), 1)
    try:
        with pytest.raises(HelperEndedError) as ended:
            await processes.answer(order(LARGE))
        assert ended.value.code == OUT_OF_TIME
        assert json.loads(await processes.answer(order(SMALL)))["valid"]
    finally:
        await processes.close()


def order(description: str) -> bytes:
    return (
        PreviewOrder(description=description, agent_id=None, agents={}, private=[], parameters={})
        .model_dump_json()
        .encode()
    )
