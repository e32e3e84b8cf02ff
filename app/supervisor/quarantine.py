"""A worker's additional processes, one per quarantined task: started when needed and stopped when idle."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from uuid import uuid4

from sqlalchemy import Connection

from app.database.database import Database
from app.domain.errors import Unavailable
from app.hidden_environment import variables
from app.settings import Settings
from app.storage import quarantines
from app.supervisor import environment
from app.supervisor.child import Child, describe_end, start_log

logger = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
# Limit on the number of processes at once: each is a complete worker.
MAX_PROCESSES = 4


class Quarantine:
    """Manages the processes and records in the database when one of them crashes.

    Args:
        database: records which tasks are in quarantine.
        settings: passed to the processes.
        command: the worker's own command line.
    """

    def __init__(self, database: Database, settings: Settings, command: Sequence[str]) -> None:
        self._database = database
        self._settings = settings
        self._command = [sys.executable, *command]

    async def serve(self) -> None:
        """Start and stop processes as needed until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(MAX_PROCESSES):
                group.create_task(self._serve_one(number))

    async def _serve_one(self, number: int) -> None:
        while True:
            await self._until(lambda conn: quarantines.count_open(conn) > number)
            await self._one_process(number)
            # A process that cannot start is not restarted at once.
            await asyncio.sleep(LOOK_SECONDS)

    async def _one_process(self, number: int) -> None:
        """Run one process until it ends, freezes, or is no longer needed."""
        name = f"{quarantines.PREFIX}{uuid4().hex[:12]}"
        inherited = environment.for_another_worker(variables(), self._settings)
        log = start_log(self._settings.data_dir / "logs" / f"quarantine-{number + 1}.log")
        child = Child("quarantine", [*self._command, "--quarantine", name], inherited, log)
        running = asyncio.create_task(child.run())
        unwanted = asyncio.create_task(self._until_unwanted(number, name))
        try:
            await asyncio.wait({running, unwanted}, return_when=asyncio.FIRST_COMPLETED)
            if running.done() and not unwanted.done():
                logger.warning("a process for quarantined tasks has ended: %s", describe_end(running.result()))
                await self._witness(name)
        finally:
            unwanted.cancel()
            await asyncio.shield(child.stop(self._settings.shutdown_grace + 1))
            await asyncio.gather(running, unwanted, return_exceptions=True)

    async def _until_unwanted(self, number: int, name: str) -> None:
        """Wait until this process is idle and fewer are needed, or until it has lost an attempt without reporting it."""

        def unwanted(conn: Connection) -> bool:
            idle = quarantines.count_open(conn) <= number and not quarantines.is_carrying(conn, name)
            return idle or quarantines.is_given_up(conn, name)

        await self._until(unwanted)

    async def _until(self, condition: Callable[[Connection], bool]) -> None:
        while True:
            try:
                if await self._database.read(condition):
                    return
            except Unavailable as error:
                logger.info("cannot check for quarantined tasks now: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def _witness(self, name: str) -> None:
        while True:
            try:
                return await self._database.transact(lambda conn: quarantines.witness(conn, name))
            except Unavailable:
                await asyncio.sleep(LOOK_SECONDS)
