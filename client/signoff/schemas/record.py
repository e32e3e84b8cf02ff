"""The app's signatures over a record, and the key that it signs with."""

from __future__ import annotations

from pydantic import BaseModel


class PublishedHead(BaseModel):
    """A head that was published earlier but is no longer in the database."""

    number: int
    seq: int
    hash: str


class RecordSeal(BaseModel):
    """A signed statement that, up to event `seq`, the hash of the project's record is `hash`.

    The key `key_id` signs all other fields as canonical JSON; docs/record.md specifies the bytes.
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
    """A difference between the record of all projects and what was published about it."""

    code: str
    project_id: str | None
    message: str


class KeyChange(BaseModel):
    """The replacement of one key by another, signed by both. Keys are in base64; docs/record.md specifies the signed bytes."""

    old: str
    new: str
    at: str
    by_old: str
    by_new: str


class FormerKey(BaseModel):
    """An earlier key, which still verifies the seals that it signed."""

    key_id: str
    fingerprint: str
    public_key: str


class RecordKey(BaseModel):
    """The public key for verifying seals, and whether the database still contains everything that was sealed.

    `public_key` is in PEM. `findings` lists sealed projects that are missing from the database or were altered there.
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
