"""Seals: the app's signatures over each project's record, so that nobody else can rewrite it.

Every event has a hash over its content and the previous hash. A seal is a signature over the hash of one event, and therefore
over everything before it. Seals are numbered and each names the one before, so a missing seal is noticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from app.domain.audit import Found
from app.domain.events import GENESIS
from app.domain.plan import canonical_json
from app.domain.signing import KeyRing, Signer
from signoff.schemas.json_value import JsonObject

_RESTORED = "Compare the database with a backup, and with the copies of heads.log that you keep elsewhere."


class Published(BaseModel):
    """The head of a record that was published earlier and is no longer in the database."""

    number: int
    seq: int
    hash: str


class Seal(BaseModel):
    """A signed statement: the record of the project up to event `seq` has the hash `hash`.

    Attributes:
        number: the number of the seal in its project, from 1.
        previous: the digest of the previous seal; 64 zeros for the first.
        sealed_later: events up to this number are older than seals; their authors are unknown.
        unauthenticated: numbers of new events that name a person without an authenticated request from that person.
        by_hand: numbers of new events that came directly through Temporal, where nobody is authenticated.
        contradicts: set if the database no longer had what was published before.
        deleted: this event deleted the project.
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
    def content(self) -> JsonObject:
        """The content that is signed."""
        return self.model_dump(mode="json", exclude={"signature"})

    @property
    def digest(self) -> str:
        """Hash by which the next seal names this one."""
        return hashlib.sha256(canonical_json(self.content)).hexdigest()

    def signed(self, signer: Signer) -> Seal:
        """This seal with its signature."""
        return self.model_copy(update={"signature": signer.sign("seal", self.content)})

    def is_signed_by(self, keys: KeyRing) -> bool:
        """Whether one of these keys made its signature."""
        return self.signature.startswith(f"{self.key_id}:") and keys.verifies("seal", self.content, self.signature)

    def follows(self, before: Head | None) -> bool:
        """Whether this seal directly follows the head `before`."""
        number, digest = (before.number, before.digest) if before is not None else (0, GENESIS)
        return (self.number, self.previous) == (number + 1, digest)


class Head(NamedTuple):
    """Short form of the newest seal of a project."""

    number: int
    seq: int
    hash: str
    digest: str
    deleted: bool = False

    @classmethod
    def of(cls, seal: Seal) -> Head:
        """The head for a seal."""
        return cls(seal.number, seal.seq, seal.hash, seal.digest, seal.deleted)


def check_seals(
    seals: Sequence[Seal], hashes: Mapping[int, str], keys: KeyRing, published: Head | None
) -> Iterator[Found]:
    """Find invalid seals, and problems that the seals themselves recorded.

    Args:
        seals: the seals of one project, in the order of their numbers.
        hashes: the hashes of the events by number, computed from their content.
        keys: the keys whose signatures are valid.
        published: the newest published head, if it is known.
    """
    before: Head | None = None
    for seal in seals:
        if not seal.is_signed_by(keys):
            yield _broken(
                "seal_forged", f"Seal {seal.number} is not signed with a key of the app. Its key is {seal.key_id}."
            )
            return
        if not seal.follows(before):
            number = before.number if before is not None else 0
            yield _broken("seal_missing", f"Seal {seal.number} does not follow seal {number}. Seals are missing.")
        if hashes.get(seal.seq) != seal.hash:
            yield _broken(
                "seal_broken", f"The events up to number {seal.seq} differ from those that seal {seal.number} covers."
            )
        yield from _said(seal)
        before = Head.of(seal)
    if published is not None and not any(Head.of(seal) == published for seal in seals):
        newest = f"seal {before.number}" if before is not None else "no seal"
        yield _broken(
            "record_rolled_back",
            f"Seal {published.number}, up to event {published.seq}, was published, but the newest on record is {newest}.",
        )


def _said(seal: Seal) -> Iterator[Found]:
    """Problems that a seal recorded about the events that it covers."""
    if seal.contradicts is not None:
        yield _broken(
            "record_rewritten",
            f"When seal {seal.number} was made, the record differed from what had been published up to event "
            f"{seal.contradicts.seq}.",
        )
    for seq in seal.unauthenticated:
        yield Found(
            "critical",
            "unauthenticated",
            f"Event {seq} names a person, but that person is not known to have asked for it.",
            "Ask that person. Somebody with write access to the database may have forged the event.",
        )
    for seq in seal.by_hand:
        yield Found(
            "high",
            "sent_by_hand",
            f"Event {seq} came directly through Temporal, where nobody is authenticated.",
            "Find out who has access to Temporal.",
        )


def _broken(code: str, message: str) -> Found:
    return Found("critical", code, message, _RESTORED)
