# Generated from signoff/_async by tools/make_sync_client.py. Edit signoff/_async instead.
"""Saves files on this machine with constant memory use."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import IO, TYPE_CHECKING

from signoff._requests import Request
from signoff._transfers import size_of
from signoff.errors import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Generator

    from signoff._sync.transport import Transport
    from signoff._transfers import Progress

_MAX_ATTEMPTS = 5


def save(transport: Transport, request: Request, target: Path, progress: Progress | None = None) -> int:
    """Write the body of an answer to `target`, which appears only when it is complete. Returns its size in bytes.

    A download whose connection is lost is resumed where it stopped if the server sent an ETag. Otherwise it starts over.

    Raises:
        SignoffError: the API refused the request, or the connection was lost too often.
        OSError: the file cannot be written.
    """
    with _appearing(target) as file:
        _fill(transport, request, file, progress)
        return file.tell()


@contextmanager
def _appearing(target: Path) -> Generator[IO[bytes], None, None]:
    """Yield a temporary file that becomes `target` on success and is deleted on failure."""
    descriptor, name = mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _fill(transport: Transport, request: Request, file: IO[bytes], progress: Progress | None) -> None:
    etag, attempts = "", 0
    while True:
        rest = {"Range": f"bytes={file.tell()}-", "If-Range": etag} if etag and file.tell() else {}
        partial = Request("GET", request.path, query=request.query, headers={**request.headers, **rest})
        try:
            with transport.open(partial) as response:
                if response.status_code != 206:
                    file.seek(0)
                    file.truncate()
                etag = response.headers.get("ETag", "")
                for chunk in response.iter_bytes():
                    file.write(chunk)
                    if progress is not None:
                        progress(file.tell(), size_of(response))
                return
        except NoAnswer:
            attempts += 1
            if attempts >= _MAX_ATTEMPTS:
                raise
