"""How long an event takes until it is in the hands of its readers, and what readers cost whoever writes.

`python -m benchmarks.events [--readers 1 200] [--changes 50]`

Each change of a project is one event. Signoff's app runs in a process of its own, on an SQLite file, and so does a bare Litestar
app that hands the same bytes from memory to its readers. Both are measured in turn, through sockets. Prints the milliseconds from
the moment the change is sent until each reader has the event and until the change is answered, and the milliseconds of processor
time of the app for each change. There is no Temporal: nothing here needs a workflow.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx
import uvicorn
from litestar import Litestar, get, post, put
from litestar.response import ServerSentEvent, ServerSentEventMessage

from app.database.url import sqlite_path
from app.settings import Settings
from app.storage.migrate import migrate
from benchmarks.processor_time import used_by
from tests.ports import free_port

KEY = "a-key-for-the-benchmark-alone-0123456789"
MARK = b"event: project.updated"
# About the size of the event that Signoff sends.
DATA = '{"seq":2,"type":"project.updated","data":"%s"}' % ("x" * 250)
READY_SECONDS = 60.0
PAUSE_SECONDS = 0.1


class Readers:
    """Readers of one event stream, each with its own connection."""

    def __init__(self) -> None:
        self._streams: list[asyncio.StreamReader] = []
        self._writers: list[asyncio.StreamWriter] = []

    async def join(self, port: int, project_id: str, count: int) -> None:
        """Connect more readers, and wait until each of them has what happened so far."""
        for _ in range(count):
            stream, writer = await asyncio.open_connection("127.0.0.1", port)
            target = f"/api/projects/{project_id}/events?after=1"
            writer.write(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode())
            self._streams.append(stream)
            self._writers.append(writer)
            await stream.readuntil(b": signoff")

    async def next(self) -> list[float]:
        """Wait for the next event. Returns the time at which each reader had it, on the clock of `time.perf_counter`."""

        async def one(stream: asyncio.StreamReader) -> float:
            await stream.readuntil(MARK)
            return time.perf_counter()

        return await asyncio.gather(*map(one, self._streams))

    def leave(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.close()


def bare() -> Litestar:
    """An app that gives each reader what is put, from memory."""
    queues: set[asyncio.Queue[ServerSentEventMessage]] = set()

    async def messages() -> AsyncGenerator[ServerSentEventMessage, None]:
        queue = asyncio.Queue[ServerSentEventMessage]()
        queues.add(queue)
        yield ServerSentEventMessage(comment="signoff", data=None)
        while True:
            yield await queue.get()

    @get("/health")
    async def health() -> None: ...

    @post("/api/projects")
    async def create() -> dict[str, str]:
        return {"id": "one"}

    @get("/api/projects/{name:str}/events")
    async def events(name: str) -> ServerSentEvent:
        return ServerSentEvent(messages())

    @put("/api/projects/{name:str}")
    async def change(name: str) -> None:
        message = ServerSentEventMessage(event="project.updated", id=2, data=DATA)
        for queue in queues:
            queue.put_nowait(message)

    return Litestar([health, create, events, change], logging_config=None, openapi_config=None)


@asynccontextmanager
async def served(command: list[str], port: int, environment: dict[str, str]) -> AsyncGenerator[int]:
    """Run an app in a process, and wait until it answers. Yields its pid."""
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment})
    try:
        async with httpx.AsyncClient() as http, asyncio.timeout(READY_SECONDS):
            while True:
                try:
                    if process.returncode is not None:
                        raise SystemExit(process.returncode)
                    await http.get(f"http://127.0.0.1:{port}/health")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(PAUSE_SECONDS)
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def measure(name: str, port: int, pid: int, count: int, changes: int) -> None:
    """Have `count` readers follow a project while it changes, and print what they saw."""
    headers = {"Authorization": f"Bearer {KEY}"}
    received, answered = list[float](), list[float]()
    readers = Readers()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as http:
        project_id = (await http.post("/api/projects", json={"description": "x"})).json()["id"]
        await readers.join(port, project_id, count)
        await asyncio.sleep(5 * PAUSE_SECONDS)
        spent = used_by(pid)
        for number in range(changes):
            hands = asyncio.create_task(readers.next())
            # Each change is seen apart from the one before and from its seal.
            await asyncio.sleep(PAUSE_SECONDS)
            begun = time.perf_counter()
            answer = await http.put(f"/api/projects/{project_id}", json={"description": f"Version {number}"})
            answered.append(time.perf_counter() - begun)
            answer.raise_for_status()
            received += [at - begun for at in await hands]
        spent = used_by(pid) - spent
    readers.leave()
    each = 1_000 * spent / changes
    print(f"{name:9}{count:8}{_spread(received)}{_spread(answered)}{each:10.1f}", flush=True)


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    places = (ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)], ordered[-1])
    return "".join(f"{1_000 * place:8.1f}" for place in places)


async def run(options: argparse.Namespace) -> None:
    """Serve both apps, and measure each number of readers on both."""
    ports = {"Signoff": free_port(), "bare": free_port()}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), log_level="error")
        assert sqlite_path(settings.effective_database_url) is not None
        migrate(settings.effective_database_url)
        environment = {
            "SIGNOFF_DATA_DIR": folder,
            "SIGNOFF_API_KEY": KEY,
            "SIGNOFF_PORT": str(ports["Signoff"]),
            "SIGNOFF_TEMPORAL_ADDRESS": "127.0.0.1:1",
            "SIGNOFF_LOG_LEVEL": "error",
            "SIGNOFF_MAX_CONNECTIONS": str(max(options.readers) + 50),
        }
        commands = {
            "Signoff": [sys.executable, "-m", "app.cli", "serve"],
            "bare": [sys.executable, "-m", "benchmarks.events", "--serve", str(ports["bare"])],
        }
        async with AsyncExitStack() as held:
            pids = {
                name: await held.enter_async_context(served(command, ports[name], environment))
                for name, command in commands.items()
            }
            print(
                f"{'':9}{'readers':>8}{'event p50':>11}{'p99':>5}{'max':>8}{'answer p50':>11}{'p99':>5}{'max':>8}{'CPU':>10}"
            )
            for count in options.readers:
                for name, pid in pids.items():
                    await measure(name, ports[name], pid, count, options.changes)


def main() -> None:
    """Measure, or serve the bare app."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, nargs="+", default=[1, 200])
    parser.add_argument("--changes", type=int, default=50)
    parser.add_argument("--serve", type=int, metavar="PORT", help="serve the bare app")
    options = parser.parse_args()
    if options.serve:
        uvicorn.run(bare(), host="127.0.0.1", port=options.serve, log_level="critical", server_header=False)
    else:
        asyncio.run(run(options))


if __name__ == "__main__":
    main()
