"""Serves the documentation site under /docs, if it has been built into the package (`make site`)."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path

from litestar import Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from app.dashboard.packaged import ASK_FIRST, AnyRequest, PackagedFile, answer, contents, packaged
from signoff.vocabulary import Scope

BUILT = Path(__file__).resolve().parent / "built_docs"
HOME = "/docs/index.html"
# The style sheet that the script of the site's search adds to the page, as docs/site/accessible.py has changed it. An update
# of the generator may change it: then the browser's console has the new hash, and tests/browser/test_docs.py fails.
_STYLE_OF_SEARCH = "sha256-oefpwPDHwJGs+VyQA3+r7fyjSqFUX0/XMhZtaD8JC4Q="
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


@get("/docs", opt={"scope": Scope.ANYBODY}, include_in_schema=False)
async def _home(request: AnyRequest) -> Response[bytes]:
    if not has_docs():
        raise _not_built()
    # Relative, so that it also works behind a proxy that serves Signoff below a path.
    here = "" if request.scope["raw_path"].endswith(b"/") else "docs/"
    return Response(b"", status_code=307, headers={"Location": f"{here}index.html"})


@get("/docs/{rest:path}", opt={"scope": Scope.ANYBODY}, include_in_schema=False)
async def _file(request: AnyRequest, rest: FromPath[str]) -> Response[bytes]:
    file = _files().get(rest.lstrip("/"))
    if file is None:
        raise NotFoundException if has_docs() else _not_built()
    return answer(request, file, ASK_FIRST)


DOCS = Router("/", route_handlers=[_home, _file])


def has_docs() -> bool:
    """Whether the site is in the package."""
    return "index.html" in _files()


def _not_built() -> NotFoundException:
    return NotFoundException("The documentation is not part of this installation. In a clone, 'make site' builds it.")


@cache
def _files() -> dict[str, PackagedFile]:
    return {name: packaged(name, content, _policy(content)) for name, content in contents(BUILT).items()}


def _policy(content: bytes) -> str:
    """The policy of a page: its own inline scripts may run, and nothing may come from another site."""
    hashes = {b64encode(sha256(script).digest()).decode() for script in _INLINE_SCRIPT.findall(content)}
    allowed = " ".join(f"'sha256-{value}'" for value in sorted(hashes))
    return (
        f"default-src 'none'; script-src 'self' {allowed}; style-src 'self' '{_STYLE_OF_SEARCH}'; img-src 'self' data:; "
        "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
