"""Temporal's Web UI behind the app's gateway, for viewing runs only.

The UI has no login, answers to any host name, and can signal, terminate and reset runs. It therefore listens at an address that
only this app knows, and people reach it through the app's second port, after the gateway's checks. It has its own port rather
than a path on the page's port, because both would then share an origin: scripts of the UI could approve plans in the name of
the person who views a run.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

import httpx
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Receive, Scope, Send

from app.domain.errors import Forbidden, Unavailable

MAX_QUERY_BYTES = 1024 * 1024
_SETTINGS_PATH = "/api/v1/settings"
# Queries only read a workflow's state, but Temporal sends them as POST.
_QUERY = re.compile(r"/api/v1/namespaces/[^/]+/workflows/[^/]+/(runs/[^/]+/)?query/[^/]+")
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
# Fields that apply to one connection only (RFC 9110, section 7.6.1).
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
# The visitor's cookie and key are for this app only, and browsers would also send a cookie of the UI to the app.
_KEPT_FROM_UI = _HOP_BY_HOP | {"host", "cookie", "authorization", "content-length", "expect", "origin", "referer"}
_KEPT_FROM_VISITOR = _HOP_BY_HOP | {"set-cookie", "access-control-allow-origin", "access-control-allow-credentials"}
# With this header, the UI skips its CSRF check. The gateway has already checked the origin.
_PAST_CSRF = (b"authorization", b"Bearer signoff")


class TemporalUi:
    """ASGI app that forwards read-only requests to a Temporal Web UI.

    Args:
        upstream: the address of the UI, such as `http://127.3.14.15:41234`.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = httpx.URL(upstream)
        self._client: httpx.AsyncClient | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request and relay the UI's answer.

        Raises:
            Forbidden: `read_only`: the request could change something.
            Unavailable: `temporal_ui_unavailable`: the UI does not answer.
        """
        if scope["type"] != "http":
            return
        _check_reads_only(scope["method"], scope["path"])
        body = await _body(receive)
        try:
            async with self._connected().stream(
                scope["method"], self._target(scope), headers=_headers(scope), content=body
            ) as answer:
                await _relay(scope["path"], answer, send)
        except httpx.TransportError as error:
            message = "Temporal's Web UI does not answer. It starts together with Temporal; try again in a moment."
            raise Unavailable(message, code="temporal_ui_unavailable") from error

    async def close(self) -> None:
        """Close the connections to the UI."""
        if self._client is not None:
            await self._client.aclose()

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            # A configured network proxy cannot reach this machine's loopback.
            self._client = httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, follow_redirects=False)
        return self._client

    def _target(self, scope: HTTPScope) -> httpx.URL:
        raw = scope["raw_path"]
        query = scope["query_string"]
        return self._upstream.copy_with(raw_path=raw + b"?" + query if query else raw)


def by_port(port: int, chosen: ASGIApp, other: ASGIApp) -> Callable[[Scope, Receive, Send], Any]:
    """Create an ASGI app that passes requests on `port` to `chosen`, and all others to `other`."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        server = scope.get("server") if scope["type"] == "http" else None
        await (chosen if server is not None and server[1] == port else other)(scope, receive, send)

    return dispatch


def _check_reads_only(method: str, path: str) -> None:
    if method in {"GET", "HEAD"} or (method == "POST" and _QUERY.fullmatch(path)):
        return
    raise Forbidden(
        "Temporal's Web UI is read-only here. To control a run, use Signoff's page or 'signoff projects --help'.",
        code="read_only",
    )


def _headers(scope: HTTPScope) -> list[tuple[bytes, bytes]]:
    headers = [(name, value) for name, value in scope["headers"] if name.decode("latin-1").lower() not in _KEPT_FROM_UI]
    if not any(name.lower() == b"accept-encoding" for name, _ in headers):
        # Otherwise httpx would request its own encodings, and the answer is relayed without decoding it.
        headers.append((b"accept-encoding", b"identity"))
    return [*headers, _PAST_CSRF] if scope["method"] == "POST" else headers


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = cast("HTTPReceiveMessage", await receive())
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MAX_QUERY_BYTES:
            raise Forbidden("A workflow query must be at most 1 MiB here.", code="read_only")
        if not message.get("more_body"):
            return bytes(body)


async def _relay(path: str, answer: httpx.Response, send: Send) -> None:
    headers = [
        (name.lower(), value)
        for name, value in answer.headers.raw
        if name.decode("latin-1").lower() not in _KEPT_FROM_VISITOR
    ]
    if path == _SETTINGS_PATH and answer.is_success:
        # This setting makes the UI hide the buttons for actions that the gateway refuses.
        body = json.dumps({**json.loads(await answer.aread()), "DisableWriteActions": True}).encode()
        without = {b"content-length", b"content-encoding"}
        headers = [(name, value) for name, value in headers if name not in without]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})
        return
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    async for piece in _pieces(answer):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _pieces(answer: httpx.Response) -> AsyncGenerator[bytes]:
    async for piece in answer.aiter_raw():
        yield piece
