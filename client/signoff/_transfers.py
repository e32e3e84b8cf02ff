"""Tells how far the transfer of a file has come. The sync and the async client share this module."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

import httpx

# Called with the bytes transferred so far, and the size in bytes if it is known. After a lost connection, an upload starts over.
Progress = Callable[[int, int | None], object]


class CountedFile:
    """A file to upload that reports how much of it has been read.

    Args:
        file: the open file.
        progress: called after each piece.
    """

    def __init__(self, file: IO[bytes], progress: Progress) -> None:
        self._file = file
        self._progress = progress
        self._size = file.seek(0, os.SEEK_END)
        file.seek(0)

    def read(self, size: int = -1) -> bytes:
        """Read the next piece."""
        piece = self._file.read(size)
        self._progress(self._file.tell(), self._size)
        return piece

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to another place in the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place in the file."""
        return self._file.tell()


def target_for(path: str, target: Path) -> Path:
    """Where a file of a workspace is saved: `target`, or below it under the file's own name if it is a folder."""
    return target / path.rpartition("/")[2] if target.is_dir() else target


def size_of(response: httpx.Response) -> int | None:
    """The size of the whole file that an answer sends completely or in part; None if the answer does not say."""
    whole = response.headers.get("Content-Range", "").rpartition("/")[2] or response.headers.get("Content-Length", "")
    return int(whole) if whole.isdecimal() and "Content-Encoding" not in response.headers else None
