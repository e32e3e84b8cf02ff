"""Saving an answer's body to a file of the workspace: whole, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from activities.actions.workspace_paths import PRIVATE_FOLDER, inside
from app.domain.actions import TaskFailed
from app.domain.file_paths import alike


def download_target(workspace: Path, relative: str) -> Path:
    """The file that `relative` names in the workspace, with symbolic links followed.

    Raises:
        TaskFailed: `path_outside`, where it is not a file's place inside the workspace.
    """
    target = inside(workspace, relative)
    parts = target.relative_to(workspace.resolve()).parts
    try:
        refused = not parts or alike(parts[0]) == PRIVATE_FOLDER or target.is_dir()
    except OSError:  # a name that is too long, or a folder that must not be looked into
        refused = True
    if refused:
        raise TaskFailed("path_outside", f"'{relative}' is not a file that a task may write.", retryable=False)
    return target


async def save(chunks: AsyncIterator[bytes], target: Path, *, limit: int, mark: str) -> int:
    """Write `chunks` beside `target`, then put the file in its place; returns its bytes.

    Args:
        chunks: the content.
        target: a place that `download_target` gave; its folders are made.
        limit: bytes that are too many when exceeded.
        mark: keeps the unfinished files of different tasks apart.

    Raises:
        TaskFailed: `response_too_large`, or `not_saved` where the file system refuses.
    """
    part = target.with_name(f".{mark}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with os.fdopen(os.open(part, flags, 0o666), "wb") as file:
            size = 0
            async for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    message = f"The answer is larger than {limit} bytes; max_bytes sets another limit."
                    raise TaskFailed("response_too_large", message, retryable=False)
                file.write(chunk)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        part.replace(target)
    except OSError as error:
        raise TaskFailed("not_saved", f"The answer cannot be saved: {error.strerror}.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return size
