"""A second app in a separate process, on the database and the Temporal server of a test stack."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from app.settings import Settings
from tests.conftest import eventually, free_port
from tests.warm_processes import WarmProcess

ROOT = Path(__file__).parents[1]


class AppProcess:
    """`signoff serve`, with its address and its log."""

    def __init__(self, settings: Settings, *, log_level: str = "info") -> None:
        self.port = free_port()
        self.log = settings.data_dir / f"app-{self.port}.log"
        environment = {
            **os.environ,
            "SIGNOFF_DATA_DIR": str(settings.data_dir),
            "SIGNOFF_DATABASE_URL": settings.database_url,
            "SIGNOFF_PORT": str(self.port),
            "SIGNOFF_TEMPORAL_ADDRESS": settings.temporal_address,
            "SIGNOFF_TASK_QUEUE": settings.task_queue,
            "SIGNOFF_LOG_LEVEL": log_level,
        }
        with self.log.open("ab") as log:
            self._process = WarmProcess(["serve"], environment=environment, folder=ROOT, log=log)
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ready(self) -> None:
        async def answers() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return (await self.http.get("/health")).status_code == 200
            return False

        await eventually(answers, what="the second app answers", seconds=60)

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    async def close(self) -> None:
        await self.http.aclose()
        self._process.terminate()
        await asyncio.to_thread(self._process.wait, 30)


@contextlib.asynccontextmanager
async def app_process(settings: Settings, *, log_level: str = "info") -> AsyncIterator[AppProcess]:
    process = AppProcess(settings, log_level=log_level)
    try:
        await process.ready()
        yield process
    finally:
        await process.close()
