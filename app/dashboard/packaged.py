"""Answers requests for files of the package: compressed once, with an ETag, and kept in memory."""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from litestar import Request, Response

# The names of some files contain a hash of their content; a browser asks again for all others.
FOR_EVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"
_MIN_ZIPPED_BYTES = 512
AnyRequest = Request[Any, Any, Any]


@dataclass(frozen=True)
class PackagedFile:
    """A file as it is sent. `policy` is its Content-Security-Policy."""

    content: bytes
    zipped: bytes | None
    media_type: str
    etag: str
    policy: str


def packaged(name: str, content: bytes, policy: str) -> PackagedFile:
    """The file of this name with this content."""
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    zipped = gzip.compress(content, mtime=0) if len(content) >= _MIN_ZIPPED_BYTES else None
    return PackagedFile(content, zipped, media_type, f'"{sha256(content).hexdigest()[:32]}"', policy)


def contents(folder: Path) -> dict[str, bytes]:
    """The content of each file below a folder, by its path there; nothing if there is no such folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def answer(request: AnyRequest, file: PackagedFile, caching: str) -> Response[bytes]:
    """The file, or 304 if the client has it."""
    headers = {
        "Content-Security-Policy": file.policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Vary": "Accept-Encoding",
        "Cache-Control": caching,
        "ETag": file.etag,
    }
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=file.media_type)
    content = file.content
    if file.zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        content = file.zipped
    return Response(content, headers=headers, media_type=file.media_type)
