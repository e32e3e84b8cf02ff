"""Who sent something."""

from __future__ import annotations

from pydantic import BaseModel


class SentBy(BaseModel):
    """Who sent something, as the event of it says.

    `actor` is the name, as it was then; `actor_id` never changes. `via` says how they were known (`key`, `session`, `proxy`,
    `link` or `loopback`), `address` from where, and `session_id` in which browser session. All but `actor` are null for Signoff
    itself, and in records of older versions.
    """

    actor: str
    actor_id: str | None
    via: str | None
    address: str | None
    session_id: str | None
