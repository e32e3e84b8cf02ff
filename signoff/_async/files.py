"""`client.files`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

from app.api.models.files import FileList, Uploaded
from signoff._async.save import save
from signoff._async.transport import AsyncTransport
from signoff._requests import Request, Upload, get, path_of, post, read_answer


class AsyncFiles:
    """The files in a project's workspace; a path is relative to that."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self, project_id: str) -> FileList:
        """What tasks have made and people have uploaded: path, size, checksum, and which task made it."""
        return await self._transport.call(get(path_of(project_id, "output-files")), FileList)

    async def upload(
        self, project_id: str, source: Path | bytes, *, path: str | None = None, overwrite: bool = False
    ) -> Uploaded:
        """Put a file into the workspace; memory stays constant for one that is on disk.

        Args:
            source: a file on this machine, or what is to be in the file.
            path: where to; None for the name of `source`, at the top.
            overwrite: whether a file that is there may be replaced.

        Raises:
            Conflict: there is a file already.
            TooLarge: it is more than the server takes.
        """
        name = path or (source.name if isinstance(source, Path) else "file")
        upload = Upload(source, name.rpartition("/")[2], {"path": name, "overwrite": str(overwrite).lower()})
        request = post(path_of(project_id, "files", "upload"))
        sent = Request("POST", request.path, headers=request.headers, upload=upload)
        return read_answer(await self._transport.send(sent), Uploaded)

    async def read(self, project_id: str, path: str, *, start: int = 0, end: int | None = None) -> bytes:
        """The bytes of a file from `start` up to, without, `end`; all of them by default."""
        return (await self._transport.send(_raw(project_id, path, start, end))).content

    async def stream(
        self, project_id: str, path: str, *, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes]:
        """As `read`, piece by piece."""
        async with self._transport.open(_raw(project_id, path, start, end)) as response:
            async for chunk in response.aiter_bytes():
                yield chunk

    async def download(self, project_id: str, path: str, target: Path) -> int:
        """Save a file on this machine, across lost connections; returns its size in bytes. Memory stays constant."""
        return await save(self._transport, _raw(project_id, path, 0, None), target)


def _raw(project_id: str, path: str, start: int, end: int | None) -> Request:
    whole = start == 0 and end is None
    part = {} if whole else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
    return get(path_of(project_id, "files", "raw"), {"path": path}, {"Accept-Encoding": "identity", **part})
