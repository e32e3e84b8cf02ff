"""What sealing costs: for a call that waits for a seal, for concurrent writers, and for whoever verifies a record.

`python -m benchmarks.sealing [--rounds N] [--writes N] [--backlog N] [--folder DIR]` compares it with the plain write of an
event, on the same database file and in turn, so that a slow minute is slow for both. The folder matters, because a seal waits for
the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, insert

from app.database.database import Database
from app.domain.identity import new_id, now
from app.domain.seals import check_seals
from app.sealing.heads import HeadsLog
from app.sealing.keys import load_keys
from app.sealing.sealer import Sealer
from app.storage import events, seals
from app.storage.events import ChainCheck
from app.storage.migrate import migrate
from app.storage.tables import projects
from signoff.schemas.event_data import TaskProgress

NEWS = TaskProgress(task_id="task_01m8bt3shwat9tb6ayvzr5mem6", key="measure", title="Measure", step="model")


async def add_project(database: Database) -> str:
    row = {
        "id": new_id("proj"),
        "name": "x",
        "description": "",
        "strategy": "balanced",
        "auto_approve_plan": False,
        "auto_approve_phases": True,
        "decision_mode": "automatic",
        "status": "pending",
        "stage": "draft",
        "workspace": "/x",
        "created_at": now(),
        "created_by": "signoff",
        "updated_at": now(),
        "last_seq": 0,
        "last_hash": "0" * 64,
    }
    await database.transact(lambda conn: conn.execute(insert(projects).values(row)).rowcount)
    return str(row["id"])


def append(conn: Connection, project_id: str, count: int = 1) -> None:
    events.append(conn, project_id, *[NEWS] * count, actor="worker")


async def seconds(work: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


async def waiting(database: Database, sealer: Sealer, rounds: int) -> None:
    """Write an event, then seal it while the caller waits."""
    project_id = await add_project(database)
    writes: list[float] = []
    sealings: list[float] = []
    for _ in range(rounds):
        writes.append(await seconds(lambda: database.transact(lambda conn: append(conn, project_id))))
        sealings.append(await seconds(lambda: sealer.seal(project_id)))
    write, seal = statistics.median(writes) * 1e3, statistics.median(sealings) * 1e3
    worst = sorted(sealings)[int(len(sealings) * 0.99)] * 1e3
    print(f"one event: write {write:.2f} ms, seal {seal:.2f} ms (p99 {worst:.2f}); seal / write = {seal / write:.2f}")


async def beside(database: Database, sealer: Sealer, rounds: int, writes: int) -> None:
    """Write events with and without a sealer that seals them."""
    taken: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(rounds):
        for sealed, times in taken.items():
            project_id = await add_project(database)
            sealing = asyncio.create_task(sealer.seal_periodically()) if sealed else None

            async def write(project_id: str = project_id) -> None:
                for _ in range(writes):
                    await database.transact(lambda conn: append(conn, project_id))

            times.append(await seconds(write) / writes * 1e3)
            if sealing is not None:
                sealing.cancel()
                with suppress(asyncio.CancelledError):
                    await sealing
    without, beside = statistics.median(taken[False]), statistics.median(taken[True])
    print(
        f"{writes} writes: {without:.2f} ms each without a sealer, {beside:.2f} with one; ratio {beside / without:.2f}, "
        f"{beside - without:+.2f} ms per event"
    )


async def backlog(database: Database, sealer: Sealer, count: int) -> None:
    """Seal many events of one project in one go, as after a restart, and verify them."""
    project_id = await add_project(database)
    writing = await seconds(lambda: database.transact(lambda conn: append(conn, project_id, count)))
    sealing = await seconds(lambda: sealer.seal(project_id))

    def verify(conn: Connection) -> None:
        chain = ChainCheck()
        while chain.read(conn, project_id):
            pass
        found = list(check_seals(seals.all_of(conn, project_id), chain.hashes, sealer.ring, sealer.heads[project_id]))
        assert not found, found

    verifying = await seconds(lambda: database.read(verify))
    each = [
        f"{name} {taken / count * 1e6:.0f} µs"
        for name, taken in (("write", writing), ("seal", sealing), ("verify", verifying))
    ]
    print(f"{count} events at once, each: {', '.join(each)}; seal / write = {sealing / writing:.2f}")


async def measure(folder: Path, rounds: int, writes: int, count: int) -> None:
    url = f"sqlite+aiosqlite:///{folder / 'signoff.db'}"
    await asyncio.to_thread(migrate, url)
    keys = load_keys(folder / "keys")
    database = Database(url, keys.signer)
    await database.start()
    try:
        sealer = Sealer(database, keys, HeadsLog(folder / "record" / "heads.log"))
        await sealer.start()
        await waiting(database, sealer, rounds * 40)
        await beside(database, sealer, rounds, writes)
        await backlog(database, sealer, count)
    finally:
        await database.close()


def main() -> None:
    """Measure on a new database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each measurement is repeated")
    parser.add_argument("--writes", type=int, default=300, help="how many events are written beside a sealer")
    parser.add_argument("--backlog", type=int, default=5000, help="how many events are sealed in one go")
    parser.add_argument(
        "--folder", type=Path, help="where to create the database; by default, the system's temporary folder"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        asyncio.run(measure(Path(folder), arguments.rounds, arguments.writes, arguments.backlog))


if __name__ == "__main__":
    main()
