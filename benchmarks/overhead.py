"""What Signoff adds to Temporal: the same no-op tasks run through Signoff and through a bare SDK workflow, in turn.

`python -m benchmarks.overhead [--rounds N] [--tasks N]` starts a dev server on a database file, the app, and two worker processes
with the same settings: one for Signoff and one for the bare workflow. For each shape of work it prints the seconds of both
and their ratio. Signoff's time runs from the approve request to the end of the workflow, and includes the decision, every record
with its event, and the task's own activity (`task`: an action that does nothing; `milestone`: only its record).
`python -m benchmarks.commands` measures what a command costs, and `python -m benchmarks.connections` what it costs to check who
opened a connection.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client
from temporalio.worker import Worker

from app.domain.actions import Action, TaskContext
from app.domain.registry import load_actions
from app.settings import Settings
from app.settings.loading import load_settings
from app.temporal import devserver
from app.temporal.connection import connect
from app.temporal.tuning import worker_options
from benchmarks.bare import Layers, nothing
from tests.ports import free_port

BARE_QUEUE = "bare"


class Nothing(Action):
    """An action that does nothing, so that only the round trip remains."""

    type = "nothing"

    async def run(self, context: TaskContext) -> dict[str, Any]:
        return {}


def draft(widths: list[int], kind: str) -> list[dict[str, Any]]:
    """Return the tasks of a plan. Each layer depends on all tasks of the layer before, as with `gather`."""
    tasks: list[dict[str, Any]] = []
    before: list[str] = []
    for layer, width in enumerate(widths):
        keys = [f"t{layer}_{number}" for number in range(width)]
        tasks += [{"title": key, "key": key, "action": {"type": kind}, "depends_on": before} for key in keys]
        before = keys
    return tasks


def outline(widths: list[int], kind: str) -> str:
    """Return the plan as Markdown."""
    lines = ["## All"]
    for task in draft(widths, kind):
        after = f" after={','.join(task['depends_on'])}" if task["depends_on"] else ""
        lines += [
            f"- {task['title']} {{#{task['key']}{after}}}",
            "",
            "  ```action",
            f'  {{"type": "{kind}"}}',
            "  ```",
            "",
        ]
    return "\n".join(lines)


async def run_signoff(http: httpx.AsyncClient, temporal: Client, widths: list[int], kind: str) -> float:
    project = (await http.post("/api/projects", json={"description": outline(widths, kind)})).raise_for_status().json()
    path = f"/api/projects/{project['id']}"
    (await http.post(f"{path}/generate-plan")).raise_for_status()
    began = time.perf_counter()
    (await http.post(f"{path}/approve")).raise_for_status()
    result = await temporal.get_workflow_handle(project["id"]).result()
    elapsed = time.perf_counter() - began
    assert result["status"] == "completed", result
    return elapsed


async def run_bare(temporal: Client, widths: list[int]) -> float:
    began = time.perf_counter()
    await temporal.execute_workflow(Layers.run, widths, id=f"bare-{began}", task_queue=BARE_QUEUE)
    return time.perf_counter() - began


async def wait_until_ready(http: httpx.AsyncClient) -> None:
    for _ in range(600):
        try:
            answer = (await http.get("/ready")).json()
            if answer["status"] == "ready" and answer["checks"]["workers"]:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)
    raise SystemExit("Signoff did not become ready")


async def compare(rounds: int, tasks: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        port, temporal_port, ui_port = free_port(), free_port(), free_port()
        settings = Settings(data_dir=Path(folder), port=port, temporal_port=temporal_port, temporal_ui_port=ui_port)
        environment = os.environ | {
            "SIGNOFF_DATA_DIR": folder,
            "SIGNOFF_PORT": str(port),
            "SIGNOFF_TEMPORAL_PORT": str(temporal_port),
            "SIGNOFF_LOG_LEVEL": "error",
        }
        me = [sys.executable, "-m", "benchmarks.overhead"]
        commands = [
            devserver.command(settings, None),
            [sys.executable, "-m", "app.cli", "migrate"],
            [*me, "--role", "signoff"],
            [*me, "--role", "bare"],
            [sys.executable, "-m", "app.cli", "serve"],
        ]
        processes = [
            subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in commands[:2]
        ]
        processes[1].wait()
        processes += [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for command in commands[2:]]
        try:
            async with AsyncExitStack() as stack:
                http = await stack.enter_async_context(
                    httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=120)
                )
                await wait_until_ready(http)
                await measure(http, await connect(settings), rounds, tasks)
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()


async def measure(http: httpx.AsyncClient, temporal: Client, rounds: int, tasks: int) -> None:
    shapes = {"wide": [tasks], "chain": [1] * tasks, "layered": [10] * max(1, tasks // 10)}
    print(f"{tasks} tasks, median of {rounds} rounds, seconds (ratio to bare)")
    print(f"{'shape':10} {'bare':>8} {'milestone':>18} {'task':>18}")
    for shape, widths in shapes.items():
        times: dict[str, list[float]] = {"bare": [], "milestone": [], "nothing": []}
        for number in range(rounds + 1):
            bare = await run_bare(temporal, widths)
            milestone = await run_signoff(http, temporal, widths, "milestone")
            task = await run_signoff(http, temporal, widths, "nothing")
            if number:  # the first round warms everything up
                for name, seconds in (("bare", bare), ("milestone", milestone), ("nothing", task)):
                    times[name].append(seconds)
        middle = {name: statistics.median(seconds) for name, seconds in times.items()}
        cells = [f"{middle[name]:8.2f} ({middle[name] / middle['bare']:6.2f} x)" for name in ("milestone", "nothing")]
        print(f"{shape:10} {middle['bare']:8.2f} {cells[0]:>18} {cells[1]:>18}", flush=True)


async def work_bare(settings: Settings) -> None:
    client = None
    while client is None:
        try:
            client = await connect(settings)
        except RuntimeError:
            await asyncio.sleep(0.2)
    options = worker_options(settings.max_concurrent_tasks)
    await Worker(client, task_queue=BARE_QUEUE, workflows=[Layers], activities=[nothing], **options).run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--role", choices=["signoff", "bare"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.role is None:
        asyncio.run(compare(arguments.rounds, arguments.tasks))
    elif arguments.role == "bare":
        asyncio.run(work_bare(Settings()))
    else:
        import worker  # noqa: PLC0415 - only one of the processes is a worker of Signoff

        load_actions()[Nothing.type] = Nothing
        worker.main(load_settings())


if __name__ == "__main__":
    main()
