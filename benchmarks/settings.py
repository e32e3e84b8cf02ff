"""Measure dev server and worker settings against each other on bare no-op activities.

`python -m benchmarks.settings [--repeat N] [--only SUBSTRING]` prints activities a second for four shapes of work: 200 at once,
100 in a row, 20 layers of 10, and 40 workflows of 5 in a row. Each server configuration gets a fresh database file.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import PollerBehaviorAutoscaling, PollerBehaviorSimpleMaximum, Worker

with workflow.unsafe.imports_passed_through():
    from app.engine import devserver
    from app.engine.tuning import worker_options

LAYERS = {"wide": [200], "chain": [1] * 100, "layered": [10] * 20}
SMALL = 40, [1] * 5
SHAPES = (*LAYERS, "small")


@activity.defn
async def nothing() -> None:
    """No work: what is left is the server's and the worker's own time."""


@workflow.defn
class Layers:
    @workflow.run
    async def run(self, widths: list[int]) -> None:
        for width in widths:
            calls = (
                workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=60)) for _ in range(width)
            )
            await asyncio.gather(*calls)


@dataclass(frozen=True)
class Server:
    name: str
    args: list[str]
    on_disk: bool = True


@dataclass(frozen=True)
class WorkerSetting:
    name: str
    options: dict[str, Any]


@dataclass
class Rates:
    seconds: dict[str, list[float]] = field(default_factory=lambda: {shape: [] for shape in SHAPES})

    def line(self) -> str:
        counts = {name: sum(widths) for name, widths in LAYERS.items()} | {"small": SMALL[0] * sum(SMALL[1])}
        return " ".join(f"{counts[shape] / statistics.median(self.seconds[shape]):8.0f}" for shape in SHAPES)


def config(*values: str) -> list[str]:
    return [arg for value in values for arg in ("--dynamic-config-value", value)]


RPS, BUFFER = "history.transferProcessorMaxPollRPS=100", "history.maximumBufferedEventsBatch=1000"
ONE_PARTITION = ("matching.numTaskqueueReadPartitions=1", "matching.numTaskqueueWritePartitions=1")
SYNC_MATCH_OFF_BUFFER = ("history.timerProcessorMaxPollRPS=100", "history.visibilityProcessorMaxPollRPS=100")


def servers() -> Iterator[Server]:
    yield Server("as it comes", [])
    yield Server("rps", config(RPS, BUFFER))
    pragmas = ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal"]
    yield Server("rps wal", [*config(RPS, BUFFER), *pragmas])
    yield Server(
        "rps wal full",
        [*config(RPS, BUFFER), "--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=full"],
    )
    yield Server("rps wal 1part", [*config(RPS, BUFFER, *ONE_PARTITION), *pragmas])
    yield Server("rps wal timers", [*config(RPS, BUFFER, *SYNC_MATCH_OFF_BUFFER), *pragmas])
    yield Server("chosen", devserver.tuning_args() + pragmas)


def workers() -> Iterator[WorkerSetting]:
    chosen = dict(worker_options(200))
    fixed = {key: chosen[key] for key in ("max_concurrent_activities", "sticky_queue_schedule_to_start_timeout")}
    auto = {"activity_task_poller_behavior": PollerBehaviorAutoscaling(initial=10, maximum=40)}
    auto_both = auto | {"workflow_task_poller_behavior": PollerBehaviorAutoscaling(initial=5, maximum=20)}
    simple = {"activity_task_poller_behavior": PollerBehaviorSimpleMaximum(maximum=20)}
    eager = {"max_eager_activity_reservations_per_workflow_task": 50}
    yield WorkerSetting("default", fixed)
    yield WorkerSetting("auto", fixed | auto)
    yield WorkerSetting("auto both", fixed | auto_both)
    yield WorkerSetting("simple 20", fixed | simple)
    yield WorkerSetting("eager", fixed | eager)
    yield WorkerSetting("auto eager", fixed | auto | eager)
    yield WorkerSetting("both eager", fixed | auto_both | eager)
    yield WorkerSetting("chosen", chosen)


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


async def measure(server: Server, settings: list[WorkerSetting], repeat: int) -> None:
    async with started(server) as client:
        for setting in settings:
            queue, rates = uuid.uuid4().hex, Rates()
            async with Worker(client, task_queue=queue, workflows=[Layers], activities=[nothing], **setting.options):
                await run_shape(client, queue, "small")
                for _ in range(repeat):
                    for shape in SHAPES:
                        rates.seconds[shape].append(await run_shape(client, queue, shape))
            print(f"{server.name:16}{setting.name:14}{rates.line()}", flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each shape; the median counts")
    parser.add_argument("--server", action="append", help="only this server setting (may be repeated)")
    parser.add_argument("--worker", action="append", help="only this worker setting (may be repeated)")
    args = parser.parse_args()
    settings = [setting for setting in workers() if not args.worker or setting.name in args.worker]
    print(f"{'server':16}{'worker':14}{' '.join(f'{shape:>8}' for shape in SHAPES)}   (activities a second)")
    for server in servers():
        if not args.server or server.name in args.server:
            await measure(server, settings, args.repeat)


if __name__ == "__main__":
    asyncio.run(main())
