"""Saves the body of a response to a file in the workspace: completely, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

from activities.actions.workspace_paths import inside
from app.domain.actions import TaskFailed
from app.domain.file_paths import is_private
from app.workspace.folders import open_folder


def download_target(workspace: Path, relative: str) -> PurePosixPath:
    """The file that `relative` names, as a path below the workspace with symbolic links resolved.

    Raises:
        TaskFailed: `path_outside`: it is not a valid place for a file inside the workspace.
    """
    target = inside(workspace, relative)
    place = PurePosixPath(*target.relative_to(workspace).parts)
    try:
        refused = not place.parts or any(map(is_private, place.parts)) or target.is_dir()
    except OSError:  # the name is too long, or a folder cannot be read
        refused = True
    if refused:
        raise TaskFailed("path_outside", f"'{relative}' is not a file that a task may write.", retryable=False)
    return place


async def save(chunks: AsyncIterator[bytes], workspace: Path, target: PurePosixPath, *, limit: int, mark: str) -> int:
    """Write `chunks` to a file beside `target`, then move it into place. Return its size in bytes.

    Args:
        chunks: the content.
        workspace: the workspace.
        target: a path from `download_target`; missing folders are created, and none may have become a link since.
        limit: the maximum size in bytes.
        mark: distinguishes the unfinished files of different tasks.

    Raises:
        TaskFailed: `response_too_large`, or `not_saved` if the file system refuses.
    """
    part = f".{mark}.part"
    try:
        folder = open_folder(workspace, target.parts[:-1], make=True)
        try:
            return await _save(chunks, folder, part, target.name, limit)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(part, dir_fd=folder)
            os.close(folder)
    except OSError as error:
        raise TaskFailed("not_saved", f"The response cannot be saved: {error.strerror}.") from error


async def _save(chunks: AsyncIterator[bytes], folder: int, part: str, name: str, limit: int) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(part, flags, 0o666, dir_fd=folder), "wb") as file:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > limit:
                message = f"The response is larger than {limit} bytes. Raise max_bytes to accept it."
                raise TaskFailed("response_too_large", message, retryable=False)
            file.write(chunk)
        file.flush()
        await asyncio.to_thread(os.fsync, file.fileno())
    os.replace(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    return size
