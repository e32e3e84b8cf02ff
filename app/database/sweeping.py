"""Work that a process does in its database again and again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from sqlalchemy import Connection

from app.database.database import Database
from app.domain.errors import Unavailable

logger = logging.getLogger(__name__)


async def repeat(database: Database, work: Callable[[Connection], bool], *, seconds: float, what: str) -> None:
    """Do `work` in transactions now and every few seconds, until cancelled.

    Args:
        database: where to do it.
        work: does a part of the work, and returns whether there is more of it, which the next transaction does at once.
        seconds: the pause when there is no more work.
        what: the work, for the log: "I cannot … at the moment".
    """
    while True:
        try:
            while await database.transact(work):
                pass
        except Unavailable as error:
            logger.info("cannot %s at the moment: %s", what, error)
        await asyncio.sleep(seconds)
