"""Opening files below a folder without following a symbolic link on the way: step by step, each from the one before."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path


def open_folder(root: Path, parts: Sequence[str], *, make: bool = False) -> int:
    """A descriptor of a folder below `root`; with `make`, what is missing is made.

    Raises:
        OSError: a part is missing, no folder, or a symbolic link.
    """
    current = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in parts:
            if make:
                make_folder(name, current)
            deeper = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
            os.close(current)
            current = deeper
    except OSError:
        os.close(current)
        raise
    return current


def make_folder(name: str, parent: int) -> bool:
    """Make a folder where there is none; True where it is new."""
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
    except FileExistsError:
        return False
    return True


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
