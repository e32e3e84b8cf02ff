"""The files of a project's workspace."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from signoff.schemas.senders import SentBy


class FileInfo(BaseModel):
    """A file. `task_id` is the task that created it, if known; `sha256` is null while the file is changing.

    `uploader` is who uploaded it, if it still is as it was then.
    """

    path: str
    size: int
    modified_at: str
    content_type: str
    sha256: str | None
    task_id: str | None
    kind: Literal["output", "upload", "log"]
    uploader: SentBy | None = None


class FileList(BaseModel):
    """The files of a project, sorted by path. `truncated` is true if there are more files than can be listed."""

    files: list[FileInfo]
    total: int
    total_size: int
    truncated: bool


class Uploaded(BaseModel):
    """A file that was uploaded."""

    success: bool = True
    path: str
    size: int
    name: str
    sha256: str
