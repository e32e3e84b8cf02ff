"""Sends files: in pieces, as byte ranges, or not at all if the reader's copy is current."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import re
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from litestar import Response
from litestar.response import Stream

from app.api.http.any_request import AnyRequest
from app.domain.errors import RangeNotSatisfiable
from app.workspace.files import WorkspaceFile

CHUNK = 512 * 1024
_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*")
# Types that a browser would execute, or open as a page of this server.
_ACTIVE = re.compile(r"^(text/html|image/svg\+xml|.*/.*xml|.*javascript|.*ecmascript|application/x-shockwave-flash)$")
_POLICY = (
    "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'self'"
)
_TAG = re.compile(r'(?:W/)?"[^"]*"')


def content_type_of(path: str) -> str:
    """The content type of a file, guessed from its name."""
    if PurePosixPath(path).name == "log":
        return "text/plain"
    guessed, encoding = mimetypes.guess_type(path)
    return guessed if guessed is not None and encoding is None else "application/octet-stream"


def disposition(kind: str, name: str) -> str:
    """The value of Content-Disposition for a name with arbitrary characters (RFC 6266)."""
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def send_file(request: AnyRequest, file: WorkspaceFile, descriptor: int) -> Response[Any]:
    """Send the file of an open descriptor, and close the descriptor afterwards.

    Raises:
        RangeNotSatisfiable: the file does not contain the requested part.
    """
    # Changes with every write and, unlike a checksum, is known at once.
    tag = f'"{file.size:x}-{file.mtime_ns:x}-{file.ctime_ns:x}"'
    modified = file.modified.replace(microsecond=0)
    content_type = content_type_of(file.path)
    # In a frame of the page, a browser shows it: the policy below keeps it from running anything.
    active = bool(_ACTIVE.match(content_type)) and request.headers.get("sec-fetch-dest") != "iframe"
    headers = {
        "ETag": tag,
        "Last-Modified": format_datetime(modified, usegmt=True),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _POLICY,
        "Content-Disposition": disposition("attachment" if active else "inline", file.parts[-1]),
    }
    try:
        if _is_fresh(request, tag, modified):
            os.close(descriptor)
            return Response(None, status_code=304, headers=headers)
        wanted = _wanted(request, file.size, tag, modified)
    except RangeNotSatisfiable:
        os.close(descriptor)
        raise
    start, end = wanted or (0, file.size)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    headers["Content-Length"] = str(end - start)
    pieces = _pieces(descriptor, start, end)
    return Stream(pieces, status_code=200 if wanted is None else 206, media_type=content_type, headers=headers)


async def _pieces(descriptor: int, start: int, end: int) -> AsyncGenerator[bytes, None]:
    """The bytes from `start` to `end`, or fewer if the file shrinks meanwhile; the server then aborts the answer."""
    try:
        while start < end:
            data = await asyncio.to_thread(os.pread, descriptor, min(CHUNK, end - start), start)
            if not data:
                return
            start += len(data)
            yield data
    finally:
        os.close(descriptor)


def _is_fresh(request: AnyRequest, tag: str, modified: datetime) -> bool:
    """Whether the reader's copy is current (RFC 9110, section 13.1)."""
    known = request.headers.get("if-none-match")
    if known is not None:
        return known.strip() == "*" or tag in {found.removeprefix("W/") for found in _TAG.findall(known)}
    since = _date(request.headers.get("if-modified-since"))
    return since is not None and modified <= since


def _wanted(request: AnyRequest, size: int, tag: str, modified: datetime) -> tuple[int, int] | None:
    """The start and end of the requested part; None if not exactly one part is requested (RFC 9110, section 14.2)."""
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    condition = request.headers.get("if-range")
    if match is None or (condition is not None and condition not in {tag, format_datetime(modified, usegmt=True)}):
        return None
    first, last = match[1], match[2]
    if not first and not last:
        return None
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start >= end:
        raise RangeNotSatisfiable(f"The file has only {size} bytes.", context={"size": size})
    return start, end


def _date(text: str | None) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return parsed if parsed is None or parsed.tzinfo else parsed.replace(tzinfo=UTC)
