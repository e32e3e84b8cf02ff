"""The lock on a data folder: one stack at a time."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from app.supervisor.errors import AlreadyRunning, StackError

LOCK_NAME = "up.lock"


@dataclass(frozen=True)
class Holder:
    """Who holds a data folder: the process and the address of its app."""

    pid: int
    url: str


@contextmanager
def held(data_dir: Path, url: str) -> Iterator[None]:
    """Hold the folder's lock, which the kernel frees when this process ends, however it ends. Makes the folder.

    Raises:
        AlreadyRunning: another process holds it.
        StackError: the folder cannot be written to.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = (data_dir / LOCK_NAME).open("a+", encoding="utf-8")
    except OSError as error:
        raise StackError(f"Cannot write to the data folder {data_dir} ({error.strerror}); set SIGNOFF_DATA_DIR.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(_refusal(data_dir)) from error
        file.truncate(0)
        file.write(json.dumps(asdict(Holder(os.getpid(), url))))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def holder(data_dir: Path) -> Holder | None:
    """Who holds the folder's lock now; None where nobody does."""
    path = data_dir / LOCK_NAME
    try:
        with path.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return Holder(**json.loads(file.read()))
    except (OSError, ValueError, TypeError):
        pass
    return None


def _refusal(data_dir: Path) -> str:
    other = holder(data_dir)
    who = f"process {other.pid}, {other.url}" if other else "another process"
    return f"Signoff already runs on the data folder {data_dir} ({who}); stop it, or set SIGNOFF_DATA_DIR to another folder."
