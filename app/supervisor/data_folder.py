"""The lock on a data folder: one stack at a time."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from app.private_files import UMASK, keep_private
from app.settings import Settings
from app.supervisor.errors import AlreadyRunning, StackError

LOCK_NAME = "up.lock"
# A client that checks whether the folder is locked briefly holds the lock itself.
_PATIENCE_SECONDS = 0.3


@contextmanager
def held(settings: Settings, say: Callable[[str], None]) -> Generator[None]:
    """Hold the lock on the data folder, creating the folder if necessary.

    The kernel releases the lock when this process ends for any reason. Meanwhile, the lock file contains
    `{"pid": …, "url": …}` so that clients can find the app, and files that this process and its children create are
    accessible to their own user only.

    Args:
        settings: contain the data folder and the address of the app.
        say: receives a message about each file that other users can still open.

    Raises:
        AlreadyRunning: another process holds the lock.
        StackError: the folder is not writable.
    """
    data_dir = settings.data_dir
    umask = os.umask(UMASK)
    try:
        open_to_others = keep_private(settings)
        file = (data_dir / LOCK_NAME).open("a+", encoding="utf-8")
    except OSError as error:
        message = (
            f"Cannot write to the data folder {data_dir} ({error.strerror}). Set SIGNOFF_DATA_DIR to another folder."
        )
        os.umask(umask)
        raise StackError(message) from error
    try:
        with file:
            _lock(file, data_dir)
            for message in open_to_others:
                say(message)
            file.truncate(0)
            file.write(json.dumps({"pid": os.getpid(), "url": settings.app_url}))
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)
    finally:
        os.umask(umask)


def _lock(file: TextIO, data_dir: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise AlreadyRunning(_refusal(file, data_dir)) from error
        time.sleep(0.02)


def _refusal(file: TextIO, data_dir: Path) -> str:
    file.seek(0)
    try:
        holder = json.loads(file.read())
        who = f"process {holder['pid']}, {holder['url']}"
    except (ValueError, KeyError, TypeError):
        who = "another process"
    return (
        f"Signoff is already running with the data folder {data_dir} ({who}). "
        "Stop it, or set SIGNOFF_DATA_DIR to another folder."
    )
