"""Checksums of files that plans name: without following links out of the workspace, with limits, and never on the event loop."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from app.storage.folders import open_file

# More files than this are named only by plans that nobody can read.
MAX_FILES = 500
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_BYTES = 256 * 1024 * 1024
MAX_TEXT_BYTES = 64 * 1024
MAX_TOTAL_TEXT_BYTES = 512 * 1024
# Coarser than the clock of any file system that Linux has.
_TICK_NS = 2_000_000_000
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Hashed:
    """A regular file: its checksum and size, and its text where it is one and small; or why there is none of these."""

    sha256: str = ""
    size: int = 0
    text: str | None = None
    reason: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a checksum."""
        return bool(self.sha256)


def hash_files(workspace: str, paths: Iterable[str]) -> dict[str, Hashed]:
    """Each of `paths` (relative) that is a file now; `reason` says what kept one from being read. Blocking.

    A link is followed inside of the workspace alone.
    """
    root = Path(workspace)
    found: dict[str, Hashed] = {}
    left, known = MAX_BYTES, 0
    for path in paths:
        hashed = _hash(root, path, left if known < MAX_FILES else -1)
        if hashed is not None:
            found[path] = hashed
            left -= hashed.size
            known += hashed.known
    return found


# By file: what it looked like, and its checksum then. A change time cannot be set, so that an entry holds as long as it fits.
_CACHE: dict[tuple[str, str], tuple[tuple[int, ...], str]] = {}
_MAX_CACHED = 20_000


def cached_checksums(workspace: str, paths: Iterable[str]) -> dict[str, str | None]:
    """The checksum of each of `paths`, None for what is no file or cannot be read; those that look unchanged are not read.

    Blocking. For telling which task changed a file, not for deciding whether one may be run.
    """
    root = Path(workspace)
    found: dict[str, str | None] = {}
    for path in paths:
        look = _look(root / path)
        known = _CACHE.get((workspace, path))
        if look is not None and known is not None and known[0] == look:
            found[path] = known[1]
            continue
        hashed = _hash(root, path, MAX_FILE_BYTES)
        found[path] = hashed.sha256 or None if hashed is not None else None
        # A file that was written within the last tick of the clock may be written again without looking any different.
        if look is not None and found[path] is not None and time.time_ns() - look[-1] > _TICK_NS:
            if len(_CACHE) >= _MAX_CACHED:
                _CACHE.clear()
            _CACHE[workspace, path] = (look, str(found[path]))
    return found


def _look(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _hash(root: Path, path: str, left: int) -> Hashed | None:
    try:
        resolved = (root / path).resolve()
        relative = resolved.relative_to(root.resolve())
    except ValueError:
        return Hashed(reason="a link leads out of the workspace")
    except (OSError, RuntimeError):
        return None
    try:
        descriptor = open_file(root.resolve(), relative.parts) if relative.parts else None
    except PermissionError:
        return Hashed(reason="it may not be read")
    except (OSError, ValueError):
        return None
    return _read(descriptor, left) if descriptor is not None else None


def _read(descriptor: int, left: int) -> Hashed:
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if left < 0:
            return Hashed(reason=f"more than {MAX_FILES} files are named")
        if size > min(MAX_FILE_BYTES, left):
            limit = "this file" if size > MAX_FILE_BYTES else "all files together"
            return Hashed(reason=f"{size} bytes are over the limit of {limit}")
        digest, read, head = hashlib.sha256(), 0, b""
        # A file that grows while it is read comes to an end all the same.
        while read <= MAX_FILE_BYTES and (data := file.read(_CHUNK)):
            digest.update(data)
            head = data if not read else head
            read += len(data)
    return Hashed(digest.hexdigest(), read, _text(head) if read <= MAX_TEXT_BYTES else None)


def _text(data: bytes) -> str | None:
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
