"""A worker in a separate process, on the database and the Temporal server of a test stack."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from app.settings import Settings
from app.settings.environment import as_variables
from tests.conftest import eventually
from tests.warm_processes import WarmProcess

ROOT = Path(__file__).parents[1]


@contextlib.asynccontextmanager
async def worker_process(
    settings: Settings, *arguments: str, command: Sequence[str] = (), log: str = "worker.log"
) -> AsyncIterator[int]:
    """Run `signoff worker` until the block ends. Yields the process's pid once the worker is ready.

    Args:
        settings: the worker's settings.
        arguments: arguments of its command line.
        command: a command that runs `worker.py` instead.
        log: the file in the data folder for its output.
    """
    log_file = settings.data_dir / log
    environment = {**os.environ, **as_variables(settings)}
    process: subprocess.Popen[bytes] | WarmProcess
    with log_file.open("wb") as file:
        if command:
            script = [*command, "worker.py", *arguments]
            process = subprocess.Popen(
                script, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )
        else:
            process = WarmProcess(["worker", *arguments], environment=environment, folder=ROOT, log=file)
    try:

        async def ready() -> bool:
            assert process.poll() is None, log_file.read_text()
            return "worker is ready" in log_file.read_text()

        await eventually(ready, what="the worker is ready", seconds=60)
        yield process.pid
        process.terminate()
        assert await asyncio.to_thread(process.wait, 45) == 0, log_file.read_text()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
