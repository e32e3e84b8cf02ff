"""Prefect with its own server on SQLite, its default: the tasks of one flow, on threads.

Runs in the environment of `requirements.txt`, with `PREFECT_API_URL` in the environment.
"""

from __future__ import annotations

import subprocess
from typing import Any

from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner

from benchmarks.peers.jobs import jobs

# As many at a time as a worker of Signoff runs.
AT_ONCE = 50


@task
def nothing() -> None:
    """Do nothing."""


@task
def shell() -> None:
    """Run a command that does nothing."""
    subprocess.run(["/bin/sh", "-c", "true"], check=True)


TASKS = {"nothing": nothing, "shell": shell}


@flow(task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE))
def layers(widths: list[int], kind: str) -> None:
    """Run each layer after all tasks of the layer before."""
    before: list[Any] = []
    for width in widths:
        before = [TASKS[kind].submit(wait_for=before) for _ in range(width)]
    for future in before:
        future.result()


def main() -> None:
    """Serve jobs until standard input ends."""
    for widths, kind in jobs():
        layers(widths, kind)


if __name__ == "__main__":
    main()
