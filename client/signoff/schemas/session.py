"""Browser sessions."""

from __future__ import annotations

from pydantic import BaseModel


class Session(BaseModel):
    """Whether the server needs a key, and who the sender is; `actor` is null if the sender is not authenticated."""

    key_needed: bool
    actor: str | None


class OpenSession(BaseModel):
    """The session of a browser that has signed in. `current` is true for the browser that sent the request."""

    id: str
    actor: str
    address: str
    user_agent: str
    created_at: str
    expires_at: str
    current: bool


class SessionList(BaseModel):
    """All sessions that have not ended, newest first."""

    sessions: list[OpenSession]


class Revoked(BaseModel):
    """A session that was revoked."""

    id: str
    revoked: bool
