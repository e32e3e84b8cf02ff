"""The baseline for the benchmarks: a bare Temporal workflow of activities that do nothing, or run a command.

`python -m benchmarks.bare ADDRESS NAMESPACE LIMIT` runs a worker of them until it is stopped, with Signoff's worker settings and
LIMIT activities at once. It imports nothing else of Signoff, so the process is as small as that of any application of the SDK.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from app.temporal.tuning import worker_options

QUEUE = "bare"


@activity.defn
async def nothing() -> None:
    """Do nothing, so that only the time of the server and the worker remains."""


@activity.defn
async def shell() -> str:
    """Run a command that does nothing, and return its output."""
    process = await asyncio.create_subprocess_exec("/bin/sh", "-c", "true", stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()
    return output.decode()


@workflow.defn
class Layers:
    """Runs layer after layer; each width says how many activities a layer runs at once."""

    @workflow.run
    async def run(self, widths: list[int], kind: str = "nothing") -> None:
        for width in widths:
            calls = (
                workflow.execute_activity(kind, start_to_close_timeout=timedelta(seconds=60)) for _ in range(width)
            )
            await asyncio.gather(*calls)


async def work(address: str, namespace: str, limit: int) -> None:
    client = await Client.connect(address, namespace=namespace)
    options = worker_options(limit)
    await Worker(client, task_queue=QUEUE, workflows=[Layers], activities=[nothing, shell], **options).run()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2], int(sys.argv[3])))
