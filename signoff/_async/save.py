"""Files onto this machine, with constant memory."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import IO

from signoff._async.transport import AsyncTransport
from signoff._requests import Request
from signoff.errors import NoAnswer

_MAX_ATTEMPTS = 5


async def save(transport: AsyncTransport, request: Request, target: Path) -> int:
    """Write the body of an answer to `target`, which appears once it is complete; returns its size in bytes.

    A connection that is lost is taken up again, where it broke off if the server has an ETag for what it sends.

    Raises:
        SignoffError: the API refused, or the connection was lost too often.
        OSError: the file cannot be written.
    """
    with _appearing(target) as file:
        await _fill(transport, request, file)
        return file.tell()


@contextmanager
def _appearing(target: Path) -> Generator[IO[bytes]]:
    """A file to write that is `target` once this has ended well, and nothing otherwise."""
    descriptor, name = mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


async def _fill(transport: AsyncTransport, request: Request, file: IO[bytes]) -> None:
    etag, tries = "", 0
    while True:
        rest = {"Range": f"bytes={file.tell()}-", "If-Range": etag} if etag and file.tell() else {}
        attempt = Request("GET", request.path, query=request.query, headers={**request.headers, **rest})
        try:
            async with transport.open(attempt) as response:
                if response.status_code != 206:
                    file.seek(0)
                    file.truncate()
                etag = response.headers.get("ETag", "")
                async for chunk in response.aiter_bytes():
                    file.write(chunk)
                return
        except NoAnswer:
            tries += 1
            if tries >= _MAX_ATTEMPTS:
                raise
