"""Who acts: the part of a sender that the record keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypedDict

# The ids of senders that no table lists: the user who runs the server, and whoever has the server's key.
LOCAL_ID = "local"
SERVER_KEY_ID = "admin"
# What older rows and events do not have. Hashes and signatures leave these out where they are empty, so that old ones stay valid.
ORIGIN_FIELDS = ("actor_id", "via", "address", "session_id")


class Origin(TypedDict):
    """The columns beside the name of an actor. All are None for Signoff itself, for models and in old rows."""

    actor_id: str | None
    via: str | None
    address: str | None
    session_id: str | None


def called(actor: str) -> str:
    """Return the name of an actor as people read it. The record calls whoever has the server's key `admin`, which is no name."""
    return "server key" if actor == SERVER_KEY_ID else actor


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent something.

    Attributes:
        actor: the name, as it was then.
        actor_id: the id, which never changes: `person_…`, `key_…`, `local` (the user who runs the server) or `admin` (the
            server's key).
        via: by which means the sender was known.
        address: the address of the sender's machine.
        session_id: the browser session, if the sender used one. It is no secret: its token is.
    """

    actor: str
    actor_id: str | None = None
    via: str | None = None
    address: str | None = None
    session_id: str | None = None

    @property
    def origin(self) -> Origin:
        """The columns beside the name."""
        return Origin(actor_id=self.actor_id, via=self.via, address=self.address, session_id=self.session_id)

    def is_same_as(self, other: Sender) -> bool:
        """Whether both are the same person or key: by id, or by name where the record has no ids."""
        if self.actor_id is not None and other.actor_id is not None:
            return self.actor_id == other.actor_id
        return self.actor == other.actor


# A sender, or the name of a part of Signoff that acts by itself.
Actor: TypeAlias = Sender | str


def as_sender(actor: Actor) -> Sender:
    """The sender that an actor is."""
    return actor if isinstance(actor, Sender) else Sender(actor)


def without_empty_origin(content: Mapping[str, object]) -> dict[str, object]:
    """What a hash or a signature covers: `content` without the fields of the origin that are empty."""
    return {name: value for name, value in content.items() if value is not None or name not in ORIGIN_FIELDS}
