"""Serves the web page from the package: the page itself at each of its addresses, its assets below /assets."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from litestar import Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from app.dashboard.docs import HOME, has_docs
from app.dashboard.packaged import ASK_FIRST, FOR_EVER, AnyRequest, PackagedFile, answer, contents, packaged
from signoff.vocabulary import Scope

BUILT = Path(__file__).resolve().parent / "built"
# Scripts set the styles of single elements through the DOM, to which the policy does not apply.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_OWN_ADDRESS = re.compile(rb'((?:src|href)=")\./')


@get(["/", "/inbox", "/new", "/overview", "/sign"], opt={"scope": Scope.ANYBODY}, include_in_schema=False)
async def _page(request: AnyRequest) -> Response[bytes]:
    return _answer(request, "index.html", ASK_FIRST)


@get(["/projects/{rest:path}", "/settings/{rest:path}"], opt={"scope": Scope.ANYBODY}, include_in_schema=False)
async def _page_below(request: AnyRequest, rest: FromPath[str]) -> Response[bytes]:
    del rest  # the page reads its own address
    return _answer(request, "index.html", ASK_FIRST)


@get("/favicon.svg", opt={"scope": Scope.ANYBODY}, include_in_schema=False)
async def _icon(request: AnyRequest) -> Response[bytes]:
    return _answer(request, "favicon.svg", ASK_FIRST)


@get("/assets/{name:str}", opt={"scope": Scope.ANYBODY}, include_in_schema=False)
async def _asset(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    return _answer(request, f"assets/{name}", FOR_EVER)


PAGE = Router("/", route_handlers=[_page, _page_below, _icon, _asset])


def is_for_people(request: AnyRequest) -> bool:
    """Whether a browser opens an address that may be one of the page, not one of the API or of a file of the page."""
    wants_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    return wants_page and not request.url.path.startswith(("/api/", "/assets/", "/docs", "/schema"))


def missing_page(request: AnyRequest) -> Response[bytes]:
    """The page, which says that there is nothing at its address."""
    page = _answer(request, "index.html", ASK_FIRST)
    page.status_code = 404
    return page


def _answer(request: AnyRequest, name: str, caching: str) -> Response[bytes]:
    file = _files().get(name)
    if file is None:
        if name == "index.html":
            raise NotFoundException("The web page has not been built. Run 'python tools/build_dashboard.py'.")
        raise NotFoundException
    if name == "index.html":
        # Where a proxy shows the app, as the middleware around the app notes it.
        file = _below(str(request.scope["state"].get("prefix", "")))
    return answer(request, file, caching)


@cache
def _files() -> dict[str, PackagedFile]:
    """All files of the page by name, compressed once; together they are small enough to keep in memory."""
    return {name: packaged(name, content, CONTENT_SECURITY_POLICY) for name, content in contents(BUILT).items()}


@cache
def _below(prefix: str) -> PackagedFile:
    """The page itself, with the addresses of its files below a prefix. Scripts find each other by their own addresses."""
    page = _OWN_ADDRESS.sub(rb"\1" + prefix.encode() + b"/", _files()["index.html"].content)
    if has_docs():
        # By this element, the page knows that there is documentation to link to.
        page = page.replace(b"</head>", f'<link rel="help" href="{prefix}{HOME}" /></head>'.encode())
    return packaged("index.html", page, CONTENT_SECURITY_POLICY)
