"""Whether a browser is signed in."""

from __future__ import annotations

from pydantic import BaseModel


class Session(BaseModel):
    """Whether the server wants a key, and who the sender is to it: null for one who may not use it."""

    key_needed: bool
    actor: str | None
