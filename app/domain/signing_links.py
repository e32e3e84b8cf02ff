"""Links that let one person sign one thing without signing in."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import TypedDict

from app.domain.sender import Sender

MAX_HOURS = 30 * 24
DEFAULT_HOURS = 72
# Who vouches for somebody whom a `[[notify]]` entry names, or who has a role: nobody has seen the text of their link.
SETTINGS_ID = "settings"
SETTINGS = Sender("the settings of this server", SETTINGS_ID)


@dataclass(frozen=True, slots=True)
class Signable:
    """A version of the plan, or with `phase_id` a phase of it that waits at its gate."""

    version: int
    digest: str
    phase_id: str | None


class LinkFacts(TypedDict, total=False):
    """What the record of an approval says about the link through which it was given.

    Attributes:
        id: the id of the link.
        made_by: who made it and so vouches for its person.
        made_by_id: their id; `settings` if the settings of the server vouch.
        requested_by: the name of the author who asked for the link and never saw its text.
        requested_by_id: their id.
        delivered_by: the `[[notify]]` entry through which the server sent it.
        delivered_to: the address to which the server sent it.
    """

    id: str
    made_by: str
    made_by_id: str | None
    requested_by: str
    requested_by_id: str | None
    delivered_by: str
    delivered_to: str
