"""Reading an export that anybody may have made: bounded in memory, and every defect of the zip has a name."""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from pydantic import BaseModel

from app.domain.audit import Found
from app.sealing.export import Entry
from app.storage.stored_json import read_json

M = TypeVar("M", bound=BaseModel)
# What zipfile raises for files that are not what they claim to be.
_DEFECTS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError,
    OverflowError,
)  # fmt: skip
_PIECE = 1024 * 1024
# A line has one event or row, and the manifest one entry per file.
MAX_LINE_BYTES = 32 * 1024 * 1024
MAX_LIST_BYTES = 1024 * 1024 * 1024
MAX_MANIFEST_BYTES = 128 * 1024 * 1024
MAX_ENTRIES = 250_000


class ExportUnusable(ValueError):
    """The file is no export that can be verified; the message says why."""


class Damaged(Exception):
    """Something in the zip that cannot be read, as a finding."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.found = damage(code, message)


def damage(code: str, message: str) -> Found:
    """A finding about the zip itself."""
    return Found("critical", code, message, "Get the export again, from the server itself.")


class Zipped:
    """The entries of a zip.

    Raises:
        ExportUnusable: it is no zip, or has more entries than an export has.
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb"):
            pass
        try:
            self._zip = zipfile.ZipFile(path)
        except _DEFECTS as error:
            raise ExportUnusable(f"{path} is not a zip: {error}.") from error
        found = self._zip.infolist()
        if len(found) > MAX_ENTRIES:
            self._zip.close()
            raise ExportUnusable(f"{path} has {len(found)} entries; an export has at most {MAX_ENTRIES}.")
        self._entries = {entry.filename: entry for entry in found}
        self.duplicates = sorted(name for name, count in Counter(one.filename for one in found).items() if count > 1)

    def __enter__(self) -> Zipped:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._zip.close()

    @property
    def names(self) -> set[str]:
        """Of all entries."""
        return set(self._entries)

    def differs(self, name: str, wanted: Entry) -> str | None:
        """How an entry differs from what the manifest says of it; None where it does not."""
        size = self._entries[name].file_size
        if size != wanted.bytes:
            return f"it has {size} bytes, not {wanted.bytes}"
        digest, read = hashlib.sha256(), 0
        try:
            for piece in self._pieces(name):
                digest.update(piece)
                read += len(piece)
        except Damaged as error:
            return str(error)
        if read != wanted.bytes or digest.hexdigest() != wanted.sha256:
            return "its checksum is another"
        return None

    def model(self, name: str, kind: type[M]) -> M:
        """A small entry, read as a model.

        Raises:
            Damaged: it is missing, too large, or not one.
        """
        self._check_size(name, MAX_MANIFEST_BYTES)
        data = b"".join(self._pieces(name))
        try:
            return kind.model_validate_json(data)
        except ValueError as error:
            raise Damaged("entry_unreadable", f"{name} is not what Signoff writes.") from error

    def lines(self, name: str) -> Iterator[Any]:
        """The values of an entry that has one in each line, one after the other.

        Raises:
            Damaged: the entry is missing or too large, or a line is no JSON.
        """
        self._check_size(name, MAX_LIST_BYTES)
        rest = b""
        number = 0
        for piece in self._pieces(name):
            *whole, rest = (rest + piece).split(b"\n")
            if len(rest) > MAX_LINE_BYTES:
                raise Damaged("entry_too_large", f"A line of {name} has more than {MAX_LINE_BYTES} bytes.")
            for line in whole:
                number += 1
                yield _value(name, number, line)
        if rest:
            yield _value(name, number + 1, rest)

    def _check_size(self, name: str, most: int) -> None:
        entry = self._entries.get(name)
        if entry is None:
            raise Damaged("entry_missing", f"{name} is missing.")
        if entry.file_size > most:
            raise Damaged("entry_too_large", f"{name} has {entry.file_size} bytes; at most {most} are read.")

    def _pieces(self, name: str) -> Iterator[bytes]:
        """The bytes of an entry; never more than its header says."""
        try:
            with self._zip.open(self._entries[name]) as opened:
                while piece := opened.read(_PIECE):
                    yield piece
        except _DEFECTS as error:
            raise Damaged("entry_unreadable", f"{name} cannot be read: {error}.") from error


def _value(name: str, number: int, line: bytes) -> Any:
    try:
        return read_json(line.decode())
    except (ValueError, json.JSONDecodeError) as error:
        raise Damaged("entry_unreadable", f"Line {number} of {name} is not what Signoff writes.") from error
