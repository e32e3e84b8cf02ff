"""Keeps the garbage collector from running while a document is read."""

from __future__ import annotations

import gc
import threading
from collections.abc import Generator
from contextlib import contextmanager

_lock = threading.Lock()
_readers = 0
_was_on = False


@contextmanager
def paused_collection() -> Generator[None]:
    """Pause the cyclic garbage collector of the process, which would otherwise take a third of the time of a dense document.

    Reading makes many small objects and nearly no cycles, so each run of the collector looks at all of them in vain. Several
    threads may read at once: the last one starts the collector again.
    """
    global _readers, _was_on  # noqa: PLW0603 - the collector is one for the whole process
    with _lock:
        if not _readers:
            _was_on = gc.isenabled()
            gc.disable()
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if not _readers and _was_on:
                gc.enable()
