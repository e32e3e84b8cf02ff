"""Transactions per second and read latency, on SQLite and on PostgreSQL in turn.

`python -m benchmarks.databases [--rounds N]` starts a PostgreSQL server with its default settings (so that a commit is on disk
when it is answered) beside an SQLite file, and prints the best of N rounds. A transaction does what the start of a task costs:
read the project, change it, append an event. With `spread`, each writer has its own project; with `one project`, all writers
share it.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from app.database.database import Database
from app.domain.identity import new_id
from app.storage import events, projects
from app.storage.migrate import migrate
from signoff.schemas.event_data import TaskStarted
from tests.postgresql import PostgresServer

WRITERS = 16
TRANSACTIONS = 1_600
READS = 500


def project(conn: Connection) -> str:
    project_id = new_id("proj")
    values: dict[str, Any] = dict.fromkeys(("path", "agent_id", "sme_archetype"))
    values |= {"id": project_id, "name": "P", "description": "", "strategy": "performance", "decision_mode": "agent"}
    values |= {"auto_approve_plan": False, "auto_approve_phases": True, "workspace": f"/nowhere/{project_id}"}
    projects.create(conn, values, actor="ann")
    return project_id


def write(conn: Connection, project_id: str) -> None:
    row = projects.get(conn, project_id)
    projects.change(conn, row, former_stage=None)
    started = TaskStarted(task_id="task_1", phase_id="phase_1", key="k", title="K", attempt=1, try_number=1)
    events.append(conn, project_id, started, actor="worker")


def read(conn: Connection, project_id: str) -> None:
    projects.get(conn, project_id)
    events.after(conn, project_id, 0, limit=20)


async def rate(database: Database, ids: list[str], writers: int) -> float:
    """Return the transactions per second of this many writers. Each of them writes one transaction after the other."""

    async def one(number: int) -> None:
        for _ in range(TRANSACTIONS // writers):
            await database.transact(lambda conn: write(conn, ids[number % len(ids)]))

    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(writers)))
    return TRANSACTIONS / (time.perf_counter() - began)


async def latency(database: Database, ids: list[str]) -> float:
    """Return the median milliseconds for reading a project and its first events."""
    times: list[float] = []
    for number in range(READS):
        began = time.perf_counter()
        project_id = ids[number % len(ids)]
        await database.read(lambda conn, i=project_id: read(conn, i))
        times.append(1_000 * (time.perf_counter() - began))
    return statistics.median(times)


MEASURES: dict[str, tuple[Callable[[Database, list[str]], Awaitable[float]], Callable[..., float]]] = {
    "one writer, tx/s": (lambda database, ids: rate(database, ids[:1], 1), max),
    f"{WRITERS} writers, spread, tx/s": (lambda database, ids: rate(database, ids, WRITERS), max),
    f"{WRITERS} writers, one project, tx/s": (lambda database, ids: rate(database, ids[:1], WRITERS), max),
    "read, ms": (latency, min),
}


async def measure(urls: dict[str, str], rounds: int) -> dict[str, dict[str, float]]:
    best: dict[str, dict[str, float]] = {name: {} for name in MEASURES}
    databases = {kind: Database(url) for kind, url in urls.items()}
    ids: dict[str, list[str]] = {}
    for kind, database in databases.items():
        await database.start()
        ids[kind] = [await database.transact(project) for _ in range(WRITERS)]
    for _ in range(rounds):
        for name, (run, better) in MEASURES.items():
            for kind, database in databases.items():
                figure = await run(database, ids[kind])
                best[name][kind] = better(figure, best[name].get(kind, figure))
    for database in databases.values():
        await database.close()
    return best


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    server = PostgresServer(settings=())
    server.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            urls = {"sqlite": f"sqlite+aiosqlite:///{Path(folder) / 'signoff.db'}"}
            server.execute("CREATE DATABASE signoff")
            urls["postgresql"] = server.url("signoff")
            for url in urls.values():
                migrate(url)
            best = asyncio.run(measure(urls, rounds))
    finally:
        server.remove()
    for name, figures in best.items():
        ratio = figures["postgresql"] / figures["sqlite"]
        print(
            f"{name:34} sqlite {figures['sqlite']:8.1f}   postgresql {figures['postgresql']:8.1f}   ratio {ratio:.2f}"
        )


if __name__ == "__main__":
    main()
