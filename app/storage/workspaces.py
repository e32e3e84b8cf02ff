"""Workspaces: the folders that projects' tasks work in, and the roots that they may lie in."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from app.domain.errors import Conflict, Invalid, Problem
from app.domain.file_paths import PRIVATE_FOLDER

# App and workers must see the same workspaces; a worker that does not find this file sees other ones.
MARKER = ".signoff-workspaces"


class Workspaces:
    """Makes, names and removes workspaces.

    Args:
        own: the folder of the workspaces that Signoff makes itself.
        roots: resolved folders that a workspace named by a caller may lie in.
    """

    def __init__(self, own: Path, roots: Sequence[Path]) -> None:
        self._own = own
        self._roots = list(roots)

    def prepare(self) -> None:
        """Make the folder of own workspaces, with the marker that workers look for."""
        self._own.mkdir(parents=True, exist_ok=True)
        (self._own / MARKER).touch()

    def check_marker(self) -> None:
        """Make sure that these are the workspaces that the app prepared.

        Raises:
            RuntimeError: they are not, and what to do.
        """
        if not (self._own / MARKER).is_file():
            raise RuntimeError(
                f"{self._own} has no {MARKER}: this worker does not see the app's workspaces. Mount the same folder at the "
                "same path, or set SIGNOFF_DATA_DIR; `signoff migrate` prepares a new one."
            )

    def make(self, project_id: str) -> Path:
        """A new workspace of a project's own."""
        path = self._own / project_id
        path.mkdir(parents=True, exist_ok=True)
        return path

    def named(self, path: str) -> Path:
        """The workspace that a caller names.

        Raises:
            Invalid: it is not a folder inside the allowed roots.
        """
        try:
            resolved = Path(path).expanduser().resolve()
            is_folder = resolved.is_dir()
        except (OSError, ValueError, RuntimeError):
            raise _refused(f"'{path[:200]}' is not a usable path.") from None
        if not Path(path).is_absolute():
            raise _refused("path must be absolute.")
        if not any(resolved.is_relative_to(root) for root in self._roots):
            roots = ", ".join(str(root) for root in self._roots)
            raise _refused(f"path must lie in one of the workspace roots ({roots}); SIGNOFF_WORKSPACE_ROOTS adds more.")
        if not is_folder:
            raise _refused(f"{resolved} is not a folder.")
        return resolved

    def copy_files(self, source: str, target: Path) -> None:
        """Copy the files of a workspace into another; links, special files and what Signoff keeps there are left out.

        Raises:
            Conflict: `files_not_copied`: some cannot be read, or there is no room.
        """
        try:
            shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True, ignore=_left_out)
        except (OSError, shutil.Error) as error:
            raise Conflict(f"The files cannot be copied: {_reason(error)}.", code="files_not_copied") from error

    def remove(self, project_id: str) -> None:
        """Remove the workspace that was made for a project; links in it are not followed."""
        shutil.rmtree(self._own / project_id, ignore_errors=True)


def _left_out(folder: str, names: list[str]) -> set[str]:
    paths = {name: Path(folder) / name for name in names}
    odd = {name for name, path in paths.items() if path.is_symlink() or not (path.is_dir() or path.is_file())}
    return odd | {name for name in names if name.lower() == PRIVATE_FOLDER}


def _reason(error: OSError | shutil.Error) -> str:
    """What went wrong, without the machine's paths."""
    return error.strerror or "some of them cannot be read"


def _refused(message: str) -> Invalid:
    return Invalid(message, details=[Problem(field="path", message=message)])
