"""Watches a file for writes by any process on this machine. Works on Linux only."""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_IN_MODIFY = 0x2
# More than the kernel queues: it merges equal reports that nobody has read yet.
_ENOUGH = 65_536


@contextmanager
def watched_writes(path: Path, written: Callable[[], None]) -> Generator[bool]:
    """Call `written` on this event loop after each write to a file. Yields whether the system reports writes.

    Args:
        path: an existing file. The watch follows it when it is renamed, and ends when it is replaced.
        written: called after one write or after several.
    """
    descriptor = _watch(path)
    if descriptor is None:
        yield False
        return
    loop = asyncio.get_running_loop()

    def read() -> None:
        with suppress(BlockingIOError):
            os.read(descriptor, _ENOUGH)
        written()

    loop.add_reader(descriptor, read)
    try:
        yield True
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _watch(path: Path) -> int | None:
    """Return a descriptor that can be read after each write, or None if there is no such thing."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1"):
        return None
    descriptor: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        return None
    if libc.inotify_add_watch(descriptor, os.fsencode(path), _IN_MODIFY) < 0:
        os.close(descriptor)
        return None
    return descriptor
