"""Opening files below a folder without following a symbolic link on the way: step by step, each from the one before.

The way to the folder itself is walked like that too: whoever can write beside a workspace could put a link in its place.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from app.domain.file_paths import PRIVATE_FOLDER

# Entered without being read: a folder above a workspace may be one that we must not list.
_ENTER = os.O_DIRECTORY | os.O_NOFOLLOW | getattr(os, "O_PATH", os.O_RDONLY)


def open_folder(root: Path, parts: Sequence[str], *, make: bool = False) -> int:
    """A descriptor of a folder below `root`; with `make`, what is missing below `root` is made.

    Signoff's own folder is made for its owner alone, and out of git's sight.

    Args:
        root: an absolute path, no part of which is a symbolic link.
        parts: names of folders, one in the other.
        make: make what is missing.

    Raises:
        OSError: a part is missing, no folder, or a symbolic link.
    """
    current = _open_root(root)
    try:
        for depth, name in enumerate(parts):
            made = make and _make_folder(name, current, mode=0o700 if parts[0] == PRIVATE_FOLDER else 0o777)
            deeper = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
            os.close(current)
            current = deeper
            if made and depth == 0 and name == PRIVATE_FOLDER:
                _hide_from_git(current)
    except OSError:
        os.close(current)
        raise
    return current


def _open_root(root: Path) -> int:
    *above, name = root.parts if len(root.parts) > 1 else (*root.parts, ".")
    current = os.open(above[0], _ENTER)
    try:
        for part in above[1:]:
            deeper = os.open(part, _ENTER, dir_fd=current)
            os.close(current)
            current = deeper
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
    finally:
        os.close(current)


def _make_folder(name: str, parent: int, *, mode: int) -> bool:
    """Make a folder where there is none; True where it is new."""
    try:
        os.mkdir(name, mode, dir_fd=parent)
    except FileExistsError:
        return False
    return True


def _hide_from_git(folder: int) -> None:
    """Keep our files out of the status of a repository that serves as a workspace."""
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(".gitignore", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
        os.write(descriptor, b"*\n")
        os.close(descriptor)


def open_file(root: Path, parts: Sequence[str]) -> int:
    """A descriptor to read a regular file below `root`.

    Raises:
        OSError: it is not there, no regular file, or a symbolic link leads to it.
    """
    folder = open_folder(root, parts[:-1])
    try:
        # O_NONBLOCK: opening a FIFO that somebody put there must not wait for its writer.
        descriptor = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(parts[-1])
    return descriptor
