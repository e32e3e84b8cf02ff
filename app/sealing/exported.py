"""Verifies an exported project with an audit's checks, using only the zip and a public key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from pydantic import ValidationError
from sqlalchemy import JSON, Column, Table
from sqlalchemy.sql.schema import CallableColumnDefault, ScalarElementColumnDefault

from app.domain import integrity
from app.domain.audit import AuditedRow, Found, worst_first
from app.domain.certificate import Statement
from app.domain.certificate_story import Story
from app.domain.plan import canonical_json
from app.domain.replay import Replay
from app.domain.seals import Seal
from app.domain.sender import ORIGIN_FIELDS
from app.domain.signing import KeyRing, fingerprint_of
from app.sealing import whole
from app.sealing.compared import compare, story_of
from app.sealing.envelope import Certificate
from app.sealing.export import EVENTS, KEYS, LEFT_OUT, MANIFEST, ROWS, KeyFile, Manifest
from app.sealing.keys import KeyUnusable, public_key_in
from app.sealing.zipped import Damaged, ExportUnusable, Zipped, damage
from app.storage.audit import NAMES, Record, Unreadable, decisions_of, has_shape
from app.storage.events import ChainCheck
from app.storage.record_tables import seals
from app.storage.tables import decisions, projects
from signoff.schemas.events import Event
from signoff.schemas.json_value import JsonMapping, JsonObject

# In the zip, logs are outside of the workspace's files.
LOGS = "logs"


@dataclass
class Verified:
    """Result of verifying an export.

    Attributes:
        trusted: whether the caller gave the key. Otherwise it is the key in the zip, which anybody can put there.
        fingerprint: the fingerprint of the key that signed the export; None if the zip has no key.
        seal: the newest seal.
        events: the number of events.
        compared: whether a certificate was checked too.
        certificate: what that certificate states; None if it cannot be read.
        findings: the findings, worst first.
    """

    trusted: bool
    fingerprint: str | None = None
    project_id: str | None = None
    name: str | None = None
    exported_at: str | None = None
    events: int = 0
    files: int = 0
    seal: Seal | None = None
    compared: bool = False
    certificate: Statement | None = None
    findings: list[Found] = field(default_factory=list[Found])

    @property
    def intact(self) -> bool:
        """Whether nothing was altered."""
        return whole.is_intact(self.findings)

    @property
    def unsealed(self) -> int:
        """The number of events that no seal covers. The project was still running when it was exported."""
        return max(0, self.events - (self.seal.seq if self.seal is not None else 0))


def log_name(task_id: str, attempt: int) -> str:
    """Return the name of an attempt's log in the zip."""
    return f"{LOGS}/{task_id}/{attempt}.log"


def file_name(path: str) -> str:
    """Return the name of a workspace file in the zip."""
    # On systems where a backslash separates folders, a name that contains one would be a path.
    return f"files/{path}".replace("\\", "_")


def verify(path: Path, key: bytes | str | None = None, certificate: Certificate | None = None) -> Verified:
    """Check an export. Blocking. Memory use grows with the record, but not with the files.

    Args:
        path: the zip file.
        key: the public key to trust, or its fingerprint; None uses the key in the zip.
        certificate: a certificate to check, and to compare with the record.

    Raises:
        ExportUnusable: this is not an export with a record to verify.
        OSError: the file cannot be read.
    """
    result = Verified(trusted=key is not None, compared=certificate is not None)
    result.certificate = certificate.statement if certificate is not None else None
    with Zipped(path) as zipped:
        if not {ROWS, KEYS, MANIFEST} & zipped.names:
            raise ExportUnusable(
                f"{path} has no sealed record. It is not an export of a project, or an older Signoff made it without seals."
            )
        result.findings += [
            damage("entry_duplicate", f"The zip has {name} more than once.") for name in zipped.duplicates
        ]
        try:
            result.findings.extend(_examine(zipped, key, result, certificate))
        except Damaged as error:
            result.findings.append(error.found)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
            # Any other value that these checks fail on is one that Signoff does not write.
            result.findings.append(
                damage("record_unreadable", "The record contains values that Signoff does not write.")
            )
    result.findings = worst_first(result.findings)
    return result


def _examine(
    zipped: Zipped, key: bytes | str | None, result: Verified, certificate: Certificate | None
) -> Iterator[Found]:
    keys, unknown = _trusted(zipped, key, result)
    yield from unknown
    if certificate is not None:
        yield from certificate.findings(keys)
    manifest = zipped.model(MANIFEST, Manifest)
    result.exported_at = manifest.at
    if not manifest.is_signed_by(keys):
        yield damage("manifest_forged", f"The manifest is not signed by this key; it names the key {manifest.key_id}.")
    yield from _entries(zipped, manifest)
    record = _record(zipped)
    story = story_of(certificate)
    chain, replay = _chain(zipped, record, story)
    result.project_id, result.name = record.project.id, record.project.name
    result.events, result.seal = chain.last, record.seals[-1] if record.seals else None
    if (manifest.project_id, manifest.last_seq) != (record.project.id, chain.last):
        yield damage("manifest_forged", "The manifest is about another project, or lists a different number of events.")
    published = manifest.seal.head if manifest.seal is not None else None
    yield from whole.alterations(record, chain, replay, keys, published, manifest.refused)
    sums = {name: entry.sha256 for name, entry in manifest.entries.items()}
    logs = {which: sums.get(log_name(*which)) for which, attempt in replay.attempts.items() if attempt.log is not None}
    yield from integrity.check_logs(logs, replay)
    result.files = sum(name.startswith("files/") for name in sums)
    yield from integrity.check_files({path: sums.get(file_name(path)) for path in replay.files}, replay)
    if certificate is not None:
        yield from compare(certificate, story, record, chain.last)


def _trusted(zipped: Zipped, key: bytes | str | None, result: Verified) -> tuple[KeyRing, list[Found]]:
    """Return the keys whose signatures are valid, and what is wrong with the key in the zip.

    Raises:
        Damaged: the zip has no key, or no key with the requested fingerprint.
    """
    stored = zipped.model(KEYS, KeyFile)
    try:
        own = public_key_in(stored.public_key)
    except KeyUnusable as error:
        raise Damaged("entry_unreadable", f"{KEYS} has no public key.") from error
    result.fingerprint = fingerprint_of(own)
    everything = KeyRing([own]).with_changes(stored.changes)
    if isinstance(key, str):
        named = [known for known in everything.keys.values() if fingerprint_of(known) == key]
        if not named:
            raise Damaged("key_unknown", f"The export was signed by the key {result.fingerprint}, not by {key}.")
        key = named[0]
    if key is None:
        return everything, []
    ring = KeyRing([key]).with_changes(stored.changes)
    if own not in ring.keys.values():
        message = f"The export was signed by the key {result.fingerprint}, not by {fingerprint_of(key)}."
        return ring, [damage("key_unknown", message)]
    return ring, []


def _entries(zipped: Zipped, manifest: Manifest) -> Iterator[Found]:
    """Yield the entries that differ from what was sent."""
    for name in sorted(zipped.names - {*manifest.entries, MANIFEST}):
        yield damage("entry_added", f"{name} is not in the manifest.")
    for name, expected in manifest.entries.items():
        if name not in zipped.names:
            yield damage("entry_missing", f"{name} is missing.")
        elif (difference := zipped.differs(name, expected)) is not None:
            yield damage("entry_altered", f"{name} was altered: {difference}.")


def _chain(zipped: Zipped, record: Record, story: Story | None) -> tuple[ChainCheck, Replay]:
    chain, replay = ChainCheck(), Replay()
    for number, line in enumerate(zipped.lines(EVENTS), start=1):
        event, stored = _event(line, number)
        chain.take(event, stored)
        replay.take(event)
        if story is not None:
            story.take(event)
    chain.check_end(record.project.last_seq, record.project.last_hash)
    chain.broken.extend(seq for seq in record.stray if seq not in chain.broken)
    return chain, replay


def _event(line: object, number: int) -> tuple[Event, str]:
    wrong = Damaged("entry_unreadable", f"Line {number} of {EVENTS} is not a valid event.")
    if not isinstance(line, dict):
        raise wrong
    values = dict(cast("JsonObject", line))
    stored = values.pop("hash", None)
    # An event without a sender, and one of an older version, has no origin.
    values = dict.fromkeys(ORIGIN_FIELDS) | values
    if set(values) != set(Event.model_fields) or not isinstance(stored, str):
        raise wrong
    texts = (values["type"], values["project_id"], values["at"], values["actor"])
    if type(values["seq"]) is not int or not isinstance(values["data"], dict):
        raise wrong
    origin = [values[name] for name in ORIGIN_FIELDS]
    if not all(isinstance(text, str) for text in [*texts, *(text for text in origin if text is not None)]):
        raise wrong
    # Not validated: altered values are taken as they are, so that the chain reveals them.
    return Event.model_construct(None, **values), stored


def _record(zipped: Zipped) -> Record:
    rows: dict[str, list[AuditedRow]] = {table.name: [] for table in (*NAMES, projects, seals)}
    stray: list[int] = []
    unreadable: list[Unreadable] = []
    for line in zipped.lines(ROWS):
        table, row = line["table"], line["row"]
        if table == "record":
            stray = [int(seq) for seq in row["stray"]]
            unreadable += [Unreadable(*(str(text) for text in one)) for one in row["unreadable"]]
        else:
            rows[table].append(row)
    if len(rows[projects.name]) != 1:
        raise Damaged("entry_unreadable", f"{ROWS} has {len(rows[projects.name])} projects instead of one.")
    project = _row(projects, rows[projects.name][0], "id", unreadable)
    if project is None:
        raise Damaged("project_altered", f"The project in {ROWS} cannot be read.")
    read: dict[str, list[AuditedRow]] = {}
    for table, name in NAMES.items():
        if table is not decisions:
            found = (_row(table, row, name, unreadable) for row in rows[table.name])
            read[table.name] = [row for row in found if row is not None]
    before = {column.name: _before(column) for column in decisions.c}
    made = decisions_of([SimpleNamespace(**(before | row)) for row in rows[decisions.name]], unreadable)
    try:
        sealed = [Seal.model_validate(row) for row in rows[seals.name]]
    except ValidationError as error:
        raise Damaged("seal_forged", f"A seal in {ROWS} is not one that Signoff writes.") from error
    return Record(project=project, decisions=made, seals=sealed, stray=stray, unreadable=unreadable, **read)


def _row(table: Table, row: JsonMapping, name: str, unreadable: list[Unreadable]) -> AuditedRow | None:
    """Return a row with the columns of its table. None if Signoff would not have written it, which is then noted."""
    left_out = LEFT_OUT.get(table.name, set[str]())
    values: dict[str, object] = {}
    for column in table.c:
        value = None if column.name in left_out else row.get(column.name, _before(column))
        if column.name not in left_out and not _fits(column, value):
            unreadable.append(Unreadable(table.name, str(row.get(name)), column.name))
            return None
        values[column.name] = value
    if set(row) - set(values):
        unreadable.append(Unreadable(table.name, str(row.get(name)), min(set(row) - set(values))))
        return None
    return SimpleNamespace(**values)


def _before(column: Column[Any]) -> object:
    """The value of a column in an export from before the column existed."""
    if isinstance(column.default, CallableColumnDefault):
        # SQLAlchemy gives these a context, which an empty list or object does not use.
        return cast("Callable[[object], object]", column.default.arg)(None)
    return column.default.arg if isinstance(column.default, ScalarElementColumnDefault) else None


def _fits(column: Column[Any], value: object) -> bool:
    if isinstance(column.type, JSON):
        try:
            canonical_json(value)
        except ValueError:
            return False
        return has_shape(column, value)
    if value is None:
        return bool(column.nullable)
    expected = column.type.python_type
    return type(value) is expected or (expected is float and type(value) is int)
