"""Browser sessions."""

from __future__ import annotations

from pydantic import BaseModel

from signoff.vocabulary import Scope


class Session(BaseModel):
    """How to sign in, and who the sender is; `actor` is null if the sender is not known.

    `key_needed` says whether the server has a key, `people` whether somebody can sign in with a password. `provider` is the
    name of the identity provider that people can sign in with, null if there is none. `scopes` is what the sender may do, at
    least for some projects.
    """

    key_needed: bool
    people: bool
    provider: str | None
    actor: str | None
    via: str | None
    scopes: list[Scope]


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
