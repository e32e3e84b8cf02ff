"""Handles paths inside a workspace safely, even if a task has planted symbolic links."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from app.domain.actions import TaskFailed
from app.domain.file_paths import PRIVATE_FOLDER
from app.workspace.folders import open_folder


def inside(workspace: Path, relative: str) -> Path:
    """`relative` as an absolute path, with all symbolic links below the workspace resolved. It need not exist.

    Open the path step by step (`app.workspace.folders`), because the links may have changed by then.

    Raises:
        TaskFailed: `path_outside`: it leads out of the workspace.
    """
    try:
        path = (workspace / relative).resolve()
    except (OSError, RuntimeError, ValueError):  # the path is too long, or has a loop of links or a NUL character
        path = None
    if path is None or not path.is_relative_to(workspace):
        message = f"The path '{relative}' leads out of the task's workspace."
        raise TaskFailed("path_outside", message, retryable=False)
    return path


def attempt_folder(workspace: Path, task_id: str, attempt: int) -> Path:
    """The folder for the files of one attempt. `new_file` creates it."""
    return workspace / PRIVATE_FOLDER / "attempts" / task_id / str(attempt)


def private_folder(workspace: Path, *names: str) -> Path:
    """The folder `.signoff/<names>` in the workspace. It is created if it is missing.

    Raises:
        TaskFailed: `unsafe_workspace`: see `new_file`.
    """
    folder = workspace.joinpath(PRIVATE_FOLDER, *names)
    os.close(_open_folder(workspace, folder))
    return folder


def temporary_folder(workspace: Path, task_id: str, attempt: int) -> Path:
    """The folder for temporary files of one attempt, created if missing. `remove_temporary_folder` removes it.

    Raises:
        TaskFailed: `unsafe_workspace`: see `new_file`.
    """
    return private_folder(workspace, "tmp", f"{task_id}-{attempt}")


def has_temporary_folder(workspace: Path, task_id: str, attempt: int) -> bool:
    """Whether `remove_temporary_folder` has something to do."""
    return os.path.lexists(workspace / PRIVATE_FOLDER / "tmp" / f"{task_id}-{attempt}")


def remove_temporary_folder(workspace: Path, task_id: str, attempt: int) -> None:
    """Remove the folder for temporary files of one attempt with all its contents. No link is followed. Blocking."""
    with contextlib.suppress(OSError):
        parent = open_folder(workspace, (PRIVATE_FOLDER, "tmp"))
        try:
            shutil.rmtree(f"{task_id}-{attempt}", ignore_errors=True, dir_fd=parent)
        finally:
            os.close(parent)


def new_file(workspace: Path, path: Path) -> int:
    """Open a new, empty file below the workspace for writing. Folders are created, and an old file is replaced.

    Raises:
        TaskFailed: `unsafe_workspace`: one of the folders is a symbolic link or a file.
    """
    folder = _open_folder(workspace, path.parent)
    try:
        # Removing first drops a planted link, FIFO or hard link to another file. O_EXCL refuses a new one.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path.name, dir_fd=folder)
        return os.open(path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    except OSError as error:
        raise _unsafe(path, error) from error
    finally:
        os.close(folder)


def read_file(workspace: Path, path: Path, limit: int) -> bytes | None:
    """Read the first `limit` bytes of a file below the workspace. None if there is no regular file.

    Raises:
        TaskFailed: `unsafe_workspace`: see `new_file`.
    """
    folder = _open_folder(workspace, path.parent)
    try:
        # O_NONBLOCK: opening a planted FIFO must not wait for its writer.
        descriptor = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(limit)
    except OSError:
        return None
    finally:
        os.close(folder)


def remove_file(workspace: Path, path: Path) -> None:
    """Remove a file below the workspace, if there is one.

    Raises:
        TaskFailed: `unsafe_workspace`: see `new_file`.
    """
    folder = _open_folder(workspace, path.parent)
    try:
        # Anything that is not a file is not ours.
        with contextlib.suppress(OSError):
            os.unlink(path.name, dir_fd=folder)
    finally:
        os.close(folder)


def _open_folder(workspace: Path, folder: Path) -> int:
    """Open a folder below the workspace. Missing folders are created, and no link is followed."""
    try:
        return open_folder(workspace, folder.relative_to(workspace).parts, make=True)
    except OSError as error:
        raise _unsafe(folder, error) from error


def _unsafe(path: Path, error: OSError) -> TaskFailed:
    return TaskFailed("unsafe_workspace", f"Signoff cannot store its files in {path}: {error.strerror}.")
