"""What it costs to create projects, from many clients at once, until the seal of the last one is published.

`python -m benchmarks.creating [--projects 400] [--clients 16] [--rounds 3]`

Signoff's app runs in this process, on an SQLite file, without sockets. A bare Litestar handler answers the same requests with the
same bytes, in turn. Prints the milliseconds of processor time of a project, of all threads, and how many are answered a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from litestar import Litestar, Response, post
from litestar.types import ASGIApp

from app.database.database import Database
from app.main import create_app
from app.settings import Settings
from app.storage import seals
from app.storage.migrate import migrate
from benchmarks.http import KEY, call

BODY = json.dumps({"name": "Quarterly report", "description": "Words that say what it is about"}).encode()


class Taken(NamedTuple):
    """Seconds for one round: of processor time, until the last answer, and until the last seal."""

    processor: float
    answered: float
    sealed: float


def bare(answer: bytes) -> Litestar:
    """An app that does nothing but send the same bytes."""

    @post("/api/projects")
    async def same() -> Response[bytes]:
        return Response(answer, status_code=201, media_type="application/json")

    return Litestar([same], logging_config=None, openapi_config=None)


async def create(app: ASGIApp, projects: int, clients: int) -> bytes:
    """Create projects with `clients` requests at once. Returns the last answer."""
    left = iter(range(projects))
    last = b""

    async def one() -> None:
        nonlocal last
        for _ in left:
            _, last = await call(app, "POST", "/api/projects", BODY)

    await asyncio.gather(*(one() for _ in range(clients)))
    return last


async def measure(app: ASGIApp, database: Database | None, options: argparse.Namespace) -> tuple[Taken, bytes]:
    """Create the projects of a round, and wait for their seals if there is a database."""
    processor, begun = time.process_time(), time.perf_counter()
    last = await create(app, options.projects, options.clients)
    answered = time.perf_counter() - begun
    while database is not None and await database.read(seals.unsealed_projects):
        await asyncio.sleep(0.05)
    return Taken(time.process_time() - processor, answered, time.perf_counter() - begun), last


async def run(options: argparse.Namespace) -> None:
    """Serve both apps from a folder of this run, and compare them."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), api_key=KEY, temporal_address="127.0.0.1:1", log_level="error")  # type: ignore[arg-type]
        migrate(settings.effective_database_url)
        app = create_app(settings)
        database = Database(settings.effective_database_url)
        await database.start()
        async with app.lifespan():
            _, answer = await call(app, "POST", "/api/projects", BODY)
            plain = bare(answer)
            ours, theirs = list[Taken](), list[Taken]()
            for _ in range(options.rounds):
                ours.append((await measure(app, database, options))[0])
                theirs.append((await measure(plain, None, options))[0])
        await database.close()
    for name, rounds in (("Signoff", ours), ("bare", theirs)):
        best = Taken(*(min(values) for values in zip(*rounds, strict=True)))
        each = 1_000 * best.processor / options.projects
        print(f"{name:9}{each:8.3f} ms a project{options.projects / best.answered:8.0f} answers a second", end="")
        print(f", sealed after {best.sealed:.2f} s" if name == "Signoff" else "", flush=True)


def main() -> None:
    """Measure on a new database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--projects", type=int, default=400)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
