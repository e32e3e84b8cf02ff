"""Files on their way into a workspace. Each is written to a separate folder and then put in its place in one step."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import Conflict
from app.domain.file_paths import PRIVATE_FOLDER, alike
from app.domain.identity import new_id
from app.workspace.folders import open_folder

_ASIDE = (PRIVATE_FOLDER, "uploads")
# Age after which a file is taken for the leftover of a killed app. An upload in progress is written to all the time.
_LEFT_BEHIND_SECONDS = 86_400.0
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True)
class Placed:
    """An uploaded file in its final place."""

    size: int
    sha256: str
    mtime_ns: int
    ctime_ns: int


class Upload:
    """One file that is being received. Its methods block, so use it in a thread.

    Args:
        workspace: the folder that the file is uploaded to.

    Raises:
        Conflict: `unsafe_workspace`: the workspace cannot be written to.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._name = new_id("req")
        self._digest = hashlib.sha256()
        self.size = 0
        try:
            self._folder = open_folder(workspace, _ASIDE, make=True)
        except OSError as error:
            raise _unwritable(error) from error
        try:
            _remove_left_behind(self._folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            # The folder hides it from others. In its final place it has the permissions of any file that a task makes.
            self._file = os.open(self._name, flags, 0o666, dir_fd=self._folder)
        except OSError as error:
            os.close(self._folder)
            raise _unwritable(error) from error

    @property
    def sha256(self) -> str:
        """The checksum of the data received so far."""
        return self._digest.hexdigest()

    def write(self, data: bytes | bytearray) -> None:
        """Append data to the file.

        Raises:
            Conflict: `no_room`, or `unsafe_path` if the file system refuses.
        """
        self._digest.update(data)
        view = memoryview(data)
        try:
            while view:
                written = os.write(self._file, view)
                view = view[written:]
        except OSError as error:
            raise _unplaced(error) from error
        self.size += len(data)

    def place(self, parts: Sequence[str], *, overwrite: bool, repeated: bool) -> Placed:
        """Put the file in its place, durably and in one step: it is there completely, or not at all.

        Args:
            parts: the components of its path.
            overwrite: replace an existing file.
            repeated: an earlier request may have done this already. An existing file with the same content is then accepted.

        Raises:
            Conflict: `file_exists`, `file_exists_other_case`, `not_a_file`, `no_room`, or `unsafe_path` if a link is in the way
                or the file system refuses.
        """
        try:
            os.fsync(self._file)
            self._check_neighbors(parts)
            return self._place(parts, overwrite=overwrite, repeated=repeated)
        except OSError as error:
            raise _unplaced(error) from error

    def _place(self, parts: Sequence[str], *, overwrite: bool, repeated: bool) -> Placed:
        try:
            folder = open_folder(self._workspace, parts[:-1], make=True)
        except OSError as error:
            message = f"'{'/'.join(parts[:-1])}' is not a folder, or a part of it is a link ({error.strerror})."
            raise Conflict(message, code="unsafe_path") from error
        try:
            self._put(folder, parts[-1], overwrite=overwrite, repeated=repeated)
            os.fsync(folder)
            found = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
        finally:
            os.close(folder)
        return Placed(self.size, self.sha256, found.st_mtime_ns, found.st_ctime_ns)

    def close(self) -> None:
        """Remove the file unless it was put in its place."""
        os.close(self._file)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._folder)
        os.close(self._folder)

    def _put(self, folder: int, name: str, *, overwrite: bool, repeated: bool) -> None:
        try:
            # A hard link is a second name for the same file. Unlike a rename, it never replaces an existing file.
            os.link(self._name, name, src_dir_fd=self._folder, dst_dir_fd=folder, follow_symlinks=False)
            os.unlink(self._name, dir_fd=self._folder)
        except FileExistsError:
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(there.st_mode):
                raise Conflict(f"'{name}' exists and is not a file.", code="not_a_file") from None
            if not overwrite and not (repeated and self._is_same(folder, name, there.st_size)):
                message = f"The file '{name}' already exists. Send overwrite=true to replace it."
                raise Conflict(message, code="file_exists") from None
            os.rename(self._name, name, src_dir_fd=self._folder, dst_dir_fd=folder)

    def _is_same(self, folder: int, name: str, size: int) -> bool:
        if size != self.size:
            return False
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256

    def _check_neighbors(self, parts: Sequence[str]) -> None:
        """Refuse file and folder names that some systems confuse with an existing name."""
        for depth, name in enumerate(parts):
            try:
                folder = open_folder(self._workspace, parts[:depth])
            except OSError:
                return
            try:
                twin = _twin_of(name, folder)
            finally:
                os.close(folder)
            if twin is not None:
                where = "/".join([*parts[:depth], twin])
                message = f"'{where}' already exists and differs only in letter case or Unicode normalization."
                raise Conflict(message, code="file_exists_other_case")


def _twin_of(name: str, folder: int) -> str | None:
    normalized = alike(name)
    with os.scandir(folder) as entries:
        return next((entry.name for entry in entries if entry.name != name and alike(entry.name) == normalized), None)


def _remove_left_behind(folder: int) -> None:
    oldest = time.time() - _LEFT_BEHIND_SECONDS
    for name in os.listdir(folder):
        # A file that is gone by now was an upload in progress.
        with contextlib.suppress(OSError):
            if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime < oldest:
                os.unlink(name, dir_fd=folder)


def _unwritable(error: OSError) -> Conflict:
    return Conflict(f"The workspace cannot be written to: {error.strerror}.", code="unsafe_workspace")


def _unplaced(error: OSError) -> Conflict:
    code = "no_room" if error.errno in _NO_ROOM else "unsafe_path"
    return Conflict(f"The file cannot be written: {error.strerror}.", code=code)
