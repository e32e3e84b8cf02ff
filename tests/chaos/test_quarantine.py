"""A task that kills or freezes its worker runs alone after the second time, then fails. No other task is affected."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.conftest import Processes
from tests.conftest import eventually
from tests.databases import DATABASES
from tests.sse import read_events

# The parent of the command is its guard, and the guard's parent is the worker.
WORKER = "$(awk '/PPid/{print $2}' /proc/$PPID/status)"


@pytest.fixture
async def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Processes]:
    # The sandbox does not let a task signal its worker. Without it, or by exhausting the machine, a task can.
    monkeypatch.setenv("SIGNOFF_SANDBOX", "none")
    async with Processes.running(tmp_path, database_url=DATABASES.setting()) as running:
        yield running


@contextlib.asynccontextmanager
async def supervised(processes: Processes) -> AsyncGenerator[list[int]]:
    """Restart the worker whenever it ends, as `signoff up` does. Yields the exit codes so far."""
    ends: list[int] = []

    async def watch() -> None:
        while True:
            code = processes.running["worker"].poll()
            if code is not None:
                ends.append(code)
                processes.start("worker")
            await asyncio.sleep(0.05)  # why: the step of a watch that the test ends

    watching = asyncio.create_task(watch())
    try:
        yield ends
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("sent", ["KILL", "STOP"])
async def test_it_is_quarantined_and_fails_and_an_innocent_task_completes(processes: Processes, sent: str) -> None:
    innocent, workspace = await processes.started("- Good: `until [ -e quick ]; do sleep 0.2; done` {#good}")
    await processes.task_in(innocent, "good", "running")
    killer, _ = await processes.started(f"- Bad: `sleep 1; kill -{sent} {WORKER}; sleep 600` {{#bad}}")
    async with supervised(processes) as ends:
        if sent == "STOP":
            await thaw(processes, killer)

        async def failed() -> bool:
            return (await processes.call("GET", f"/{killer}"))["stage"] == "finished"

        await eventually(failed, what="the task that kills has failed", seconds=150)
        project = await processes.call("GET", f"/{killer}")
        bad = project["tasks"][0]
        assert (project["status"], bad["error"]["type"]) == ("failed", "worker_killed")
        assert "2 workers were lost while it was in progress" in bad["quarantine"]
        (workspace / "quick").touch()
        done = await processes.finished(innocent)
        assert done["status"] == "completed", done["failure"]
        if sent == "KILL":
            assert (ends, bad["attempt"]) == ([-signal.SIGKILL] * 2, 3)
    events = await read_events(processes.http, killer)
    assert any("quarantine" in event["data"] for event in events if event["type"] == "task.retrying")


async def thaw(processes: Processes, killer: str) -> None:
    """A frozen worker is useless. Whoever watches it ends it once its attempt has been given up on."""
    for attempt in (1, 2):

        async def frozen(attempt: int = attempt) -> bool:
            task = (await processes.call("GET", f"/{killer}"))["tasks"][0]
            return task["attempt"] >= attempt and _is_frozen(processes.running["worker"].pid)

        await eventually(frozen, what=f"the worker of attempt {attempt} is frozen", seconds=60)
        processes.running["worker"].send_signal(signal.SIGKILL)


def _is_frozen(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.timeout(300)
async def test_a_task_that_only_was_there_completes_in_quarantine(processes: Processes) -> None:
    """Its worker is killed from outside, again and again. The task has done nothing, and does not fail because of it."""
    # It looks for the file before it says that it runs, so that the test can make the file as soon as it does.
    command = "test -e quick; absent=$?; echo x >> runs; [ $absent = 0 ] || sleep 600"
    project_id, workspace = await processes.started(f"- Slow: `{command}` {{#slow}}")

    def runs() -> int:
        file = workspace / "runs"
        return len(file.read_text().split()) if file.exists() else 0

    async with supervised(processes):
        for number in (1, 2, 3):

            async def began(number: int = number) -> bool:
                return runs() >= number

            await eventually(began, what=f"attempt {number} has begun", seconds=60)
            if number == 3:
                (workspace / "quick").touch()
            processes.running["worker"].send_signal(signal.SIGKILL)
        done = await processes.finished(project_id)
    assert done["status"] == "completed", done["tasks"][0]["error"]
    assert done["tasks"][0]["attempt"] == 4
    assert done["tasks"][0]["quarantine"] is not None
