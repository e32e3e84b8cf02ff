"""Attempts learn from the record that their run is being cancelled."""

from __future__ import annotations

import asyncio

from sqlalchemy import update

from activities.cancel_watch import CancelWatch
from app.database.database import Database
from app.domain.identity import new_id
from app.storage import projects
from app.storage.tables import projects as table
from signoff.vocabulary import Stage
from tests.factories import project_row


async def created(database: Database, stage: Stage) -> str:
    project_id = new_id("proj")
    await database.transact(lambda conn: projects.create(conn, project_row(id=project_id), actor="local"))
    await database.transact(
        lambda conn: conn.execute(update(table).where(table.c.id == project_id).values(stage=stage))
    )
    return project_id


async def test_the_attempts_of_a_cancelled_run_are_told_and_no_others(database: Database) -> None:
    watch = CancelWatch(database)
    cancelled, other = await created(database, Stage.CANCELLING), await created(database, Stage.EXECUTING)
    with watch.follow(other) as never, watch.follow(cancelled) as first:
        await asyncio.wait_for(first.wait(), timeout=60)
        # One that comes later is told too, although somebody else's attempt has ended meanwhile.
        with watch.follow(cancelled) as second:
            assert second is first
        assert not never.is_set()


async def test_it_watches_again_after_a_pause(database: Database) -> None:
    watch = CancelWatch(database)
    cancelled = await created(database, Stage.CANCELLING)
    for _ in range(2):
        with watch.follow(cancelled) as told:
            await asyncio.wait_for(told.wait(), timeout=60)
