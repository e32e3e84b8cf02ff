"""The sender of a request, and its request id."""

from __future__ import annotations

from typing import Any

from litestar import Request
from sqlalchemy import Connection

from app.api.http.idempotency import claim_of
from app.domain.commands import Command, CommandRequest
from app.domain.identity import new_id
from app.storage import decisions


def actor_of(request: Request[Any, Any, Any]) -> str:
    """The sender of a request, as the gateway determined it.

    Raises:
        RuntimeError: the sender is unknown because the address needs no key. Handlers there must not need an actor.
    """
    actor = request.scope["state"]["actor"]
    if actor is None:
        raise RuntimeError("this operation needs an actor, but the sender of the request is unknown")
    return str(actor)


def is_decided(conn: Connection, request: Request[Any, Any, Any], project_id: str) -> bool:
    """Whether this repeats a request that was already decided. Its outcome then stands, regardless of later changes."""
    claim = claim_of(request)
    return claim is not None and decisions.find(conn, project_id, claim.request_id) is not None


def new_command(
    request: Request[Any, Any, Any], project_id: str, command: Command, *, comment: str = ""
) -> CommandRequest:
    """Give a command in the sender's name. With an Idempotency-Key, every repeat has the same request id."""
    claim = claim_of(request)
    return CommandRequest(
        project_id=project_id,
        request_id=claim.request_id if claim is not None else new_id("req"),
        kind=command.kind,
        actor=actor_of(request),
        comment=comment,
        payload=command.payload,
    )
