"""The hash chain that seals the events of a project."""

from __future__ import annotations

import hashlib

from app.domain.plan import canonical_json
from app.domain.sender import Sender, without_empty_origin
from signoff.schemas.events import Event

GENESIS = "0" * 64


def content_of(event: Event) -> dict[str, object]:
    """What the chain and the app's signature cover of an event."""
    return without_empty_origin(event.__dict__)


def sender_of(event: Event) -> Sender:
    """Who caused an event, according to the event."""
    return Sender(event.actor, event.actor_id, event.via, event.address, event.session_id)


def chain_hash(previous: str, event: Event) -> str:
    """The hash that seals `event` and, through `previous`, everything before it."""
    return hashlib.sha256(previous.encode() + canonical_json(content_of(event))).hexdigest()
