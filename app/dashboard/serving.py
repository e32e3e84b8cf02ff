"""Serves the web page from the package: the page itself at each of its addresses, its assets below /assets."""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from litestar import Request, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from signoff.vocabulary import Scope

BUILT = Path(__file__).resolve().parent / "built"
# Scripts set the styles of single elements through the DOM, to which the policy does not apply.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Encoding",
}
# The names of assets contain a hash of their content.
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_FIRST = "no-cache"
_MIN_ZIPPED_BYTES = 512
AnyRequest = Request[Any, Any, Any]


@dataclass(frozen=True)
class _File:
    content: bytes
    zipped: bytes | None
    media_type: str
    etag: str


@get(["/", "/inbox", "/new", "/sign"], opt={"scope": Scope.ANYBODY}, include_in_schema=False)
async def _page(request: AnyRequest) -> Response[bytes]:
    return _answer(request, "index.html", _ASK_FIRST)


@get(["/projects/{rest:path}", "/settings/{rest:path}"], opt={"scope": Scope.ANYBODY}, include_in_schema=False)
async def _page_below(request: AnyRequest, rest: FromPath[str]) -> Response[bytes]:
    del rest  # the page reads its own address
    return _answer(request, "index.html", _ASK_FIRST)


@get("/favicon.svg", opt={"scope": Scope.ANYBODY}, include_in_schema=False)
async def _icon(request: AnyRequest) -> Response[bytes]:
    return _answer(request, "favicon.svg", _ASK_FIRST)


@get("/assets/{name:str}", opt={"scope": Scope.ANYBODY}, include_in_schema=False)
async def _asset(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    return _answer(request, f"assets/{name}", _FOR_EVER)


PAGE = Router("/", route_handlers=[_page, _page_below, _icon, _asset])


def is_for_people(request: AnyRequest) -> bool:
    """Whether a browser opens an address that may be one of the page, not one of the API or of a file of the page."""
    wants_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    return wants_page and not request.url.path.startswith(("/api/", "/assets/", "/schema"))


def missing_page(request: AnyRequest) -> Response[bytes]:
    """The page, which says that there is nothing at its address."""
    answer = _answer(request, "index.html", _ASK_FIRST)
    answer.status_code = 404
    return answer


def _answer(request: AnyRequest, name: str, caching: str) -> Response[bytes]:
    file = _files().get(name)
    if file is None:
        if name == "index.html":
            raise NotFoundException("The web page has not been built. Run 'python tools/build_dashboard.py'.")
        raise NotFoundException
    headers = {**_HEADERS, "Cache-Control": caching, "ETag": file.etag}
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=file.media_type)
    content = file.content
    if file.zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        content = file.zipped
    return Response(content, headers=headers, media_type=file.media_type)


@cache
def _files() -> dict[str, _File]:
    """All files of the page by name, compressed once; together they are small enough to keep in memory."""
    paths = [path for path in BUILT.rglob("*") if path.is_file()]
    return {path.relative_to(BUILT).as_posix(): _file(path) for path in paths}


def _file(path: Path) -> _File:
    content = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    zipped = gzip.compress(content, mtime=0) if len(content) >= _MIN_ZIPPED_BYTES else None
    return _File(content, zipped, media_type, f'"{sha256(content).hexdigest()[:32]}"')
