"""Opens files below a folder without following a symbolic link: step by step, each folder from the one before.

The path to the folder itself is walked in the same way: anyone who can write beside a workspace could put a link there.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from app.domain.file_paths import PRIVATE_FOLDER
from app.workspace.file_names import with_bytes

# Entered without being read: Signoff may not be allowed to list a folder above a workspace.
_ENTER = os.O_DIRECTORY | os.O_NOFOLLOW | getattr(os, "O_PATH", os.O_RDONLY)

_INTO = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def open_folder(root: Path, parts: Sequence[str], *, make: bool = False) -> int:
    """Return a descriptor of a folder below `root`. With `make`, missing folders below `root` are created.

    Signoff's own folder is created for its owner only, and hidden from git.

    Args:
        root: an absolute path without symbolic links.
        parts: the names of the folders, from the outermost to the innermost.
        make: create missing folders.

    Raises:
        OSError: a part is missing, is not a folder, or is a symbolic link.
    """
    current = _open_root(root)
    try:
        for depth, name in enumerate(parts):
            made = False
            try:
                deeper = os.open(name, _INTO, dir_fd=current)
            except FileNotFoundError:
                if not make:
                    raise
                made = _make_folder(name, current, mode=0o700 if parts[0] == PRIVATE_FOLDER else 0o777)
                deeper = os.open(name, _INTO, dir_fd=current)
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
        return os.open(name, _INTO, dir_fd=current)
    finally:
        os.close(current)


def _make_folder(name: str, parent: int, *, mode: int) -> bool:
    """Create a folder if there is none. Returns True if it is new."""
    try:
        os.mkdir(name, mode, dir_fd=parent)
    except FileExistsError:
        return False
    return True


def _hide_from_git(folder: int) -> None:
    """Keep Signoff's files out of `git status` in a repository that serves as a workspace."""
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(".gitignore", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
        os.write(descriptor, b"*\n")
        os.close(descriptor)


def open_file(root: Path, parts: Sequence[str]) -> int:
    """Return a descriptor for reading a regular file below `root`. Names that are not UTF-8 may be given as text.

    Raises:
        OSError: it does not exist, it is not a regular file, or a symbolic link leads to it.
    """
    try:
        return _open_file(root, parts)
    except FileNotFoundError:
        # A file whose name really contains the text of an escape comes first.
        path = with_bytes("/".join(parts))
        if path is None:
            raise
        return _open_file(root, path.split("/"))


def _open_file(root: Path, parts: Sequence[str]) -> int:
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
