"""Commands. The app stores each one in the transaction that looks for an earlier decision, before it sends any signal."""

from __future__ import annotations

from typing import TypedDict, cast

from sqlalchemy import Connection, RowMapping, bindparam, insert, select

from app.domain.command_payload import CommandPayload
from app.domain.commands import CommandKind, CommandRequest, StoredCommand
from app.domain.identity import new_id, now
from app.domain.sender import without_empty_origin
from app.domain.signing import SIGNER, Signer
from app.storage import plans, projects, proposals
from app.storage.tables import commands

_OF_PROJECT = select(commands).where(commands.c.project_id == bindparam("of_project"))
_FIND = _OF_PROJECT.where(commands.c.id == bindparam("named"))
_FIND_REQUEST = _OF_PROJECT.where(commands.c.request_id == bindparam("requested"))


def store(conn: Connection, request: CommandRequest) -> StoredCommand:
    """Store a request as a command. A request that repeats an earlier one returns the command of the first.

    Raises:
        NotFound: there is no such project.
    """
    project = projects.get(conn, request.project_id)
    requested = {"of_project": project.id, "requested": request.request_id}
    earlier = conn.execute(_FIND_REQUEST, requested).mappings().one_or_none()
    if earlier is not None:
        return _command(earlier)
    plan = plans.find(conn, project.id, project.plan_version) if project.plan_version is not None else None
    payload = request.payload
    if request.kind == CommandKind.DISCARD and (made := proposals.find(conn, project)) is not None:
        payload = _bound(payload, made)
    if request.kind in {CommandKind.REQUEST_CHANGES, CommandKind.REJECT} and plan is not None:
        payload = _bound(payload, plan)
    if request.kind == CommandKind.APPROVE and plan is not None:
        edited = proposals.find(conn, project) if payload.get("phase_id") is None else None
        # If a phase waits as well, nobody knows which of the two an approval means that names neither.
        if edited is None or project.gate is None:
            payload = _bound(payload, edited or plan)
    command = StoredCommand(
        id=new_id("cmd"),
        project_id=project.id,
        request_id=request.request_id,
        kind=request.kind,
        actor=request.actor,
        **request.sender.origin,
        comment=request.comment,
        payload=payload,
        plan_version=project.plan_version,
        plan_digest=plan.digest if plan is not None else None,
        run_id=project.run_id,
        at=now(),
    )
    row = command.model_dump(mode="json")
    signer: Signer | None = conn.get_execution_options().get(SIGNER)
    seal = signer.sign("command", without_empty_origin(row)) if signer is not None else None
    conn.execute(insert(commands).values(**row, seal=seal))
    return command


class CommandRow(TypedDict):
    """A row of the table of commands, with the app's signature over the rest of it."""

    project_id: str
    request_id: str
    kind: str
    actor: str
    actor_id: str | None
    via: str | None
    address: str | None
    session_id: str | None
    comment: str
    payload: CommandPayload
    seal: str | None


def find_row(conn: Connection, project_id: str, request_id: str) -> CommandRow | None:
    """Return the stored command with a request id as it is stored, or None."""
    row = conn.execute(_FIND_REQUEST, {"of_project": project_id, "requested": request_id}).mappings().one_or_none()
    return cast("CommandRow", dict(row)) if row is not None else None


def find(conn: Connection, project_id: str, command_id: str) -> StoredCommand | None:
    """Return a command of this project, or None."""
    row = conn.execute(_FIND, {"of_project": project_id, "named": command_id}).mappings().one_or_none()
    return _command(row) if row is not None else None


def _bound(payload: CommandPayload, plan: plans.PlanRow) -> CommandPayload:
    """Bind a command to `plan`, if the sender has named none."""
    if payload.get("plan_version") is None and payload.get("plan_digest") is None:
        return {**payload, "plan_version": plan.version, "plan_digest": plan.digest}
    return payload


def _command(row: RowMapping) -> StoredCommand:
    return StoredCommand.model_validate({name: row[name] for name in StoredCommand.model_fields})
