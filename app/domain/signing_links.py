"""Links that let one person sign one thing without signing in."""

from __future__ import annotations

from typing_extensions import TypedDict

MAX_HOURS = 30 * 24
DEFAULT_HOURS = 72


class LinkFacts(TypedDict):
    """What the record of an approval says about the link through which it was given.

    Attributes:
        id: the id of the link.
        made_by: who made it and so vouches for its person.
        made_by_id: their id.
    """

    id: str
    made_by: str
    made_by_id: str | None
