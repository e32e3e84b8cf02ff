"""How long /health takes during calls about a large plan: `python -m benchmarks.outline [--tasks 10000] [--idle 2]`.

On a busy machine, look at the ratio to /health without any other call.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from sqlalchemy import Connection

from app.api.http.bodies import CreateProject
from app.database.database import Database
from app.domain.identity import new_id
from app.domain.registry import load_actions
from app.planning.outline.reader import read_outline
from app.storage import plans, projects
from tests.ports import free_port

DEADLINE_SECONDS = 120.0


def latencies(url: str, stop: threading.Event) -> list[float]:
    """Return the milliseconds that each /health took until `stop`, and of at least one."""
    taken: list[float] = []
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        while not taken or not stop.is_set():
            begun = time.perf_counter()
            client.get("/health").raise_for_status()
            taken.append((time.perf_counter() - begun) * 1000)
    return sorted(taken)


def measure(url: str, call: Callable[[httpx.Client], httpx.Response] | None, idle: float) -> tuple[float, list[float]]:
    """Return the seconds that a call took (or `idle` without a call), and what /health took during that time."""
    stop, found = threading.Event(), list[float]()
    thread = threading.Thread(target=lambda: found.extend(latencies(url, stop)))
    begun = time.perf_counter()
    thread.start()
    if call is None:
        stop.wait(idle)
    else:
        with httpx.Client(base_url=url, trust_env=False, timeout=120) as client:
            call(client).raise_for_status()
    seconds = time.perf_counter() - begun
    stop.set()
    thread.join()
    return seconds, found


async def store_project(url: str, tasks: int, workspace: Path) -> str:
    """Store a project with a plan of that many tasks, and return its id."""
    database, project_id = Database(url), new_id("proj")
    draft, values = (
        read_outline("- a\n" * tasks, has_model=False),
        CreateProject(description="- a\n" * tasks).model_dump(),
    )
    await database.start()

    def work(conn: Connection) -> None:
        projects.create(conn, values | {"id": project_id, "workspace": str(workspace)}, actor="benchmark")
        plans.edit(conn, projects.get(conn, project_id), lambda _: draft, load_actions(), actor="benchmark")

    await database.transact(work)
    await database.close()
    return project_id


def calls(project_id: str, tasks: int) -> dict[str, Callable[[httpx.Client], httpx.Response] | None]:
    """Return the calls during which /health is measured."""
    outline, project = {"description": "- a\n" * tasks}, f"/api/projects/{project_id}"
    return {
        "nothing": None,
        "preview": lambda client: client.post("/api/outline", json=outline),
        "create": lambda client: client.post("/api/projects", json=outline),
        "get project": lambda client: client.get(project),
        "get plan": lambda client: client.get(f"{project}/plan"),
        "get tasks": lambda client: client.get(f"{project}/tasks"),
        "get graph": lambda client: client.get(f"{project}/dag"),
        "add task": lambda client: client.post(f"{project}/tasks", json={"title": "Another"}),
        "change task": lambda client: client.put(f"{project}/tasks/a", json={"title": "Other"}),
        "refine": lambda client: client.post(
            f"{project}/refine-plan", json={"edits": [{"op": "remove_task", "task": "another"}]}
        ),
        "audit": lambda client: client.post(f"{project}/audit"),
        "nothing again": None,
    }


def wait_until_ready(url: str) -> None:
    """Wait until the app answers."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    with httpx.Client(trust_env=False) as client:
        while True:
            try:
                client.get(f"{url}/health")
                return
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)  # why: the step of a wait that has a condition and a deadline


def main() -> None:
    """Measure against an app in a separate process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000, help="number of tasks in the outline")
    parser.add_argument("--idle", type=float, default=2, help="seconds for which /health is measured without a call")
    arguments = parser.parse_args()
    tasks = arguments.tasks
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        variables = os.environ | {"SIGNOFF_DATA_DIR": str(Path(folder) / "data"), "SIGNOFF_PORT": str(port)}
        command = [sys.executable, "-m", "app.cli"]
        subprocess.run([*command, "migrate"], env=variables, check=True, capture_output=True)
        database_url = f"sqlite+aiosqlite:///{Path(folder) / 'data' / 'signoff.db'}"
        # One less, because a call adds one.
        project_id = asyncio.run(store_project(database_url, tasks - 1, Path(folder)))
        process = subprocess.Popen([*command, "serve"], env=variables, stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until_ready(url)
            usual = 0.0
            for name, call in calls(project_id, tasks).items():
                seconds, found = measure(url, call, arguments.idle)
                middle, late, worst = found[len(found) // 2], found[int(len(found) * 0.99)], found[-1]
                usual = usual or late
                shown = f"median {middle:6.1f} p99 {late:6.1f} ({late / usual:5.1f} times) worst {worst:6.1f}"
                print(f"{name:14} {seconds:6.2f} s, /health in ms: {shown} of {len(found)}", flush=True)
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
