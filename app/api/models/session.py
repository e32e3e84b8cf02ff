"""Who is signed in, and where."""

from __future__ import annotations

from pydantic import BaseModel


class Session(BaseModel):
    """Whether the server wants a key, and who the sender is to it: null for one who may not use it."""

    key_needed: bool
    actor: str | None


class OpenSession(BaseModel):
    """A browser that has signed in; `current` where it is the one that asks."""

    id: str
    actor: str
    address: str
    user_agent: str
    created_at: str
    expires_at: str
    current: bool


class SessionList(BaseModel):
    """Every session that has not ended, newest first."""

    sessions: list[OpenSession]


class Revoked(BaseModel):
    """A session that is over."""

    id: str
    revoked: bool
