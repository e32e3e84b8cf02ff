"""The record in an exported project. Anyone who has the public key can verify it, anywhere.

Rows and events are those that an audit reads. The manifest contains the checksum of every entry of the zip, signed by the app.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Table

from app.domain.events import content_of
from app.domain.identity import now
from app.domain.seals import Head
from app.domain.signing import KeyChange, KeyRing, Signer
from app.sealing.keys import Keys
from app.storage.audit import NAMES, Record
from app.storage.record_tables import seals
from app.storage.tables import projects
from signoff.schemas.events import Event
from signoff.schemas.json_value import JsonMapping, JsonObject

EVENTS, ROWS, KEYS, MANIFEST = "events.jsonl", "record/rows.jsonl", "record/keys.json", "record/manifest.json"
# Columns that an audit does not read, and the fencing tokens with which workers hold an attempt.
LEFT_OUT = {"tasks": {"token"}, "attempts": {"token"}, "projects": {"gate", "failure"}}


class Entry(BaseModel):
    """Size and checksum of one entry of the zip."""

    model_config = ConfigDict(extra="forbid")

    bytes: int
    sha256: str


class NewestSeal(BaseModel):
    """The newest seal at the time of the export."""

    model_config = ConfigDict(extra="forbid")

    number: int
    seq: int
    hash: str
    digest: str
    deleted: bool

    @property
    def head(self) -> Head:
        """The seal's head, in the form that is published."""
        return Head(self.number, self.seq, self.hash, self.digest, self.deleted)


class Manifest(BaseModel):
    """Lists every other entry of the zip, signed by the app.

    Attributes:
        at: when the export ended.
        last_seq: the number of the last exported event.
        seal: the newest seal, or None if there was none.
        refused: why the app did not seal the record, or None if it did.
    """

    model_config = ConfigDict(extra="forbid")

    format: int = Field(default=1, ge=1, le=1)
    project_id: str
    at: str
    last_seq: int
    seal: NewestSeal | None
    refused: str | None
    entries: dict[str, Entry]
    key_id: str
    signature: str = ""

    @property
    def content(self) -> JsonObject:
        """The part that is signed."""
        return self.model_dump(mode="json", exclude={"signature"})

    def is_signed_by(self, keys: KeyRing) -> bool:
        """Whether it was signed by one of these keys."""
        return self.signature.startswith(f"{self.key_id}:") and keys.verifies("export", self.content, self.signature)


class KeyFile(BaseModel):
    """The key that signed the export, as PEM, and how it followed earlier keys."""

    model_config = ConfigDict(extra="forbid")

    key_id: str
    fingerprint: str
    public_key: str
    changes: list[KeyChange]


class Sums:
    """Computes the checksum of each entry while it is sent."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def counted(self, name: str, data: Iterator[bytes]) -> Iterator[bytes]:
        """Pass the data through, and record its size and checksum at the end."""
        digest, size = hashlib.sha256(), 0
        for piece in data:
            digest.update(piece)
            size += len(piece)
            yield piece
        self.entries[name] = Entry(bytes=size, sha256=digest.hexdigest())


def manifest(record: Record, sums: Sums, signer: Signer, refused: str | None) -> Iterator[bytes]:
    """Yield the manifest. Call it after all other entries have been sent."""
    head = Head.of(record.seals[-1]) if record.seals else None
    made = Manifest(
        project_id=record.project.id,
        at=now(),
        last_seq=record.project.last_seq,
        seal=NewestSeal(**head._asdict()) if head is not None else None,
        refused=refused,
        entries=sums.entries,
        key_id=signer.key_id,
    )
    made = made.model_copy(update={"signature": signer.sign("export", made.content)})
    yield made.model_dump_json(indent=1).encode() + b"\n"


def key_file(keys: Keys) -> Iterator[bytes]:
    """Yield the public keys that the record was signed with."""
    made = KeyFile(key_id=keys.signer.key_id, fingerprint=keys.fingerprint, public_key=keys.pem, changes=keys.changes)
    yield made.model_dump_json(indent=1).encode() + b"\n"


def event_line(event: Event, stored_hash: str) -> bytes:
    """Return one event with its hash, as a line."""
    return _line({**content_of(event), "hash": stored_hash})


def rows(record: Record) -> Iterator[bytes]:
    """Yield every row of the record except the events, one per line, beginning with what could not be read."""
    unreadable = [[row.table, row.name, row.column] for row in record.unreadable]
    yield _line({"table": "record", "row": {"stray": record.stray, "unreadable": unreadable}})
    yield _row(projects, record.project)
    for table in NAMES:
        rows_of_table: Sequence[Any] = getattr(record, table.name)
        for row in rows_of_table:
            yield _row(table, row)
    for seal in record.seals:
        yield _line({"table": seals.name, "row": seal.model_dump(mode="json")})


def _row(table: Table, row: Any) -> bytes:
    if isinstance(row, BaseModel):
        return _line({"table": table.name, "row": row.model_dump(mode="json")})
    left_out = LEFT_OUT.get(table.name, set[str]())
    names = [column.name for column in table.c if column.name not in left_out]
    return _line({"table": table.name, "row": {name: getattr(row, name) for name in names}})


def _line(value: JsonMapping) -> bytes:
    # An altered database may contain values that JSON cannot represent.
    return json.dumps(value, default=repr).encode() + b"\n"
