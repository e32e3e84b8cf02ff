"""Checksums of the files that plans name. Sizes are limited, and links out of the workspace are not followed. Blocking."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from app.workspace.folders import open_file

# Nobody can review a plan that names more files than this.
MAX_FILES = 500
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_BYTES = 256 * 1024 * 1024
MAX_TEXT_BYTES = 64 * 1024
MAX_TOTAL_TEXT_BYTES = 512 * 1024
# Longer than one clock tick of any Linux file system.
_TICK_NS = 2_000_000_000
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Hashed:
    """A regular file's checksum and size, and its text if it is small text; or the reason why there is no checksum."""

    sha256: str = ""
    size: int = 0
    text: str | None = None
    reason: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a checksum."""
        return bool(self.sha256)


def hash_files(workspace: str, paths: Iterable[str]) -> dict[str, Hashed]:
    """Hash each of `paths` (relative) that is a file now. `reason` says why one could not be read. Blocking.

    Links are followed only inside the workspace.
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


# By file: its metadata, and its checksum then. Nobody can set a change time, so an entry is valid while the metadata match.
_CACHE: dict[tuple[str, str], tuple[tuple[int, ...], str]] = {}
_MAX_CACHED = 20_000


def cached_checksums(workspace: str, paths: Iterable[str]) -> dict[str, str | None]:
    """Return the checksum of each of `paths`; None for one that is not a file or cannot be read. Blocking.

    Files that look unchanged are not read. Use it to tell which task changed a file, not to decide whether one may run.
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
        # A file written within the last clock tick may be written again and look the same.
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
        return Hashed(reason="it cannot be read (permission denied)")
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
            return Hashed(reason=f"{size} bytes exceed the limit for {limit}")
        digest, read, head = hashlib.sha256(), 0, b""
        # Bounded, so that a file that grows while it is read still comes to an end.
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
