"""How fast a cancel stops running tasks: three trees of `sleep 600` each time, counted in /proc.

`python -m benchmarks.cancel [--tries N]` starts its own Signoff. For trees that end at SIGTERM and for trees that ignore it, it
prints the seconds until the answer, and the processes left at the time of the answer and 0.5 s later.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from app.settings import Settings
from app.supervisor.stack import running_stack

PLAIN = "touch up_$SIGNOFF_TASK_KEY; (sleep 600 & sleep 600 & wait) & sleep 600"
STUBBORN = (
    "trap '' TERM; touch up_$SIGNOFF_TASK_KEY; (trap '' TERM; sleep 600 & sleep 600 & wait) & while :; do sleep 1; done"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def processes_of(project_id: str) -> int:
    """Count the live processes that have the project's id in their environment."""
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"SIGNOFF_PROJECT_ID={project_id}".encode() in (folder / "environ").read_bytes().split(b"\0")
            count += marked and (folder / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            continue
    return count


async def one(http: httpx.AsyncClient, command: str) -> tuple[float, int, int]:
    plan = "\n".join(f"- T{number}: `{command}` {{#t{number}}}" for number in (1, 2, 3))
    project = (await http.post("/api/projects", json={"description": plan})).raise_for_status().json()
    path, workspace = f"/api/projects/{project['id']}", Path(project["workspace"])
    (await http.post(f"{path}/generate-plan")).raise_for_status()
    (await http.post(f"{path}/approve")).raise_for_status()
    while not all((workspace / f"up_t{number}").exists() for number in (1, 2, 3)):
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    began = time.perf_counter()
    answer = await http.post(f"{path}/cancel")
    took = time.perf_counter() - began
    assert answer.status_code == 200, answer.text
    at_once = processes_of(project["id"])
    await asyncio.sleep(0.5)
    return took, at_once, processes_of(project["id"])


async def measure(tries: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder), port=free_port(), temporal_port=free_port(), temporal_ui_port=free_port()
        )
        async with running_stack(settings) as addresses, httpx.AsyncClient(base_url=addresses.url, timeout=60) as http:
            for name, command in (("plain", PLAIN), ("ignores SIGTERM", STUBBORN)):
                results = [await one(http, command) for _ in range(tries)]
                times = [took for took, _, _ in results]
                left = [sum(column) for column in list(zip(*results, strict=True))[1:]]
                print(
                    f"{name:16} {tries} tries: median {statistics.median(times):.2f} s, longest {max(times):.2f} s; "
                    f"left at the answer {left[0]}, after 0.5 s {left[1]}",
                    flush=True,
                )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=20)
    asyncio.run(measure(parser.parse_args().tries))
