"""Whether a browser is signed in."""

from __future__ import annotations

from pydantic import BaseModel


class Session(BaseModel):
    """Whether the server wants a key, and who the sender is to it: null where one is wanted and none was given."""

    key_needed: bool
    actor: str | None
