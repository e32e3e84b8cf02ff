"""What the app has signed of a record, and the key that it signs with."""

from __future__ import annotations

from pydantic import BaseModel


class PublishedHead(BaseModel):
    """A head that was published earlier, and that the database does not have any more."""

    number: int
    seq: int
    hash: str


class RecordSeal(BaseModel):
    """A signed statement: up to event `seq`, this is the record of the project, and its hash is `hash`.

    `signature` is by the key `key_id`, over all the other fields as canonical JSON; docs/record.md has the bytes.
    """

    project_id: str
    number: int
    seq: int
    hash: str
    previous: str
    at: str
    sealed_later: int
    unauthenticated: list[int]
    by_hand: list[int]
    contradicts: PublishedHead | None
    deleted: bool
    key_id: str
    signature: str


class RecordFinding(BaseModel):
    """Something about the whole record that is not as it was published."""

    code: str
    project_id: str | None
    message: str


class KeyChange(BaseModel):
    """How one key followed another, signed by both. Keys are in base64; docs/record.md has the bytes that are signed."""

    old: str
    new: str
    at: str
    by_old: str
    by_new: str


class FormerKey(BaseModel):
    """A key that signed before the current one, and still verifies what it signed."""

    key_id: str
    fingerprint: str
    public_key: str


class RecordKey(BaseModel):
    """The public key that seals are verified with, and whether the database has all that was sealed.

    `public_key` is PEM. `findings` has projects that were sealed and are not in the database, or not as they were.
    """

    key_id: str
    fingerprint: str
    public_key: str
    former_keys: list[FormerKey]
    changes: list[KeyChange]
    sealed_projects: int
    unsealed_projects: int
    intact: bool
    findings: list[RecordFinding]
