"""How a process learns of commits to a PostgreSQL database: triggers NOTIFY with the project's id, and this module LISTENs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import asyncpg
from sqlalchemy import NullPool
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from app.database.feed import ChangeFeed
from app.domain.backoff import backoff

logger = logging.getLogger(__name__)
CHANNEL = "signoff_news"
# How often a silent connection is checked: a server that has vanished looks like one without changes.
CHECK_SECONDS = 10.0
CHECK_ANSWER_SECONDS = 5.0
FIRST_PAUSE, MAX_PAUSE = 0.1, 2.0


class PostgresFeed(ChangeFeed):
    """Listens from the first waiter on, while the database is open.

    After a lost connection it listens again and wakes every waiter. Changes meanwhile were not announced, but can be read.
    """

    def __init__(self, url: URL, make_engine: Callable[..., AsyncEngine]) -> None:
        super().__init__()
        self._engine = make_engine(url, poolclass=NullPool)

    async def close(self) -> None:
        """Stop listening."""
        await super().close()
        await self._engine.dispose()

    async def _watch(self) -> None:
        failures = 0
        while True:
            try:
                connection = await self._connected()
            except Exception as error:  # noqa: BLE001 - regardless of the error, waiters must learn of later changes
                logger.info("cannot listen for changes now: %s", error)
                failures += 1
                await asyncio.sleep(backoff(failures, FIRST_PAUSE, MAX_PAUSE))
                continue
            failures = 0
            try:
                await self._listen(connection)
            finally:
                with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await connection.close(timeout=CHECK_ANSWER_SECONDS)

    async def _connected(self) -> asyncpg.Connection:
        pooled = await self._engine.raw_connection()
        connection = pooled.driver_connection
        pooled.detach()
        return cast("asyncpg.Connection", connection)

    async def _listen(self, connection: asyncpg.Connection) -> None:
        """Pass notifications on until the connection is lost."""
        lost = asyncio.Event()

        def heard(_connection: asyncpg.Connection, _process: int, _channel: str, project_id: str) -> None:
            self._tell({project_id})

        def ended(_connection: asyncpg.Connection) -> None:
            lost.set()

        connection.add_termination_listener(ended)
        try:
            await connection.add_listener(CHANNEL, heard)
            # Changes between a waiter's subscription and this moment must not be missed.
            self._wake_all()
            while not lost.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_SECONDS):
                        await lost.wait()
                    break
                await connection.execute("SELECT 1", timeout=CHECK_ANSWER_SECONDS)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            logger.info("the connection that listens for changes was lost: %s", error)
