"""The commands that requests give, in their sender's name."""

from __future__ import annotations

from sqlalchemy import Connection

from app.api.http.any_request import AnyRequest
from app.api.http.callers import caller_of
from app.api.http.idempotency import claim_of
from app.domain.commands import Command, CommandRequest
from app.domain.identity import new_id
from app.domain.sender import Sender
from app.storage import decisions


def actor_of(request: AnyRequest) -> Sender:
    """The sender of a request, as the record names them.

    Raises:
        RuntimeError: the sender is unknown because the address needs no key. Handlers there must not need an actor.
    """
    return caller_of(request).sender


def is_decided(conn: Connection, request: AnyRequest, project_id: str) -> bool:
    """Whether this repeats a request that was already decided. Its outcome then stands, regardless of later changes."""
    claim = claim_of(request)
    return claim is not None and decisions.find(conn, project_id, claim.request_id) is not None


def new_command(request: AnyRequest, project_id: str, command: Command, *, comment: str = "") -> CommandRequest:
    """Give a command in the sender's name. With an Idempotency-Key, every repeat has the same request id."""
    claim = claim_of(request)
    sender = actor_of(request)
    return CommandRequest(
        project_id=project_id,
        request_id=claim.request_id if claim is not None else new_id("req"),
        kind=command.kind,
        actor=sender.actor,
        **sender.origin,
        comment=comment,
        payload=command.payload,
    )
