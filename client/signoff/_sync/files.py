# Generated from signoff/_async by tools/make_sync_client.py. Edit signoff/_async instead.
"""The methods of `client.files`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from signoff import schemas
from signoff._requests import Request, Upload, get, path_of, post, read_answer
from signoff._sync.save import save

if TYPE_CHECKING:
    from collections.abc import Generator

    from signoff._sync.transport import Transport
    from signoff._transfers import Progress
    from signoff.schemas.files import FileList, Uploaded


class Files:
    """The files in a project's workspace. Paths are relative to the workspace."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, project_id: str) -> FileList:
        """List the files that tasks made and people uploaded: path, size, checksum, and the task that made each file."""
        return self._transport.call(get(path_of(project_id, "output-files")), schemas.files.FileList)

    def upload(
        self,
        project_id: str,
        source: Path | bytes,
        *,
        path: str | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Uploaded:
        """Upload a file to the workspace. A file on disk is sent with constant memory use.

        Args:
            source: a file on this machine, or the content to upload.
            path: the path in the workspace; None means the name of `source`, at the top level.
            overwrite: whether to replace an existing file.
            progress: called with the bytes sent so far and the size of the file.

        Raises:
            Conflict: the file exists already.
            TooLarge: the file is larger than the server accepts.
        """
        name = path or (source.name if isinstance(source, Path) else "file")
        upload = Upload(source, name.rpartition("/")[2], {"path": name, "overwrite": str(overwrite).lower()}, progress)
        request = post(path_of(project_id, "files", "upload"))
        sent = Request("POST", request.path, headers=request.headers, upload=upload)
        return read_answer(self._transport.send(sent), schemas.files.Uploaded)

    def read(self, project_id: str, path: str, *, start: int = 0, end: int | None = None) -> bytes:
        """Read the bytes of a file from `start` up to, but not including, `end`; by default all of them."""
        return (self._transport.send(_raw(project_id, path, start, end))).content

    def stream(
        self, project_id: str, path: str, *, start: int = 0, end: int | None = None
    ) -> Generator[bytes, None, None]:
        """Like `read`, but yield the bytes in pieces."""
        with self._transport.open(_raw(project_id, path, start, end)) as response:
            yield from response.iter_bytes()

    def download(self, project_id: str, path: str, target: Path, *, progress: Progress | None = None) -> int:
        """Save a file on this machine and return its size in bytes. Survives lost connections; memory use is constant.

        Args:
            progress: called with the bytes received so far and the size of the file.
        """
        return save(self._transport, _raw(project_id, path, 0, None), target, progress)


def _raw(project_id: str, path: str, start: int, end: int | None) -> Request:
    whole = start == 0 and end is None
    part = {} if whole else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
    return get(path_of(project_id, "files", "raw"), {"path": path}, {"Accept-Encoding": "identity", **part})
