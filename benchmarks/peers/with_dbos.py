"""DBOS on SQLite, its default: the tasks as steps of one workflow, or with `queue` as a workflow each, through a queue.

Arguments: a folder for the database, and `steps` or `queue`. Runs in the environment of `requirements.txt`.
"""

from __future__ import annotations

import asyncio
import sys

from dbos import DBOS

from benchmarks.peers.jobs import jobs

QUEUE = "tasks"


@DBOS.step()
async def nothing() -> None:
    """Do nothing."""


@DBOS.step()
async def shell() -> None:
    """Run a command that does nothing."""
    process = await asyncio.create_subprocess_exec("/bin/sh", "-c", "true")
    assert await process.wait() == 0


STEPS = {"nothing": nothing, "shell": shell}


@DBOS.workflow()
async def steps(widths: list[int], kind: str) -> None:
    """Run each layer as steps side by side, in this process."""
    for width in widths:
        await asyncio.gather(*(STEPS[kind]() for _ in range(width)))


@DBOS.workflow()
async def task(kind: str) -> None:
    """Run one task."""
    await STEPS[kind]()


@DBOS.workflow()
async def queue(widths: list[int], kind: str) -> None:
    """Run each task as a workflow that goes through a queue."""
    for width in widths:
        handles = [await DBOS.enqueue_workflow_async(QUEUE, task, kind) for _ in range(width)]
        for handle in handles:
            await handle.get_result()


def main() -> None:
    """Serve jobs until standard input ends."""
    folder, way = sys.argv[1:]
    url = f"sqlite:///{folder}/dbos-{way}.sqlite"
    DBOS(config={"name": "compared", "system_database_url": url, "run_admin_server": False, "log_level": "ERROR"})
    DBOS.launch()
    DBOS.register_queue(QUEUE)
    workflow = {"steps": steps, "queue": queue}[way]

    async def serve() -> None:
        for widths, kind in jobs():
            await workflow(widths, kind)

    asyncio.run(serve())
    DBOS.destroy()


if __name__ == "__main__":
    main()
