"""Starts workflows that send new notifications."""

from __future__ import annotations

import asyncio
import logging

from app.database.database import Database
from app.domain.errors import Unavailable
from app.storage import notifications
from app.temporal.client import Engine

logger = logging.getLogger(__name__)
# How often the app looks without having been woken: workers of another machine may have written one.
LOOK_SECONDS = 10.0
# A run of many tasks changes something every few milliseconds.
_PAUSE = 0.1
_AT_ONCE = 250


async def hand_over(database: Database, engine: Engine) -> int:
    """Start the workflows that send the notifications that wait, and return how many there were.

    A workflow is started first, and that is recorded after. If this is interrupted in between, the workflow is found open, or its
    notifications have ended.

    Raises:
        Unavailable: Temporal or the database does not answer.
    """
    if not await database.read(notifications.has_waiting):
        return 0
    workflows = await database.transact(lambda conn: notifications.to_start(conn, limit=_AT_ONCE))
    await asyncio.gather(*(engine.start_notification(each) for each in workflows))
    await database.transact(lambda conn: notifications.mark_handed_over(conn, workflows))
    return len(workflows)


async def hand_over_periodically(database: Database, engine: Engine) -> None:
    """Start workflows whenever something has changed, until cancelled."""
    with database.feed.subscribe() as changes:
        while True:
            try:
                while await hand_over(database, engine):
                    pass
            except Unavailable as error:
                logger.info("cannot send notifications at the moment: %s", error)
                await asyncio.sleep(1)
            await asyncio.sleep(_PAUSE)
            await changes.wait(LOOK_SECONDS)
