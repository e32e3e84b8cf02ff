"""Signoff as separate processes that can be killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Self

import httpx
import pytest

from app.settings import Settings
from app.temporal import devserver
from app.workspace.workspaces import workspaces_of
from tests.conftest import eventually, free_port
from tests.databases import DATABASES
from tests.projects import Projects
from tests.warm_processes import WarmProcess

ROOT = Path(__file__).parents[2]


class Processes(Projects):
    """Temporal, a worker and the app, in separate processes that share one data folder."""

    deadline = 90.0
    may_be_away = True

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.settings = Settings(
            data_dir=folder,
            port=free_port(),
            temporal_port=free_port(),
            temporal_ui_port=free_port(),
            database_url=database_url,
        )
        self.environment = {
            **os.environ,
            "PYTHONFAULTHANDLER": "1",
            "SIGNOFF_DATA_DIR": str(folder),
            "SIGNOFF_DATABASE_URL": self.settings.database_url,
            "SIGNOFF_PORT": str(self.settings.port),
            "SIGNOFF_TEMPORAL_PORT": str(self.settings.temporal_port),
            "SIGNOFF_TEMPORAL_UI_PORT": str(self.settings.temporal_ui_port),
        }
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.settings.port}", timeout=60)
        self.running: dict[str, subprocess.Popen[bytes] | WarmProcess] = {}
        DATABASES.migrated(self.settings.effective_database_url)
        workspaces_of(self.settings).prepare()

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, folder: Path, *, database_url: str) -> AsyncIterator[Self]:
        stack = cls(folder, database_url)
        stack.start("temporal", "worker", "app")
        try:
            await stack.ready()
            yield stack
        finally:
            await stack.close()

    def start(self, *names: str) -> None:
        for name in names:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.running[name] = self._temporal(log) if name == "temporal" else self._warm(name, log)

    def _temporal(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        command = devserver.command(self.settings, None)
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )

    def _warm(self, name: str, log: IO[bytes]) -> WarmProcess:
        command = {"worker": "worker", "app": "serve"}[name]
        return WarmProcess([command], environment=self.environment, folder=ROOT, log=log)

    def kill(self, *names: str) -> None:
        """Kill the processes with SIGKILL, all at once."""
        for name in names:
            self.running[name].send_signal(signal.SIGKILL)
        for name in names:
            self.running.pop(name).wait()

    async def ready(self, *, workers: int = 1) -> None:
        async def answers() -> bool:
            try:
                answer = await self.http.get("/ready")
            except httpx.TransportError:
                return False
            return answer.status_code == 200 and answer.json()["checks"]["workers"] >= workers

        await eventually(answers, what="Signoff is ready", seconds=60)

    async def started(self, description: str) -> tuple[str, Path]:
        project = await self.call("POST", "", status=201, json={"description": description})
        await self.call("POST", f"/{project['id']}/generate-plan")
        await self.call("POST", f"/{project['id']}/approve")
        return project["id"], Path(project["workspace"])

    async def close(self) -> None:
        await self.http.aclose()
        for name in ("app", "worker", "temporal"):
            if name in self.running:
                self.running[name].terminate()
        try:
            for name, process in self.running.items():
                await asyncio.to_thread(_wait, name, process)
        finally:
            self.print_logs()

    def print_logs(self) -> None:
        """Print the ends of the logs. pytest shows this output if the test fails."""
        for file in sorted(self.folder.glob("*.log")):
            print(f"--- {file.name}", *file.read_text(errors="replace").splitlines()[-60:], sep="\n")


def _wait(name: str, process: subprocess.Popen[bytes] | WarmProcess) -> None:
    try:
        # A worker that stops tries to reach Temporal for up to 30 s if Temporal does not answer.
        process.wait(45)
    except subprocess.TimeoutExpired:
        # Python's fault handler writes every thread's stack to the log.
        process.send_signal(signal.SIGABRT)
        process.wait(30)
        raise AssertionError(f"the {name} does not stop within 45 s") from None


@pytest.fixture(scope="session")
async def shared_processes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Processes]:
    folder = tmp_path_factory.mktemp("processes")
    async with Processes.running(folder, database_url=DATABASES.setting()) as processes:
        yield processes


@pytest.fixture
async def processes(shared_processes: Processes) -> AsyncIterator[Processes]:
    """Processes that tests share. Each test makes its own projects, and what one test killed runs again for the next."""
    shared_processes.start(*({"temporal", "worker", "app"} - set(shared_processes.running)))
    await shared_processes.ready()
    yield shared_processes
    shared_processes.print_logs()
