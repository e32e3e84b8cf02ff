"""Keeps what Signoff writes from the other users of the machine."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.settings import Settings

UMASK = 0o077
# In a folder that Signoff made or found empty: its mode may be changed, whatever else comes to lie in it.
MARKER = ".signoff-data"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SQLITE_SUFFIXES = ("", "-wal", "-shm", "-journal")
_OURS = re.compile(r"(signoff|temporal)\.db(-wal|-shm|-journal)?|up\.lock|logs|workspaces|\.signoff-data")
# Every file system of its own has it.
_LOST_AND_FOUND = "lost+found"


def keep_private(settings: Settings) -> list[str]:
    """Have this process make files for its own user only, and take the rights of others away from those that exist.

    Makes the data folder. Safe to repeat, and in several processes at once.

    Returns:
        A sentence for each file or folder that others can still open.

    Raises:
        OSError: the data folder cannot be made or read.
    """
    os.umask(UMASK)
    folder = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    return [message for path in _private_paths(settings) if (message := _tighten(path))] + _shared_folder(folder)


def _private_paths(settings: Settings) -> Iterator[Path]:
    folder = settings.data_dir
    names = set(os.listdir(folder))  # noqa: PTH208 - names are what is compared
    if MARKER in names or all(_OURS.fullmatch(name) or name == _LOST_AND_FOUND for name in names):
        with suppress(OSError):
            (folder / MARKER).touch()
        yield folder
    for name in sorted(names):
        if _OURS.fullmatch(name):
            yield folder / name
    with suppress(FileNotFoundError):
        yield from (folder / "logs").iterdir()
    yield from _database_files(settings)


def _database_files(settings: Settings) -> Iterator[Path]:
    if not settings.database_url:
        return
    from app.storage.url import sqlite_path  # noqa: PLC0415 - SQLAlchemy, which nothing else here needs

    path = sqlite_path(settings.database_url)
    if path is not None:
        yield from (path.with_name(path.name + suffix) for suffix in _SQLITE_SUFFIXES)


def _tighten(path: Path) -> str | None:
    """Take the rights of group and others away; what is wrong where that cannot be done, or where it is a link."""
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            # Where it leads may be no folder of ours: a person decides about that.
            shared = path.exists() and path.stat().st_mode & _OTHERS
            return f"{path} is a link to something that other users can open; run: chmod go= {path}" if shared else None
        if found.st_mode & _OTHERS:
            path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
    except FileNotFoundError:
        # SQLite removes its own at any time.
        return None
    except OSError as error:
        return f"Other users can open {path}, and its mode cannot be changed ({error.strerror})."
    return None


def _shared_folder(folder: Path) -> list[str]:
    """Say that the folder holds other things than ours, which keeps us from closing it to their users."""
    if (folder / MARKER).exists() or not folder.stat().st_mode & _OTHERS:
        return []
    message = (
        f"Other users can look into the data folder {folder}, which holds more than Signoff's files; "
        f"run: chmod go= {folder}, or set SIGNOFF_DATA_DIR to a folder for Signoff alone."
    )
    return [message]
