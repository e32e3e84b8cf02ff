"""The page for browsing the OpenAPI document: Swagger UI from its package, without requests to other servers."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from pathlib import Path

from litestar import Response, Router, get
from litestar.constants import OPENAPI_JSON_HANDLER_NAME
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.params import FromPath
from swagger_ui_bundle import swagger_ui_path

from app.api.http.any_request import AnyRequest
from app.api.http.prefix import public
from app.api.openapi.json_document import Json
from signoff.vocabulary import Scope

# Swagger UI loads its icons from data: URLs. Nothing is loaded from, or sent to, other servers.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".png": "image/png"}
_FILES = frozenset({"swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"})
_START = "start.js"
_START_SCRIPT = b"""SwaggerUIBundle({
  url: document.body.dataset.document,
  dom_id: "#explorer",
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  validatorUrl: null,
});
"""


class Explorer(OpenAPIRenderPlugin):
    """Renders the page, and serves its files under `assets`."""

    def __init__(self) -> None:
        super().__init__(path="/", favicon="", style="")

    def render(self, request: AnyRequest, openapi_schema: Json) -> bytes:
        """The page, without inline scripts or styles: they all come from the assets."""
        document = public(request.app.route_reverse(OPENAPI_JSON_HANDLER_NAME))
        assets = f"{document.rpartition('/')[0]}/assets"
        # Each version of the package has its own addresses, so browsers may cache the files.
        edition = f"?v={version('swagger-ui-bundle-v2')}"
        return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{openapi_schema["info"]["title"]} API</title>
<link rel="icon" href="{assets}/favicon-32x32.png{edition}">
<link rel="stylesheet" href="{assets}/swagger-ui.css{edition}">
</head>
<body data-document="{document}">
<div id="explorer"></div>
<script src="{assets}/swagger-ui-bundle.js{edition}"></script>
<script src="{assets}/{_START}?v={version("signoff-server")}"></script>
</body>
</html>
""".encode()

    def receive_router(self, router: Router) -> None:
        """Add the route that serves the assets."""
        router.register(_asset)


@get("/assets/{name:str}", opt={"scope": Scope.ANYBODY})
async def _asset(name: FromPath[str]) -> Response[bytes]:
    if name != _START and name not in _FILES:
        raise NotFoundException
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(_content(name), media_type=_TYPES[Path(name).suffix], headers=headers)


@cache
def _content(name: str) -> bytes:
    return _START_SCRIPT if name == _START else (swagger_ui_path / name).read_bytes()
