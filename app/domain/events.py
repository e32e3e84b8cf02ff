"""The hash chain that seals the events of a project."""

from __future__ import annotations

import hashlib

from app.domain.plan import canonical_json
from signoff.schemas.events import Event

GENESIS = "0" * 64


def chain_hash(previous: str, event: Event) -> str:
    """The hash that seals `event` and, through `previous`, everything before it."""
    return hashlib.sha256(previous.encode() + canonical_json(event.__dict__)).hexdigest()
