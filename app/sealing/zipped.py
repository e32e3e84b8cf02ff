"""Reads an export that anyone may have made. Memory use is bounded, and every defect of the zip gets its own finding."""

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
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
    OverflowError,
)
_PIECE = 1024 * 1024
# A line has one event or row, and the manifest one entry per file.
MAX_LINE_BYTES = 32 * 1024 * 1024
MAX_LIST_BYTES = 1024 * 1024 * 1024
MAX_MANIFEST_BYTES = 128 * 1024 * 1024
MAX_ENTRIES = 250_000


class ExportUnusable(ValueError):
    """The file is not an export that can be verified. The message says why."""


class Damaged(Exception):
    """Something in the zip cannot be read. Carries the finding."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.found = damage(code, message)


def damage(code: str, message: str) -> Found:
    """Return a finding about the zip itself."""
    return Found("critical", code, message, "Download the export again, directly from the server.")


class Zipped:
    """The entries of a zip.

    Raises:
        ExportUnusable: the file is not a zip, or has more entries than an export can have.
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
            raise ExportUnusable(f"{path} has {len(found)} entries, but an export has at most {MAX_ENTRIES}.")
        self._entries = {entry.filename: entry for entry in found}
        self.duplicates = sorted(name for name, count in Counter(one.filename for one in found).items() if count > 1)

    def __enter__(self) -> Zipped:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._zip.close()

    @property
    def names(self) -> set[str]:
        """The names of all entries."""
        return set(self._entries)

    def differs(self, name: str, expected: Entry) -> str | None:
        """Return how an entry differs from what the manifest says about it, or None."""
        size = self._entries[name].file_size
        if size != expected.bytes:
            return f"it has {size} bytes, not {expected.bytes}"
        digest, read = hashlib.sha256(), 0
        try:
            for piece in self._pieces(name):
                digest.update(piece)
                read += len(piece)
        except Damaged as error:
            return str(error)
        if read != expected.bytes or digest.hexdigest() != expected.sha256:
            return "its checksum is different"
        return None

    def model(self, name: str, kind: type[M]) -> M:
        """Read a small entry as a model.

        Raises:
            Damaged: the entry is missing, too large, or not valid for the model.
        """
        self._check_size(name, MAX_MANIFEST_BYTES)
        data = b"".join(self._pieces(name))
        try:
            return kind.model_validate_json(data)
        except ValueError as error:
            raise Damaged("entry_unreadable", f"{name} is not in the format that Signoff writes.") from error

    def lines(self, name: str) -> Iterator[Any]:
        """Yield the values of an entry that has one value per line.

        Raises:
            Damaged: the entry is missing or too large, or a line is not JSON.
        """
        self._check_size(name, MAX_LIST_BYTES)
        rest = b""
        number = 0
        for piece in self._pieces(name):
            *whole, rest = (rest + piece).split(b"\n")
            if len(rest) > MAX_LINE_BYTES:
                raise Damaged("entry_too_large", f"A line of {name} exceeds the limit of {MAX_LINE_BYTES} bytes.")
            for line in whole:
                number += 1
                yield _value(name, number, line)
        if rest:
            yield _value(name, number + 1, rest)

    def _check_size(self, name: str, limit: int) -> None:
        entry = self._entries.get(name)
        if entry is None:
            raise Damaged("entry_missing", f"{name} is missing.")
        if entry.file_size > limit:
            raise Damaged(
                "entry_too_large", f"{name} has {entry.file_size} bytes, which exceeds the limit of {limit} bytes."
            )

    def _pieces(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an entry, never more than its header states."""
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
        raise Damaged(
            "entry_unreadable", f"Line {number} of {name} is not in the format that Signoff writes."
        ) from error
