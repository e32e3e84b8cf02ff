"""What big projects cost: `python -m benchmarks.big_projects [--tasks 10000 …] [--shape NAME …] [--kind NAME]`.

For each shape and number of tasks, it makes a project with edits, runs it, and reads it. It prints:

- the milliseconds per task from the approve request to the end of the run, as time and as processor time of each process;
- how many histories Temporal has of the run, and the number of events of the longest;
- the peak memory of the worker so far;
- for each GET, the time and the app's processor time of the first answer, and of one after an unrelated commit.

The shapes are `wide` (all tasks at once), `layered` (phases of 100 tasks) and `chain` (a fifth of the tasks, in a row).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

from temporalio.client import WorkflowHandle

from benchmarks.memory import peak_mib
from benchmarks.overhead import ACTIONS, Cost, Parts, measured, running
from benchmarks.processor_time import used_by

SHAPES = ("wide", "layered", "chain")
READS = {"project": "", "tasks": "/tasks", "plan": "/plan", "dag": "/dag", "metrics": "/metrics"}
_LAYER = 100
_CHAIN_PART = 5


def edits_of(shape: str, tasks: int, action: object) -> list[list[dict[str, Any]]]:
    """Return the requests that make the plan. Each is a list of at most 10,000 edits."""
    if shape == "chain":
        tasks = max(1, tasks // _CHAIN_PART)
    width = _LAYER if shape == "layered" else tasks
    phases = range((tasks + width - 1) // width)
    added = [
        {
            "op": "add_task",
            "title": f"Task {number}",
            "key": f"t{number}",
            "phase": f"p{number // width}",
            "action": action,
            "depends_on": [f"t{number - 1}"] if shape == "chain" and number else [],
        }
        for number in range(tasks)
    ]
    return [[{"op": "add_phase", "name": f"Phase {phase}", "key": f"p{phase}"} for phase in phases], added]


async def make(parts: Parts, requests: list[list[dict[str, Any]]]) -> str:
    """Make a project whose plan has these edits, and return its path."""
    project = (await parts.http.post("/api/projects", json={"name": "Big"})).raise_for_status().json()
    path = f"/api/projects/{project['id']}"
    first, *others = requests[0]
    new = {name: value for name, value in first.items() if name != "op"}
    (await parts.http.post(f"{path}/phases", json=new)).raise_for_status()
    for edits in (others, *requests[1:]):
        if edits:
            answer = await parts.http.post(f"{path}/refine-plan", json={"edits": edits})
            answer.raise_for_status()
    return path


async def run(parts: Parts, path: str, tasks: int) -> Cost:
    """Approve the plan, and wait for the end of the run."""
    handle: WorkflowHandle[Any, Any] = parts.temporal.get_workflow_handle(path.rpartition("/")[2])

    async def work() -> None:
        (await parts.http.post(f"{path}/approve")).raise_for_status()
        result = await handle.result()
        assert result["status"] == "completed", result

    return await measured({"server": [parts.server], "app": [parts.app], "worker": parts.workers}, tasks, work)


async def histories(parts: Parts, path: str) -> list[int]:
    """Return the number of events of each history of a run, the first history first."""
    project_id = path.rpartition("/")[2]
    description = await parts.temporal.get_workflow_handle(project_id).describe()
    lengths = [description.history_length]
    while before := await _run_before(parts, project_id, description.run_id):
        description = await parts.temporal.get_workflow_handle(project_id, run_id=before).describe()
        lengths.insert(0, description.history_length)
    return lengths


async def _run_before(parts: Parts, project_id: str, run_id: str) -> str:
    """Return the id of the Temporal run that continued as this one. Empty: this one is the first."""
    async for event in parts.temporal.get_workflow_handle(project_id, run_id=run_id).fetch_history_events(page_size=1):
        return event.workflow_execution_started_event_attributes.continued_execution_run_id
    return ""


async def read(parts: Parts, path: str) -> dict[str, tuple[float, float, int]]:
    """Read a project in every way. Returns the time, the app's processor time (both in ms) and the bytes of each answer."""
    found: dict[str, tuple[float, float, int]] = {}
    for name, suffix in READS.items():
        before, begun = used_by(parts.app), time.perf_counter()
        answer = (await parts.http.get(f"{path}{suffix}")).raise_for_status()
        elapsed = time.perf_counter() - begun
        found[name] = (elapsed * 1000, (used_by(parts.app) - before) * 1000, len(answer.content))
    return found


async def measure(parts: Parts, shape: str, tasks: int, kind: str, action: object) -> None:
    """Make, run and read one project, and print what it cost."""
    requests = edits_of(shape, tasks, action)
    size = len(requests[-1])
    made: dict[str, str] = {}

    async def work() -> None:
        made["path"] = await make(parts, requests)

    making = await measured({"app": [parts.app]}, size, work)
    path = made["path"]
    cost = await run(parts, path, size)
    lengths = await histories(parts, path)
    split = ", ".join(f"{name} {value:.1f}" for name, value in cost.cpu.items())
    print(f"{shape}, {kind}, {size} tasks: {cost.time:.2f} ms a task, processor time {cost.whole:.2f} ({split})")
    print(f"  made in {making.time * size / 1000:.1f} s, processor time of the app {making.whole * size / 1000:.1f} s")
    print(f"  {len(lengths)} histories, the longest with {max(lengths)} events: {lengths}")
    print(f"  peak memory of the worker: {max(map(peak_mib, parts.workers)):.0f} MiB")
    first = await read(parts, path)
    (await parts.http.post("/api/projects", json={"name": "Another"})).raise_for_status()
    again = await read(parts, path)
    for name, (elapsed, used, length) in first.items():
        later = f"after a commit {again[name][0]:5.0f} ms, processor time {again[name][1]:5.0f} ms"
        print(f"  {name:8} {length:9} bytes {elapsed:6.0f} ms, processor time {used:5.0f} ms; {later}", flush=True)


async def compare(shapes: list[str], sizes: list[int], kind: str) -> None:
    """Measure each shape with each number of tasks."""
    async with running() as parts:
        for shape in shapes:
            for tasks in sizes:
                await measure(parts, shape, tasks, kind, json.loads(ACTIONS[kind]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--tasks", type=int, nargs="+", default=[1_000, 10_000], help="the sizes to measure, in this order"
    )
    parser.add_argument("--shape", choices=SHAPES, action="append", help="only this shape (may be repeated)")
    parser.add_argument("--kind", choices=ACTIONS, default="nothing", help="what each task does")
    arguments = parser.parse_args()
    asyncio.run(compare(arguments.shape or list(SHAPES), arguments.tasks, arguments.kind))


if __name__ == "__main__":
    main()
