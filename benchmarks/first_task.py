"""What it costs, and how long it takes, to make a plan from an outline, and to get from its approval to its first task.

`python -m benchmarks.first_task [--projects 40] [--rounds 3]` starts a whole Signoff. In each round, it creates projects, has
their plans made one after the other, and approves them one after the other. Prints milliseconds for each project: the processor
time of each process, the median time until the answer, and from the approve request to the start of the first task by the record.
Processor times after `approve` include the run.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx

from app.settings import Settings
from app.supervisor.stack import running_stack
from benchmarks.load import PLAN
from benchmarks.processor_time import parts, used_by
from tests.ports import free_port


class Round:
    """One round over new projects.

    Args:
        http: a connection to the app.
        pids: the processes of Signoff, by name.
    """

    def __init__(self, http: httpx.AsyncClient, pids: dict[str, int]) -> None:
        self._http = http
        self._pids = pids
        self._projects: list[str] = []

    async def create(self, count: int) -> None:
        """Create the projects."""
        for _ in range(count):
            created = (await self._http.post("/api/projects", json={"description": PLAN})).raise_for_status()
            self._projects.append(f"/api/projects/{created.json()['id']}")

    async def plan(self) -> dict[str, float]:
        """Have the plans made."""

        async def one(path: str) -> float:
            began = time.perf_counter()
            (await self._http.post(f"{path}/generate-plan")).raise_for_status()
            return time.perf_counter() - began

        return await self._measured(one)

    async def approve(self) -> dict[str, float]:
        """Approve the plans, and wait for the end of each run."""
        started: list[float] = []

        async def one(path: str) -> float:
            began, moment = time.perf_counter(), datetime.now(UTC)
            (await self._http.post(f"{path}/approve")).raise_for_status()
            answered = time.perf_counter() - began
            started.append((await self._first_start(path) - moment).total_seconds())
            return answered

        measured = await self._measured(one)
        return {**measured, "first task": statistics.median(started) * 1000}

    async def _first_start(self, path: str) -> datetime:
        """Wait until the run has ended. Returns when its first task has started."""
        async with self._http.stream("GET", f"{path}/events?follow=true") as answer:
            async for line in answer.aiter_lines():
                if "project.completed" in line or "project.failed" in line:
                    break
        tasks = (await self._http.get(f"{path}/tasks")).raise_for_status().json()["tasks"]
        return min(datetime.fromisoformat(task["started_at"]) for task in tasks if task["started_at"])

    async def _measured(self, step: Callable[[str], Awaitable[float]]) -> dict[str, float]:
        before = self._used()
        took = [await step(path) for path in self._projects]
        await asyncio.sleep(1)
        used = {name: (now - before[name]) * 1000 / len(took) for name, now in self._used().items()}
        return {**used, "all": sum(used.values()), "answer": statistics.median(took) * 1000}

    def _used(self) -> dict[str, float]:
        return {name: used_by(pid) for name, pid in self._pids.items()}


async def run(projects: int, rounds: int) -> None:
    """Start Signoff, and print what each round has measured."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder),
            port=free_port(),
            temporal_port=free_port(),
            temporal_ui_port=free_port(),
            log_level="error",
        )
        async with (
            running_stack(settings) as addresses,
            httpx.AsyncClient(base_url=addresses.url, timeout=120) as http,
        ):
            for number in range(rounds + 1):
                one = Round(http, parts())
                await one.create(projects if number else 5)
                measured = {"generate-plan": await one.plan(), "approve": await one.approve()}
                if number or not rounds:  # the first round warms everything up
                    show(measured)


def show(measured: dict[str, dict[str, float]]) -> None:
    """Print what a round has measured."""
    for name, values in measured.items():
        print(f"{name:14}" + "".join(f"{key:>12}{value:7.1f}" for key, value in values.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, default=40, help="in each round")
    parser.add_argument("--rounds", type=int, default=3, help="0: one round of five projects, without warming up")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.projects, arguments.rounds))


if __name__ == "__main__":
    main()
