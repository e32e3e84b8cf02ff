"""Ends what waits for approvals when its time is up: its project is cancelled, and never approved."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from sqlalchemy import Connection

from app.database.database import Database
from app.domain.commands import Cancel, CommandKind, CommandRequest
from app.domain.errors import DomainError, Unavailable
from app.domain.identity import now, parse_time
from app.domain.signals import OWN_ACTOR
from app.domain.words import listed
from app.storage import decisions, gates, projects
from app.storage.gates import GateRow, GateStatus
from app.storage.locks import hold_project
from app.temporal.commands import Commands
from signoff.vocabulary import GateKind, Stage

logger = logging.getLogger(__name__)
# Gates whose time is up are looked for this often, even if no change of the database is noticed.
SWEEP_SECONDS = 15.0
# How soon it is tried again after Temporal or the database did not answer.
_AGAIN_SECONDS = 2.0
# However much changes, the gates are read at most this often.
_LEAST_PAUSE = 1.0
# Times are kept to the millisecond.
_STEP = 0.002
_AT_ONCE = 100
_WHAT: dict[GateKind, str] = {
    GateKind.PLAN: "the plan",
    GateKind.PHASE: "the next phase",
    GateKind.TASK: "a task",
    GateKind.EDIT: "an edit of the plan",
    GateKind.RETRY: "the retry",
    GateKind.CHANGE: "a task that no longer matches what was signed",
}


async def expire_gates(database: Database, commands: Commands) -> float:
    """Cancel every project in which a gate has not got its approvals in time. Returns the seconds until the next one can end.

    Raises:
        Unavailable: Temporal or the database does not answer. The next call continues.
    """
    for gate in await database.read(lambda conn: gates.due(conn, _AT_ONCE)):
        await _expire(database, commands, gate)
    following = await database.read(gates.next_end)
    left = (parse_time(following) - datetime.now(UTC)).total_seconds() if following is not None else SWEEP_SECONDS
    return min(SWEEP_SECONDS, max(left, 0.0))


async def _expire(database: Database, commands: Commands, gate: GateRow) -> None:
    project = await database.read(lambda conn: projects.find(conn, gate.project_id))
    withdrawals = await database.read(lambda conn: decisions.count(conn, gate.project_id, CommandKind.WITHDRAW))
    if project is None or project.stage == Stage.PLANNING:
        # The plan was sent back. If planning fails, it waits again.
        return
    cancelled = False
    if gate.kind != GateKind.RETRY:
        command = CommandRequest(
            project_id=gate.project_id,
            # An approval that came just in time refuses this. If it is withdrawn, the project is cancelled after all.
            request_id=f"expire:{gate.id}:{withdrawals}",
            kind=Cancel.kind,
            actor=OWN_ACTOR,
            comment=_reason(gate),
            payload=Cancel(expired_gate=gate.id).payload,
        )
        try:
            # The handler closes the gate, if it still waits. None: it is decided later.
            await commands.submit(command)
            cancelled = True
        except Unavailable:
            raise
        except DomainError as error:
            logger.info("project %s is not cancelled: %s", gate.project_id, error)

    def close(conn: Connection) -> None:
        hold_project(conn, gate.project_id)
        latest = gates.by_id(conn, gate.project_id, gate.id)
        # Its approvals may have become complete just in time.
        if latest is not None and latest.completed_by is None:
            gates.close(conn, gate, GateStatus.EXPIRED, at=now())

    if not cancelled:
        await database.transact(close)


def _reason(gate: GateRow) -> str:
    words = listed([sentence.rstrip(".") for sentence in gate.demands.words])
    return f"Not enough people approved {_WHAT[gate.kind]} before {gate.expires_at}. It needs: {words}."


async def expire_gates_periodically(database: Database, commands: Commands) -> None:
    """Say which policies are in force, and end what was not approved in time, at its time, until cancelled."""
    published = False
    with database.feed.subscribe() as changes:
        while True:
            pause = SWEEP_SECONDS
            try:
                if not published:
                    await database.transact(gates.publish)
                    published = True
                pause = await expire_gates(database, commands)
            except Unavailable as error:
                pause = _AGAIN_SECONDS
                logger.info("cannot end what was not approved in time at the moment: %s", error)
            except Exception:
                logger.exception("what was not approved in time could not be ended")
            at_least = min(pause, _LEAST_PAUSE) + _STEP
            await asyncio.sleep(at_least)
            # A change may have opened a gate that ends earlier.
            await changes.wait(max(pause - at_least, 0.0))
