"""A command never closes a descriptor that another thread of the worker has opened."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import uvloop

from activities.actions.process import run_guarded

COMMANDS = 60


def test_the_descriptors_of_other_threads_stay_open(tmp_path: Path) -> None:
    """With uvloop, as in a worker: it closes pipes on its own."""
    over, faults = threading.Event(), list[OSError]()

    def open_and_close() -> None:
        while not over.is_set() and not faults:
            descriptor = os.open(os.devnull, os.O_RDONLY)
            try:
                for _ in range(20):
                    os.fstat(descriptor)
                os.close(descriptor)
            except OSError as error:
                faults.append(error)

    async def commands() -> None:
        for _ in range(COMMANDS):
            env = {"PATH": "/usr/bin:/bin"}
            await run_guarded(["/bin/true"], cwd=tmp_path, env=env, on_output=lambda data: None, grace=1)

    threads = [threading.Thread(target=open_and_close) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        uvloop.run(commands())
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert faults == []
