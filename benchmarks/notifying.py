"""What it costs to tell a webhook something: processor time for each delivery, and deliveries per second.

`python -m benchmarks.notifying [--count N] [--down SECONDS] [--profile FILE]` starts a dev server on a database file, a receiver
that is down for a while, and a worker. It stores N notifications at once and waits until each has arrived. The processor time
from the moment at which the receiver is back is that of this process (which is app, worker and receiver) and of the server.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import os
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from app.database.database import Database
from app.domain.notifying import NotifyRules
from app.settings import Settings
from app.storage import events, notifications
from app.storage.migrate import migrate
from app.temporal import devserver
from app.temporal.client import Engine
from app.temporal.notifying import hand_over_periodically
from app.temporal.search_attributes import ensure_search_attributes
from benchmarks.processor_time import used_by
from benchmarks.sealing import add_project
from signoff.schemas.event_data import ProjectCompleted
from signoff.vocabulary import NotificationStatus
from tests.receiver import SECRET, Receiver, receiving
from worker import build_worker

_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Parts:
    """What takes part in a measurement."""

    database: Database
    receiver: Receiver


@dataclass(frozen=True)
class Used:
    """Seconds of processor time so far: of this process, and of the server below it."""

    own: float
    server: float

    @classmethod
    def now(cls) -> Used:
        own = time.process_time()
        return cls(own, used_by(os.getpid()) - own)


async def measure(folder: Path, count: int, down: float, profile: cProfile.Profile | None) -> None:
    """Tell a receiver `count` things after it was down, and print what each delivery has cost."""
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving())
        entry = {"name": "hook", "webhook": receiver.url, "secret": SECRET, "events": ["completed"]}
        settings = Settings.model_validate({"data_dir": folder, "notify": [entry]})
        url = f"sqlite+aiosqlite:///{folder / 'signoff.db'}"
        await asyncio.to_thread(migrate, url)
        database = Database(url, notify=NotifyRules(settings.notify))
        await database.start()
        stack.push_async_callback(database.close)
        environment = await WorkflowEnvironment.start_local(
            dev_server_existing_path=devserver.binary(),
            dev_server_extra_args=[*devserver.tuning_args(), *devserver.storage_args(folder / "temporal.db")],
            dev_server_log_level="error",
            data_converter=pydantic_data_converter,
        )
        await stack.enter_async_context(environment)
        await ensure_search_attributes(environment.client)
        await stack.enter_async_context(build_worker(environment.client, settings, database))
        telling = asyncio.create_task(hand_over_periodically(database, Engine(settings, environment.client)))
        stack.callback(telling.cancel)
        await tell(Parts(database, receiver), count, down, profile)


async def tell(parts: Parts, count: int, down: float, profile: cProfile.Profile | None) -> None:
    project_id = await add_project(parts.database)
    news = [ProjectCompleted(tasks={}) for _ in range(count)]
    parts.receiver.mute = True
    begun = Used.now()
    await parts.database.transact(lambda conn: events.append(conn, project_id, *news, actor="signoff"))
    await asyncio.sleep(down)
    parts.receiver.mute = False
    while_down, refused = Used.now(), parts.receiver.refused
    if profile is not None:
        profile.enable()
    since = time.perf_counter()
    while await parts.database.read(delivered) < count:
        await asyncio.sleep(_LOOK_SECONDS)
    seconds, done = time.perf_counter() - since, Used.now()
    if profile is not None:
        profile.disable()
    assert len(parts.receiver.ids) == len(set(parts.receiver.ids)) == count, "not each arrived once"
    show(count, seconds, while_down, done)
    own, server = while_down.own - begun.own, while_down.server - begun.server
    print(f"while it was down: {refused} attempts failed; {own:.1f} s of app and worker, {server:.1f} s of the server")


def delivered(conn: Connection) -> int:
    return notifications.page(conn, status=NotificationStatus.DELIVERED, limit=1, offset=0)[1]


def show(count: int, seconds: float, before: Used, after: Used) -> None:
    own, server = (after.own - before.own) / count * 1e3, (after.server - before.server) / count * 1e3
    print(
        f"{count} deliveries, each: {own + server:.1f} ms of processor time ({own:.1f} app and worker, {server:.1f} server); "
        f"{count / seconds:.0f} per second"
    )


def main() -> None:
    """Measure on new databases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="the number of notifications")
    parser.add_argument("--down", type=float, default=0, help="seconds for which the receiver is down")
    parser.add_argument("--profile", type=Path, help="write a profile of this process to this file")
    arguments = parser.parse_args()
    profile = cProfile.Profile() if arguments.profile is not None else None
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), arguments.count, arguments.down, profile))
    if profile is not None:
        profile.dump_stats(str(arguments.profile))


if __name__ == "__main__":
    main()
