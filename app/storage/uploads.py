"""Files on their way into a workspace: written aside, put in their place in one step."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import Conflict
from app.domain.file_paths import PRIVATE_FOLDER
from app.domain.identity import new_id
from app.storage.folders import open_folder

_ASIDE = (PRIVATE_FOLDER, "uploads")


@dataclass(frozen=True)
class Placed:
    """A file in its place."""

    size: int
    sha256: str
    mtime_ns: int
    ctime_ns: int


class Upload:
    """One file that is being received; blocking, to be used in a thread.

    Args:
        workspace: where it goes.

    Raises:
        Conflict: `unsafe_workspace`: it cannot be written to.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._name = new_id("req")
        self._digest = hashlib.sha256()
        self.size = 0
        try:
            self._folder = open_folder(workspace, _ASIDE, make=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            self._file = os.open(self._name, flags, 0o600, dir_fd=self._folder)
        except OSError as error:
            raise Conflict(f"The workspace cannot be written to: {error.strerror}.", code="unsafe_workspace") from error

    @property
    def sha256(self) -> str:
        """Of what has come so far."""
        return self._digest.hexdigest()

    def write(self, data: bytes | bytearray) -> None:
        """Append.

        Raises:
            Conflict: `no_room`.
        """
        self._digest.update(data)
        view = memoryview(data)
        try:
            while view:
                written = os.write(self._file, view)
                view = view[written:]
        except OSError as error:
            raise Conflict(f"The file cannot be written: {error.strerror}.", code="no_room") from error
        self.size += len(data)

    def place(self, parts: Sequence[str], *, overwrite: bool, repeated: bool) -> Placed:
        """Put the file in its place, durably and in one step: it is there whole, or not at all.

        Args:
            parts: of its path.
            overwrite: replace a file that is there.
            repeated: this may have been done before: a file there with the same content is ours.

        Raises:
            Conflict: `file_exists`, `file_exists_other_case`, `not_a_file`, or `unsafe_path` where a link is in the way.
        """
        os.fsync(self._file)
        try:
            folder = open_folder(self._workspace, parts[:-1], make=True)
        except OSError as error:
            message = f"'{'/'.join(parts[:-1])}' is no folder, or a link is in the way ({error.strerror})."
            raise Conflict(message, code="unsafe_path") from error
        try:
            self._check_neighbours(folder, parts[-1])
            self._put(folder, parts[-1], overwrite=overwrite, repeated=repeated)
            os.fsync(folder)
            found = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
        finally:
            os.close(folder)
        return Placed(self.size, self.sha256, found.st_mtime_ns, found.st_ctime_ns)

    def close(self) -> None:
        """Remove what was not put in its place."""
        os.close(self._file)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._folder)
        os.close(self._folder)

    def _put(self, folder: int, name: str, *, overwrite: bool, repeated: bool) -> None:
        try:
            # A second name for the same file: unlike a rename, it never replaces one that is there.
            os.link(self._name, name, src_dir_fd=self._folder, dst_dir_fd=folder, follow_symlinks=False)
            os.unlink(self._name, dir_fd=self._folder)
        except FileExistsError:
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(there.st_mode):
                raise Conflict(f"'{name}' is there and is no file.", code="not_a_file") from None
            if not overwrite and not (repeated and self._is_same(folder, name, there.st_size)):
                message = f"There is a file '{name}' already; send overwrite=true to replace it."
                raise Conflict(message, code="file_exists") from None
            os.rename(self._name, name, src_dir_fd=self._folder, dst_dir_fd=folder)

    def _is_same(self, folder: int, name: str, size: int) -> bool:
        if size != self.size:
            return False
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256

    @staticmethod
    def _check_neighbours(folder: int, name: str) -> None:
        """Refuse a name that some systems take for the one of another file that is there."""
        with os.scandir(folder) as entries:
            twin = next(
                (entry.name for entry in entries if entry.name != name and entry.name.casefold() == name.casefold()),
                None,
            )
        if twin is not None:
            message = f"There is '{twin}' already, which differs in upper and lower case only."
            raise Conflict(message, code="file_exists_other_case")
