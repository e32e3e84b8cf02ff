"""Workspaces: the folders that projects' tasks work in, and the roots in which callers may name them."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from app.database.url import sqlite_path
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.file_paths import is_private
from app.settings import Settings
from app.workspace.folders import open_folder
from app.workspace.marker import MARKER, mark
from app.workspace.private_places import PrivatePlaces
from signoff.schemas.problems import Problem

_ADD_ROOTS = "Add more with SIGNOFF_WORKSPACE_ROOTS."


def workspaces_of(settings: Settings) -> Workspaces:
    """Create the workspaces that the settings describe.

    Raises:
        ValueError: the database's address is not valid.
    """
    database = sqlite_path(settings.effective_database_url)
    files = [database.with_name(f"{database.name}{end}") for end in ("", "-wal", "-shm")] if database else []
    return Workspaces(settings.workspaces_dir, settings.allowed_roots, [settings.data_dir, *files])


class Workspaces:
    """Creates, checks and removes workspaces.

    Args:
        own: the folder for workspaces that Signoff makes itself.
        roots: the resolved folders in which callers may name a workspace.
        private: where Signoff keeps its data. A workspace must not be, contain or lie in any of it.
    """

    def __init__(self, own: Path, roots: Sequence[Path], private: Sequence[Path]) -> None:
        self._own = own
        self._roots = list(roots)
        self._private = PrivatePlaces([*private, own])

    def prepare(self) -> None:
        """Create the folder for Signoff's own workspaces, with the marker that workers look for."""
        mark(self._own)

    def check_marker(self) -> None:
        """Make sure that these are the workspaces that the app prepared.

        Raises:
            RuntimeError: they are not. The message says what to do.
        """
        if not (self._own / MARKER).is_file():
            raise RuntimeError(
                f"{self._own} has no {MARKER}: this worker does not see the app's workspaces. Mount the same folder at the "
                "same path, or set SIGNOFF_DATA_DIR. `signoff migrate` prepares a new one."
            )

    def make(self, project_id: str) -> Path:
        """Create the workspace that Signoff makes for a project."""
        path = self._own / project_id
        path.mkdir(parents=True, exist_ok=True)
        return path

    def absolute(self, path: str | None) -> str | None:
        """The path that a caller means: a relative one is below the first of the roots. Null stays null.

        Raises:
            Invalid: the path is relative, and there are no roots.
        """
        if path is None or Path(path).is_absolute() or path.startswith("~"):
            return path
        if not self._roots:
            raise _refused(f"path is relative, but there are no workspace roots. {_ADD_ROOTS}")
        return str(self._roots[0] / path)

    def named(self, path: str) -> Path:
        """Return the workspace that a caller names.

        Raises:
            Invalid: it is not a folder inside the allowed roots, or it overlaps Signoff's own data.
        """
        try:
            resolved = Path(path).expanduser().resolve()
            is_folder = resolved.is_dir()
        except (OSError, ValueError, RuntimeError):
            raise _refused(f"'{path[:200]}' is not a usable path.") from None
        if not Path(path).is_absolute():
            raise _refused(
                "path must be absolute, or relative to the first of the workspace roots; '~' is not supported."
            )
        objection = self._private.objection_to(resolved)
        if objection is not None:
            raise _refused(f"path must be a folder of your own, but {resolved} {objection}.")
        if not any(resolved.is_relative_to(root) for root in self._roots):
            roots = ", ".join(str(root) for root in self._roots) or "none"
            raise _refused(f"path must be inside one of the workspace roots ({roots}). {_ADD_ROOTS}")
        if not is_folder:
            raise _refused(f"{resolved} is not a folder.")
        return resolved

    def checked(self, workspace: str, path: str | None) -> Path:
        """Return a project's workspace after checking it again, because it may have changed since it was named.

        Args:
            workspace: the project's workspace.
            path: the path that the caller gave; None for a workspace that Signoff made.

        Raises:
            NotFound: `no_workspace`: it does not exist.
            Conflict: `unsafe_workspace`: it, or a folder above it, is now a link, or it overlaps Signoff's own data.
        """
        root = root_of(workspace, path)
        try:
            os.close(open_folder(root, ()))
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.EACCES}:
                raise NotFound("The project's workspace no longer exists.", code="no_workspace") from error
            message = (
                "The project's workspace cannot be used: it, or a folder above it, was replaced by a link or a file."
            )
            raise Conflict(message, code="unsafe_workspace") from error
        objection = self._private.objection_to(root) if path is not None else None
        if objection is not None:
            raise Conflict(f"The project's workspace cannot be used: {root} {objection}.", code="unsafe_workspace")
        return root

    def copy_files(self, source: Path, target: Path) -> None:
        """Copy the files of a workspace into another. Links, special files and Signoff's own files are left out.

        Args:
            source: a workspace, as returned by `checked`.
            target: a new workspace that Signoff made.

        Raises:
            Conflict: `files_not_copied`: some files cannot be read, or there is not enough room.
        """
        try:
            _copy_tree(source, target)
        except OSError as error:
            raise Conflict(f"The files cannot be copied: {error.strerror}.", code="files_not_copied") from error

    def remove(self, project_id: str) -> None:
        """Remove the workspace that Signoff made for a project. Links in it are not followed."""
        shutil.rmtree(self._own / project_id, ignore_errors=True)


def root_of(workspace: str, path: str | None) -> Path:
    """Return the folder of a workspace, in a form that should contain no link.

    The administrator may use a link to reach the folder of Signoff's own workspaces. A workspace that a caller named was already
    resolved at that time.
    """
    stored = Path(workspace)
    return stored.parent.resolve() / stored.name if path is None else stored


def _copy_tree(source: Path, target: Path) -> None:
    """Copy every regular file, opened step by step. A folder that becomes a link meanwhile is not entered."""
    stack: list[tuple[str, ...]] = [()]
    while stack:
        parts = stack.pop()
        with contextlib.ExitStack() as opened:
            folder = open_folder(source, parts)
            opened.callback(os.close, folder)
            place = open_folder(target, parts, make=True)
            opened.callback(os.close, place)
            stack += [(*parts, name) for name in _copy_folder(folder, place)]


def _copy_folder(folder: int, place: int) -> list[str]:
    """Copy the files of one folder. Returns the names of its subfolders."""
    below: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_private(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                below.append(entry.name)
            elif entry.is_file(follow_symlinks=False):
                _copy_file(entry.name, folder, place)
    return below


def _copy_file(name: str, folder: int, place: int) -> None:
    with contextlib.ExitStack() as stack:
        reading = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        original = stack.enter_context(os.fdopen(reading, "rb", buffering=0))
        found = os.fstat(reading)
        if not stat.S_ISREG(found.st_mode):
            return
        writing = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=place)
        copy = stack.enter_context(os.fdopen(writing, "wb", buffering=0))
        shutil.copyfileobj(original, copy, 1024 * 1024)
        os.fchmod(writing, stat.S_IMODE(found.st_mode))
        os.utime(writing, ns=(found.st_atime_ns, found.st_mtime_ns))


def _refused(message: str) -> Invalid:
    return Invalid(message, details=[Problem(field="path", message=message)])
