"""What Signoff adds to Temporal: the same tasks run through Signoff and through a bare SDK workflow, in turn.

`python -m benchmarks.overhead [--rounds N] [--shape NAME] [--kind NAME]` starts a dev server on a database file, the app, and two
worker processes with the same settings: one for Signoff and one for the bare workflow. For each shape of work and each kind
of task, it prints milliseconds per task, as time and as processor time, of both, and the ratios. The kinds are `nothing` (an
action that does nothing), `shell` (`/bin/sh -c true`) and `milestone` (only a record, compared with a bare no-op).

Signoff's time runs from the approve request to the end of the workflow. It includes the decision, every record with its event,
and the task's own activity. Its processor time is that of the server, the app, the worker and their commands. That of the bare
workflow is that of the server, its worker and its commands.

`python -m benchmarks.commands` measures what a command costs without Temporal, and `python -m benchmarks.connections` what it
costs to check who opened a connection.
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
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client

from app.domain.actions import Action, TaskContext
from app.domain.registry import load_actions
from app.settings import Settings
from app.settings.loading import load_settings
from app.temporal import devserver
from app.temporal.connection import connect
from benchmarks import bare
from benchmarks.processor_time import used_by
from tests.ports import free_port

SHAPES = {"layered": [10] * 20, "wide": [500], "chain": [1] * 100}
ACTIONS = {
    "nothing": '{"type": "nothing"}',
    "shell": '{"type": "shell", "command": "true"}',
    "milestone": '{"type": "milestone"}',
}


class Nothing(Action):
    """An action that does nothing, so that only the round trip remains."""

    type = "nothing"

    async def run(self, context: TaskContext) -> dict[str, Any]:
        return {}


def outline(widths: list[int], kind: str) -> str:
    """Return a plan as Markdown. Each layer depends on all tasks of the layer before, as with `gather`."""
    lines = ["## All"]
    before: list[str] = []
    for layer, width in enumerate(widths):
        keys = [f"t{layer}_{number}" for number in range(width)]
        after = f" after={','.join(before)}" if before else ""
        for key in keys:
            lines += [f"- {key} {{#{key}{after}}}", "", "  ```action", f"  {ACTIONS[kind]}", "  ```", ""]
        before = keys
    return "\n".join(lines)


@dataclass
class Parts:
    """The processes of a measurement, and the connections to them."""

    http: httpx.AsyncClient
    temporal: Client
    server: int
    app: int
    workers: list[int]
    bare: int


@dataclass
class Cost:
    """Milliseconds per task: the time, and the processor time of each process."""

    time: float
    cpu: dict[str, float]

    @property
    def whole(self) -> float:
        return sum(self.cpu.values())


# Is called with a shape, a kind of task, and what they cost with Signoff and with the bare workflow.
Report = Callable[[str, str, list[Cost], list[Cost]], None]


async def measured(parts: dict[str, list[int]], tasks: int, work: Callable[[], Awaitable[None]]) -> Cost:
    before = {name: used_by(*pids) for name, pids in parts.items()}
    began = time.perf_counter()
    await work()
    elapsed = time.perf_counter() - began
    cpu = {name: (used_by(*pids) - before[name]) * 1000 / tasks for name, pids in parts.items()}
    return Cost(elapsed * 1000 / tasks, cpu)


async def run_signoff(parts: Parts, widths: list[int], kind: str) -> Cost:
    http = parts.http
    project = (await http.post("/api/projects", json={"description": outline(widths, kind)})).raise_for_status().json()
    path = f"/api/projects/{project['id']}"
    (await http.post(f"{path}/generate-plan")).raise_for_status()

    async def work() -> None:
        (await http.post(f"{path}/approve")).raise_for_status()
        result = await parts.temporal.get_workflow_handle(project["id"]).result()
        assert result["status"] == "completed", result

    return await measured({"server": [parts.server], "app": [parts.app], "worker": parts.workers}, sum(widths), work)


async def run_bare(parts: Parts, widths: list[int], kind: str) -> Cost:
    async def work() -> None:
        arguments = [widths, "shell" if kind == "shell" else "nothing"]
        name = f"bare-{time.perf_counter()}"
        await parts.temporal.execute_workflow(bare.Layers.run, args=arguments, id=name, task_queue=bare.QUEUE)

    return await measured({"server": [parts.server], "worker": [parts.bare]}, sum(widths), work)


async def wait_until_ready(http: httpx.AsyncClient) -> None:
    # A busy machine takes minutes.
    for _ in range(3600):
        try:
            answer = (await http.get("/ready")).json()
            if answer["status"] == "ready" and answer["checks"]["workers"]:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)
    raise SystemExit("Signoff did not become ready")


async def compare(
    shapes: dict[str, list[int]], kinds: list[str], rounds: int, report: Report, *, workers: int = 1
) -> None:
    """Run each shape with each kind of task, and report the costs of each. Signoff has that many worker processes."""
    async with running(workers) as parts:
        await measure(parts, shapes, kinds, rounds, report)


@asynccontextmanager
async def running(workers: int = 1) -> AsyncGenerator[Parts]:
    """Start a dev server, the app, that many workers, and a worker for the bare workflow. All of them end with the context."""
    with tempfile.TemporaryDirectory() as folder:
        port, temporal_port, ui_port = free_port(), free_port(), free_port()
        settings = Settings(data_dir=Path(folder), port=port, temporal_port=temporal_port, temporal_ui_port=ui_port)
        environment = os.environ | {
            "SIGNOFF_DATA_DIR": folder,
            "SIGNOFF_PORT": str(port),
            "SIGNOFF_TEMPORAL_PORT": str(temporal_port),
            "SIGNOFF_LOG_LEVEL": "error",
        }
        address = settings.effective_temporal_address
        baseline = [address, settings.temporal_namespace, str(settings.max_concurrent_tasks)]
        processes: list[subprocess.Popen[bytes]] = []

        def start(*command: str) -> int:
            # The server writes warnings about its own shutdown. Errors of the others are worth seeing.
            errors = subprocess.DEVNULL if not processes else None
            processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=errors))
            return processes[-1].pid

        try:
            server = start(*devserver.command(settings, None))
            subprocess.run(
                [sys.executable, "-m", "app.cli", "migrate"], env=environment, check=True, capture_output=True
            )
            temporal = await connected(settings)
            own = [start(sys.executable, "-m", "benchmarks.overhead", "--worker") for _ in range(workers)]
            bare_worker = start(sys.executable, "-m", "benchmarks.bare", *baseline)
            app = start(sys.executable, "-m", "benchmarks.overhead", "--app")
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=120) as http:
                await wait_until_ready(http)
                yield Parts(http, temporal, server, app, own, bare_worker)
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()


async def connected(settings: Settings) -> Client:
    while True:
        try:
            return await connect(settings)
        except RuntimeError:
            await asyncio.sleep(0.1)


async def measure(parts: Parts, shapes: dict[str, list[int]], kinds: list[str], rounds: int, report: Report) -> None:
    for shape, widths in shapes.items():
        for kind in kinds:
            own: list[Cost] = []
            other: list[Cost] = []
            for number in range(rounds + 1):
                bare_cost = await run_bare(parts, widths, kind)
                signoff_cost = await run_signoff(parts, widths, kind)
                if number or not rounds:  # the first round warms everything up
                    other.append(bare_cost)
                    own.append(signoff_cost)
            report(shape, kind, own, other)


def line(shape: str, kind: str, own: list[Cost], other: list[Cost]) -> None:
    cells: list[str] = []
    for mine, theirs in (
        ([cost.time for cost in own], [cost.time for cost in other]),
        ([cost.whole for cost in own], [cost.whole for cost in other]),
    ):
        ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
        cells.append(f"{statistics.median(mine):7.2f} /{statistics.median(theirs):6.2f} = {ratio:5.2f} x")
    parts = [
        f"{part} {statistics.median(cost.cpu[part] for cost in costs):.1f}"
        for costs in (own, other)
        for part in costs[0].cpu
    ]
    split = len(own[0].cpu)
    print(
        f"{f'{shape}, {kind}':20} {cells[0]:>26} {cells[1]:>26}   {', '.join(parts[:split])}; bare: {', '.join(parts[split:])}",
        flush=True,
    )


def chosen_shapes(names: list[str] | None, tasks: int | None) -> dict[str, list[int]]:
    """Return the layer widths of the named shapes, or of all shapes. `tasks` limits the number of tasks in each shape."""
    shapes = {name: SHAPES[name] for name in names or SHAPES}
    if tasks is None:
        return shapes
    return {
        name: [min(widths[0], tasks)] * max(1, min(len(widths), tasks // widths[0])) for name, widths in shapes.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="0: one round, without warming up")
    parser.add_argument("--shape", choices=SHAPES, action="append", help="only this shape (may be repeated)")
    parser.add_argument("--kind", choices=ACTIONS, action="append", help="only this kind of task (may be repeated)")
    parser.add_argument("--tasks", type=int, help="at most this many tasks of each shape")
    parser.add_argument("--processes", type=int, default=1, help="worker processes of Signoff; the bare one has one")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--app", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker or arguments.app:
        load_actions()[Nothing.type] = Nothing
    if arguments.worker:
        import worker  # noqa: PLC0415 - only one of the processes is a worker of Signoff

        worker.main(load_settings())
        return
    if arguments.app:
        from app.cli import main as signoff  # noqa: PLC0415 - only one of the processes is an app

        signoff(["serve"], prog_name="signoff")
        return
    shapes = chosen_shapes(arguments.shape, arguments.tasks)
    print(f"Milliseconds per task: the median of {arguments.rounds} rounds")
    print(f"{'':20} {'time':>26} {'processor time':>26}   processor time of each part")
    asyncio.run(compare(shapes, arguments.kind or list(ACTIONS), arguments.rounds, line, workers=arguments.processes))


if __name__ == "__main__":
    main()
