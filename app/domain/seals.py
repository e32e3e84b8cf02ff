"""Seals: what the app signs of each project's record, so that nobody else can rewrite it.

Every event has a hash over its content and the hash before it. A seal is a signature over the hash of one event, and so over
everything before it. Seals are numbered and name the one before, so that none can be left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from app.domain.audit import Found
from app.domain.events import GENESIS
from app.domain.plan import canonical_json
from app.domain.signing import KeyRing, Signer

_RESTORED = "Compare with a backup, and with the copies of heads.log that you keep elsewhere."


class Published(BaseModel):
    """The head of a record that was published earlier, and that the database does not have any more."""

    number: int
    seq: int
    hash: str


class Seal(BaseModel):
    """A signed statement: up to event `seq`, this is the record of the project, and its hash is `hash`.

    Attributes:
        number: counts the seals of the project, from 1.
        previous: the digest of the seal before; 64 zeros for the first.
        sealed_later: events up to this number are from before seals were kept; who made them is not known.
        unauthenticated: numbers of new events that tell of a person who is not known to have asked for it.
        by_hand: numbers of new events that came through Temporal, where nobody is authenticated.
        contradicts: set where the database did not have what was published before.
        deleted: the project was deleted by this event.
    """

    model_config = ConfigDict(extra="forbid")

    project_id: str
    number: int
    seq: int
    hash: str
    previous: str
    at: str
    sealed_later: int = 0
    unauthenticated: list[int] = Field(default_factory=list[int])
    by_hand: list[int] = Field(default_factory=list[int])
    contradicts: Published | None = None
    deleted: bool = False
    key_id: str
    signature: str = ""

    @property
    def content(self) -> dict[str, Any]:
        """What is signed."""
        return self.model_dump(mode="json", exclude={"signature"})

    @property
    def digest(self) -> str:
        """What the next seal names this one by."""
        return hashlib.sha256(canonical_json(self.content)).hexdigest()

    def signed(self, signer: Signer) -> Seal:
        """This seal with its signature."""
        return self.model_copy(update={"signature": signer.sign("seal", self.content)})

    def is_signed_by(self, keys: KeyRing) -> bool:
        """Whether its signature is that of one of these keys."""
        return self.signature.startswith(f"{self.key_id}:") and keys.verifies("seal", self.content, self.signature)

    def follows(self, before: Head | None) -> bool:
        """Whether it is the next one."""
        number, digest = (before.number, before.digest) if before is not None else (0, GENESIS)
        return (self.number, self.previous) == (number + 1, digest)


class Head(NamedTuple):
    """The newest seal of a project, in short."""

    number: int
    seq: int
    hash: str
    digest: str
    deleted: bool = False

    @classmethod
    def of(cls, seal: Seal) -> Head:
        """The head that a seal makes."""
        return cls(seal.number, seal.seq, seal.hash, seal.digest, seal.deleted)


def check_seals(
    seals: Sequence[Seal], hashes: Mapping[int, str], keys: KeyRing, published: Head | None
) -> Iterator[Found]:
    """Where seals do not hold, or say themselves what was wrong when they were made.

    Args:
        seals: of one project, in the order of their numbers.
        hashes: of the events, by number, as computed from their content.
        keys: whose signatures count.
        published: the newest head that was published, where that is known.
    """
    before: Head | None = None
    for seal in seals:
        if not seal.is_signed_by(keys):
            yield _broken("seal_forged", f"Seal {seal.number} is not signed by the app: its key is {seal.key_id}.")
            return
        if not seal.follows(before):
            number = before.number if before is not None else 0
            yield _broken("seal_missing", f"Seal {seal.number} does not follow seal {number}: seals are missing.")
        if hashes.get(seal.seq) != seal.hash:
            yield _broken(
                "seal_broken", f"The events up to number {seal.seq} are not those that seal {seal.number} covers."
            )
        yield from _said(seal)
        before = Head.of(seal)
    if published is not None and not any(Head.of(seal) == published for seal in seals):
        newest = f"seal {before.number}" if before is not None else "no seal"
        yield _broken(
            "record_rolled_back",
            f"Seal {published.number}, up to event {published.seq}, was published; the newest on record is {newest}.",
        )  # fmt: skip


def _said(seal: Seal) -> Iterator[Found]:
    """What a seal says of the events that it covers."""
    if seal.contradicts is not None:
        yield _broken(
            "record_rewritten",
            f"When seal {seal.number} was made, the record was not what had been published up to event "
            f"{seal.contradicts.seq}.",
        )  # fmt: skip
    for seq in seal.unauthenticated:
        yield Found(
            "critical", "unauthenticated", f"Event {seq} tells of a person who is not known to have asked for it.",
            "Ask that person. Somebody who can write to the database may have put it there.",
        )  # fmt: skip
    for seq in seal.by_hand:
        yield Found(
            "high", "sent_by_hand", f"Event {seq} came through Temporal, where nobody is authenticated.",
            "Find out who has access to Temporal.",
        )  # fmt: skip


def _broken(code: str, message: str) -> Found:
    return Found("critical", code, message, _RESTORED)
