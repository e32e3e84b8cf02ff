"""Keeps the files that Signoff writes private from other users of the machine."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.settings import Settings

UMASK = 0o077
# Marks a folder that Signoff created or found empty. Its mode may be changed even if other files are added later.
MARKER = ".signoff-data"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SQLITE_SUFFIXES = ("", "-wal", "-shm", "-journal")
_OURS = re.compile(r"(signoff|temporal)\.db(-wal|-shm|-journal)?|up\.lock|logs|workspaces|\.signoff-data")
# Exists at the root of an ext file system, such as a volume that is mounted as the data folder.
_LOST_AND_FOUND = "lost+found"


def keep_private(settings: Settings) -> list[str]:
    """Make this process create files for its own user only, and remove other users' access to existing files.

    Creates the data folder if necessary. Safe to repeat, and to run in several processes at once.

    Returns:
        A sentence for each file or folder that other users can still open.

    Raises:
        OSError: the data folder cannot be created or read.
    """
    os.umask(UMASK)
    folder = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    return [message for path in _private_paths(settings) if (message := _tighten(path))] + _shared_folder(folder)


def _private_paths(settings: Settings) -> Iterator[Path]:
    folder = settings.data_dir
    names = set(os.listdir(folder))  # noqa: PTH208 - only names are compared
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
    from app.database.url import sqlite_path  # noqa: PLC0415 - SQLAlchemy, which nothing else here needs

    path = sqlite_path(settings.database_url)
    if path is not None:
        yield from (path.with_name(path.name + suffix) for suffix in _SQLITE_SUFFIXES)


def _tighten(path: Path) -> str | None:
    """Remove the access of group and others. Return a complaint if that fails, or if a link leads to something shared."""
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            # The target may not belong to Signoff, so a person must decide.
            shared = path.exists() and path.stat().st_mode & _OTHERS
            return f"{path} is a link to something that other users can open; run: chmod go= {path}" if shared else None
        if status.st_mode & _OTHERS:
            path.chmod(stat.S_IMODE(status.st_mode) & ~_OTHERS)
    except FileNotFoundError:
        # SQLite may remove its temporary files at any time.
        return None
    except OSError as error:
        return f"Other users can open {path}, and its mode cannot be changed ({error.strerror})."
    return None


def _shared_folder(folder: Path) -> list[str]:
    """A complaint if other users can open the folder and it holds other files, so that its mode must not be changed."""
    if (folder / MARKER).exists() or not folder.stat().st_mode & _OTHERS:
        return []
    message = (
        f"Other users can open the data folder {folder}, which also contains files that are not Signoff's; "
        f"run: chmod go= {folder}, or set SIGNOFF_DATA_DIR to a folder that only Signoff uses."
    )
    return [message]
