"""Who asks, and under which request id."""

from __future__ import annotations

from typing import Any

from litestar import Request
from sqlalchemy import Connection

from app.api.idempotency import claim_of
from app.domain.decisions import DecisionKind, DecisionRequest
from app.domain.identity import new_id
from app.storage import decisions


def actor_of(request: Request[Any, Any, Any]) -> str:
    """Who sent a request, as the gateway found out.

    Raises:
        RuntimeError: nobody in particular did, at an address that is open to all: what happens there is nobody's decision.
    """
    actor = request.scope["state"]["actor"]
    if actor is None:
        raise RuntimeError("a request of an unknown sender has come where an actor is needed")
    return str(actor)


def is_decided(conn: Connection, request: Request[Any, Any, Any], project_id: str) -> bool:
    """Whether this repeats a request that was decided, though its answer was lost: that outcome holds, whatever came since."""
    claim = claim_of(request)
    return claim is not None and decisions.find(conn, project_id, claim.request_id) is not None


def new_request(
    request: Request[Any, Any, Any],
    project_id: str,
    kind: DecisionKind,
    *,
    comment: str = "",
    payload: dict[str, Any] | None = None,
) -> DecisionRequest:
    """A request to be decided, in the name of the sender; with an Idempotency-Key every repeat has the same request id."""
    claim = claim_of(request)
    return DecisionRequest(
        project_id=project_id,
        request_id=claim.request_id if claim is not None else new_id("req"),
        kind=kind,
        actor=actor_of(request),
        comment=comment,
        payload={name: value for name, value in (payload or {}).items() if value is not None},
    )
