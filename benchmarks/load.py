"""What many clients get done at once, and how long each of their calls takes.

`python -m benchmarks.load [--clients 100] [--seconds 60]` starts a whole Signoff. Each client creates a project, has its plan
made, approves it, follows its events to the end of the run, polls the project meanwhile, and then takes the next one. Prints
how often each call was answered, its median and 99th percentile, failures, and the memory (PSS) of each process over time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from app.settings import Settings
from app.supervisor.stack import running_stack
from benchmarks.processor_time import parts, processes_below
from tests.ports import free_port

PLAN = "- First: `true`\n- Second: `true`\n- Third {#third milestone}"
POLL_SECONDS = 0.5
# A plan or a decision that takes longer than this, or a run that does, counts as failed.
PATIENCE_SECONDS = 60
WAIT = {"Prefer": f"wait={PATIENCE_SECONDS}"}
CALLS = ("create", "generate-plan", "approve", "poll", "follow")


class Load:
    """The clients, and what they have measured.

    Args:
        http: the connections of all clients.
        until: when they begin nothing more, on the clock of `time.perf_counter`.
    """

    def __init__(self, http: httpx.AsyncClient, until: float) -> None:
        self._http = http
        self._until = until
        self.took: defaultdict[str, list[float]] = defaultdict(list)
        self.failed: Counter[str] = Counter()

    async def client(self) -> None:
        """Work on one project after the other."""
        while time.perf_counter() < self._until:
            try:
                await self._one_project()
            except (httpx.HTTPError, TimeoutError) as error:
                self.failed[type(error).__name__] += 1

    async def _one_project(self) -> None:
        project = await self._call("create", "POST", "/api/projects", {"description": PLAN})
        path = f"/api/projects/{project['id']}"
        await self._call("generate-plan", "POST", f"{path}/generate-plan")
        await self._call("approve", "POST", f"{path}/approve")
        polling = asyncio.create_task(self._poll(path))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._follow(path)
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)

    async def _poll(self, path: str) -> None:
        while True:
            await self._call("poll", "GET", path)
            await asyncio.sleep(POLL_SECONDS)

    async def _follow(self, path: str) -> None:
        async with self._timed("follow"), self._http.stream("GET", f"{path}/events?follow=true") as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if "project.completed" in line or "project.failed" in line:
                    return

    async def _call(self, name: str, method: str, target: str, body: object = None) -> Any:
        async with self._timed(name):
            answer = await self._http.request(method, target, json=body, headers=WAIT)
            answer.raise_for_status()
            return answer.json()

    @asynccontextmanager
    async def _timed(self, name: str) -> AsyncGenerator[None]:
        begun = time.perf_counter()
        yield
        self.took[name].append(time.perf_counter() - begun)


def memory() -> dict[str, float]:
    """Return the MiB of each process of Signoff, and of all below this one. Shared pages count in part."""
    named = {pid: name for name, pid in parts().items()}
    found = dict.fromkeys(named.values(), 0.0)
    whole = 0.0
    for pid in processes_below(os.getpid()):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        mib = sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
        whole += mib
        if pid in named:
            found[named[pid]] = mib
    return {**found, "clients": whole - sum(found.values()), "all": whole}


def show_memory(moment: str, used: dict[str, float]) -> None:
    """Print the MiB of each process at a moment."""
    print(f"{moment:16}" + "".join(f"{name:>10}{mib:5.0f} MiB" for name, mib in used.items()), flush=True)


async def watch(begun: float, every: float) -> None:
    """Print the memory again and again, until cancelled."""
    while True:
        await asyncio.sleep(every)
        show_memory(f"after {time.perf_counter() - begun:.0f} s", await asyncio.to_thread(memory))


async def run(clients: int, seconds: float) -> None:
    """Start Signoff, let the clients work, and print what they measured."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder),
            port=free_port(),
            temporal_port=free_port(),
            temporal_ui_port=free_port(),
            log_level="error",
            max_connections=clients * 4,
        )
        limits = httpx.Limits(max_connections=None)
        async with (
            running_stack(settings) as addresses,
            httpx.AsyncClient(base_url=addresses.url, timeout=120, limits=limits) as http,
        ):
            show_memory("at the start", memory())
            begun = time.perf_counter()
            load = Load(http, begun + seconds)
            watching = asyncio.create_task(watch(begun, max(1.0, seconds / 6)))
            await asyncio.gather(*(load.client() for _ in range(clients)))
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            show(load, clients, time.perf_counter() - begun)
            show_memory("at the end", memory())


def show(load: Load, clients: int, seconds: float) -> None:
    """Print what the clients measured."""
    answered = sum(map(len, load.took.values()))
    print(f"{clients} clients, {seconds:.0f} s: {answered / seconds:.1f} answers a second, failed: {dict(load.failed)}")
    print(f"{'call':16}{'answers':>9}{'a second':>10}{'p50':>11}{'p99':>11}")
    for name in CALLS:
        times = sorted(load.took[name]) or [0.0]
        last = times[min(len(times) - 1, len(times) * 99 // 100)]
        count = len(load.took[name])
        print(
            f"{name:16}{count:9}{count / seconds:10.1f}{statistics.median(times) * 1000:8.0f} ms{last * 1000:8.0f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60, help="afterwards, clients begin no more projects")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.clients, arguments.seconds))


if __name__ == "__main__":
    main()
