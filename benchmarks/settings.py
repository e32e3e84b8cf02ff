"""Compares dev server and worker settings on bare no-op activities.

`python -m benchmarks.settings [--rounds N] [--server NAME] [--worker NAME]` prints activities per second for four shapes of work:
200 at once, 100 in a row, 20 layers of 10, and 40 workflows of 5 in a row. Each server has a new database file.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from app.temporal import devserver
from app.temporal.tuning import worker_options
from benchmarks.bare import Layers, nothing

LAYERS = {"wide": [200], "chain": [1] * 100, "layered": [10] * 20}
SMALL = 40, [1] * 5
SHAPES = (*LAYERS, "small")


@dataclass(frozen=True)
class Server:
    name: str
    args: list[str]
    on_disk: bool = True


@dataclass(frozen=True)
class WorkerSetting:
    name: str
    options: dict[str, Any]


class Rates:
    """Activities per second of each shape. Only the best round is kept, because disturbances can only make a round slower."""

    def __init__(self) -> None:
        self._best = dict.fromkeys(SHAPES, 0.0)

    def add(self, shape: str, seconds: float) -> None:
        count, widths = SMALL if shape == "small" else (1, LAYERS[shape])
        self._best[shape] = max(self._best[shape], count * sum(widths) / seconds)

    def line(self) -> str:
        return " ".join(f"{rate:8.0f}" for rate in self._best.values())


def config(*values: str) -> list[str]:
    return [arg for value in values for arg in ("--dynamic-config-value", value)]


LIMITS = ("history.transferProcessorMaxPollRPS=100", "history.maximumBufferedEventsBatch=1000")
ONE_PARTITION = ("matching.numTaskqueueReadPartitions=1", "matching.numTaskqueueWritePartitions=1")
WAL = ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal"]


def servers() -> Iterator[Server]:
    yield Server("as it comes", [])
    yield Server("limits", config(*LIMITS))
    yield Server("limits, WAL, full", [*config(*LIMITS), *WAL[:2], "--sqlite-pragma", "synchronous=full"])
    yield Server("limits, WAL", [*config(*LIMITS), *WAL])
    yield Server("and 1 partition", [*config(*LIMITS, *ONE_PARTITION), *WAL])
    yield Server("chosen", [*devserver.tuning_args(), *WAL])


def workers() -> Iterator[WorkerSetting]:
    chosen = worker_options(200)
    fixed = {"max_concurrent_activities": 200}
    activities = {"activity_task_poller_behavior": PollerBehaviorAutoscaling(initial=10, maximum=40)}
    workflows = {"workflow_task_poller_behavior": PollerBehaviorAutoscaling(initial=5, maximum=20)}
    eager = {"max_eager_activity_reservations_per_workflow_task": 50}
    yield WorkerSetting("default", fixed)
    yield WorkerSetting("auto", fixed | activities)
    yield WorkerSetting("eager", fixed | eager)
    yield WorkerSetting("auto eager", fixed | activities | eager)
    yield WorkerSetting("all auto eager", fixed | activities | workflows | eager)
    yield WorkerSetting("chosen", dict(chosen))


@asynccontextmanager
async def started(server: Server) -> AsyncIterator[Client]:
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "temporal.db") if server.on_disk else None
        async with await WorkflowEnvironment.start_local(
            dev_server_existing_path=devserver.binary(),
            dev_server_database_filename=file,
            dev_server_extra_args=server.args,
            dev_server_log_level="error",
        ) as env:
            yield env.client


async def run_shape(client: Client, queue: str, shape: str) -> float:
    count, widths = SMALL if shape == "small" else (1, LAYERS[shape])
    begin = time.perf_counter()
    runs = (client.execute_workflow(Layers.run, widths, id=uuid.uuid4().hex, task_queue=queue) for _ in range(count))
    await asyncio.gather(*runs)
    return time.perf_counter() - begin


async def measure(server: Server, settings: list[WorkerSetting], rounds: int) -> None:
    rates = {setting.name: Rates() for setting in settings}
    async with started(server) as client:
        # Round by round instead of setting by setting, so that other load on the machine affects all settings.
        for _ in range(rounds):
            for setting in settings:
                queue = uuid.uuid4().hex
                async with Worker(
                    client, task_queue=queue, workflows=[Layers], activities=[nothing], **setting.options
                ):
                    await run_shape(client, queue, "small")
                    for shape in SHAPES:
                        rates[setting.name].add(shape, await run_shape(client, queue, shape))
    for name, rate in rates.items():
        print(f"{server.name:20}{name:14}{rate.line()}", flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each setting runs; the best round is kept")
    parser.add_argument("--server", action="append", help="only this server setting (may be repeated)")
    parser.add_argument("--worker", action="append", help="only this worker setting (may be repeated)")
    args = parser.parse_args()
    settings = [setting for setting in workers() if not args.worker or setting.name in args.worker]
    print(f"{'server':20}{'worker':14}{' '.join(f'{shape:>8}' for shape in SHAPES)}   (activities per second)")
    for server in servers():
        if not args.server or server.name in args.server:
            await measure(server, settings, args.rounds)


if __name__ == "__main__":
    asyncio.run(main())
