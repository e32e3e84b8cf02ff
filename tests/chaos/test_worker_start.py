"""A worker that starts while Temporal starts, or without Temporal."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from app.settings import Settings
from app.storage.migrate import migrate
from app.workspace.workspaces import workspaces_of
from tests.chaos.conftest import ROOT


async def test_a_worker_retries_a_silent_server_and_still_stops_at_once(tmp_path: Path) -> None:
    tries: asyncio.Queue[None] = asyncio.Queue()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tries.put_nowait(None)
        await reader.read()
        writer.close()

    settings = Settings(data_dir=tmp_path)
    workspaces_of(settings).prepare()
    await asyncio.to_thread(migrate, settings.effective_database_url)
    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        environment = {
            **os.environ,
            "SIGNOFF_DATA_DIR": str(tmp_path),
            "SIGNOFF_TEMPORAL_ADDRESS": f"{host}:{port}",
        }
        worker = subprocess.Popen([sys.executable, "worker.py"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)
        try:
            for _ in range(2):
                await asyncio.wait_for(tries.get(), 30)
            worker.terminate()
            assert await asyncio.to_thread(worker.wait, 20) == 0
        finally:
            worker.kill()
