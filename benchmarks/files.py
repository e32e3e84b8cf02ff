"""A large file uploaded, downloaded in parts, whole and in a zip: `python -m benchmarks.files [MIB]`, 2,048 by default.

Prints the peak memory of the app process above its idle level, and MiB per second. The app is a separate process.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.settings import Settings
from app.storage.migrate import migrate
from app.workspace.workspaces import workspaces_of
from benchmarks.memory import peak_mib
from tests.conftest import eventually, free_port

MIB = 1024 * 1024
BOUNDARY = "signoff-benchmark"


@dataclass
class Figure:
    """The result of one transfer: MiB per second, and the peak memory above idle in MiB."""

    name: str
    rate: float
    memory: float


async def measure(mib: int) -> list[Figure]:
    """Send a file of this many MiB to a new app, and download it again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(data_dir=folder, port=free_port(), temporal_address="127.0.0.1:1", database_url="")
        migrate(settings.effective_database_url)
        workspaces_of(settings).prepare()
        environment = {**os.environ, "SIGNOFF_DATA_DIR": name, "SIGNOFF_PORT": str(settings.port)}
        environment |= {"SIGNOFF_TEMPORAL_ADDRESS": "127.0.0.1:1", "SIGNOFF_MAX_UPLOAD": str(8192 * MIB)}
        with (folder / "app.log").open("wb") as log:
            app = subprocess.Popen([sys.executable, "-m", "app.cli", "serve"], env=environment, stdout=log, stderr=log)
        try:
            async with httpx.AsyncClient(base_url=settings.app_url, timeout=600) as http:
                return await _transfers(http, app.pid, mib)
        finally:
            app.send_signal(signal.SIGTERM)
            await asyncio.to_thread(app.wait, 30)


async def _transfers(http: httpx.AsyncClient, pid: int, mib: int) -> list[Figure]:
    async def up() -> bool:
        try:
            return (await http.get("/health")).status_code == 200
        except httpx.TransportError:
            return False

    await eventually(up, what="the app answers", seconds=60)
    project = (await http.post("/api/projects", json={})).json()
    base = f"/api/projects/{project['id']}"
    await http.post(f"{base}/files/upload", files={"file": ("small", b"x")})
    await http.get(f"{base}/download")
    idle = peak_mib(pid)
    figures: list[Figure] = []
    block = os.urandom(MIB)
    digest = hashlib.sha256()
    for _ in range(mib):
        digest.update(block)

    async def body() -> AsyncIterator[bytes]:
        yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'.encode()
        for _ in range(mib):
            yield block
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    def note(what: str, began: float, size: int) -> None:
        figures.append(Figure(what, size / (time.monotonic() - began), peak_mib(pid) - idle))

    began = time.monotonic()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = await http.post(f"{base}/files/upload", content=body(), headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["sha256"] == digest.hexdigest()
    note("upload", began, mib)
    began = time.monotonic()
    assert await _size(http, f"{base}/files/raw?path=large.bin") == mib * MIB
    note("raw", began, mib)
    began = time.monotonic()
    half = mib * MIB // 2
    assert await _size(http, f"{base}/files/raw?path=large.bin", Range=f"bytes={half}-") == mib * MIB - half
    note("raw, second half", began, mib // 2)
    began = time.monotonic()
    assert await _size(http, f"{base}/download") > mib * MIB
    note("download as zip", began, mib)
    return figures


async def _size(http: httpx.AsyncClient, path: str, **headers: str) -> int:
    size = 0
    async with http.stream("GET", path, headers=headers) as answer:
        assert answer.status_code in {200, 206}, answer.status_code
        async for data in answer.aiter_raw():
            size += len(data)
    return size


async def main() -> None:
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 2048
    for figure in await measure(mib):
        print(f"{figure.name:18} {mib} MiB  {figure.rate:6.0f} MiB/s  {figure.memory:5.0f} MiB above idle at peak")


if __name__ == "__main__":
    asyncio.run(main())
