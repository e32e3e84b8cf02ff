"""Lets approvals take effect whose time to undo is over: the app submits the approval again, under an id made from the first."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Connection

from app.database.database import Database
from app.domain.command_payload import CommandPayload
from app.domain.commands import CommandKind, CommandRequest, WithdrawApproval
from app.domain.errors import Conflict, DomainError, NotFound, Unavailable
from app.domain.identity import parse_time
from app.domain.signals import OWN_ACTOR
from app.storage import commands as stored_commands
from app.storage import decisions, gates
from app.storage.gates import GateRow
from app.temporal.commands import Commands
from signoff.vocabulary import GateKind

logger = logging.getLogger(__name__)
# Approvals are looked for this often, even if no change of the database is noticed.
SWEEP_SECONDS = 15.0
# How soon it is tried again after Temporal or the database did not answer.
_AGAIN_SECONDS = 2.0
_LEAST_PAUSE = 0.05
_AT_ONCE = 100
# What the first approval has used up.
_ONCE = ("link", "passkey")


async def open_gates_periodically(database: Database, commands: Commands) -> None:
    """Let each approval take effect when its time to undo is over, until cancelled. What a crash has delayed comes first."""
    with database.feed.subscribe() as changes:
        while True:
            pause = SWEEP_SECONDS
            try:
                pause = await open_gates(database, commands)
            except Unavailable as error:
                pause = _AGAIN_SECONDS
                logger.info("cannot let approvals take effect at the moment: %s", error)
            except Exception:
                logger.exception("approvals could not take effect")
            await asyncio.sleep(_LEAST_PAUSE)
            await changes.wait(max(pause, _LEAST_PAUSE))


async def open_gates(database: Database, commands: Commands) -> float:
    """Let every approval take effect whose time to undo is over. Returns the seconds until the next one can.

    Raises:
        Unavailable: Temporal or the database does not answer. The next call continues.
    """
    waiting = await database.read(lambda conn: gates.to_open(conn, _AT_ONCE))
    due = [gate for gate in waiting if _seconds_left(gate) <= 0]
    outcomes = await asyncio.gather(*(_open(database, commands, gate) for gate in due), return_exceptions=True)
    for gate, outcome in zip(due, outcomes, strict=True):
        if isinstance(outcome, Unavailable):
            raise outcome
        if outcome is not None:
            # One gate must not keep the others closed.
            logger.error("an approval of project %s could not take effect", gate.project_id, exc_info=outcome)
    return min([SWEEP_SECONDS, *(_seconds_left(gate) for gate in waiting if gate not in due)])


def _seconds_left(gate: GateRow) -> float:
    return (parse_time(str(gate.undo_until)) - datetime.now(UTC)).total_seconds()


async def _open(database: Database, commands: Commands, gate: GateRow) -> None:
    request = await database.read(lambda conn: _again(conn, gate))
    if request is None:
        return
    try:
        # None: it is decided later, once. Until then, each sweep asks for it again.
        await commands.submit(request)
    except (Unavailable, NotFound):
        raise
    except DomainError as error:
        logger.info("an approval of project %s cannot take effect: %s", gate.project_id, error)
        await _withdraw(commands, gate, f"The approval could not take effect. {error.info.message}")


def _again(conn: Connection, gate: GateRow) -> CommandRequest | None:
    """The approval that completed a gate's approvals, as a command that opens the gate. None if it was withdrawn meanwhile."""
    if gate.completed_by is None or gates.completed_gate(conn, gate.project_id, gate.completed_by) is None:
        return None
    decision = decisions.by_id(conn, gate.project_id, gate.completed_by)
    row = stored_commands.find_row(conn, gate.project_id, decision.request_id) if decision is not None else None
    if decision is None or row is None:
        return None
    asked = {name: value for name, value in row["payload"].items() if name not in _ONCE}
    # It takes effect for exactly what its sender saw.
    bound: dict[str, Any] = {"phase_id": decision.payload.get("phase_id"), "completed_by": decision.id}
    if decision.kind == CommandKind.APPROVE:
        bound["plan_version"] = decision.plan_version
    if gate.kind in {GateKind.PLAN, GateKind.EDIT}:
        bound["frozen_digest"] = (decision.payload.get("gate") or {}).get("seen")
    payload = {**asked, **{name: value for name, value in bound.items() if value is not None}}
    return CommandRequest(
        project_id=gate.project_id,
        request_id=f"complete:{decision.id}",
        kind=decision.kind,
        actor=decision.actor,
        **decision.sender.origin,
        comment=decision.comment,
        payload=cast("CommandPayload", payload),
    )


async def _withdraw(commands: Commands, gate: GateRow, why: str) -> None:
    """Take back an approval that cannot take effect, so that what waits can be approved again."""
    request = CommandRequest(
        project_id=gate.project_id,
        request_id=f"withdraw:{gate.completed_by}",
        kind=WithdrawApproval.kind,
        actor=OWN_ACTOR,
        comment=why,
        payload=WithdrawApproval(gate_id=gate.id, withdrawn=gate.completed_by).payload,
    )
    try:
        await commands.submit(request)
    except (Unavailable, NotFound):
        raise
    except Conflict as error:
        logger.info("nothing is withdrawn in project %s: %s", gate.project_id, error)
