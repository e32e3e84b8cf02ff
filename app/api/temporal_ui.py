"""Temporal's Web UI behind the app's own gateway: to look at runs, and for nothing else.

The UI has no login, answers to any host name and can signal, terminate and reset runs. So it listens where only this app knows,
and people reach it through the app's second port, after the gateway's checks. It has a port of its own rather than a folder of
the page because both would then share an origin, and scripts of the UI could sign plans in the name of whoever looks at a run.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Receive, Scope, Send

from app.domain.errors import Forbidden, Unavailable

MAX_QUERY_BYTES = 1024 * 1024
_SETTINGS_PATH = "/api/v1/settings"
# Queries read a workflow's state; Temporal has them as POST.
_QUERY = re.compile(r"/api/v1/namespaces/[^/]+/workflows/[^/]+/(runs/[^/]+/)?query/[^/]+")
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
# Of one connection, and not of the message (RFC 9110, section 7.6.1).
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
# The visitor's cookie and key are for this app alone, and a cookie of the UI would be sent to the app as well.
_KEPT_FROM_UI = _HOP_BY_HOP | {"host", "cookie", "authorization", "content-length", "expect", "origin", "referer"}
_KEPT_FROM_VISITOR = _HOP_BY_HOP | {"set-cookie", "access-control-allow-origin", "access-control-allow-credentials"}
# The UI checks its CSRF token only where there is no such header; the gateway has checked the origin by now.
_PAST_CSRF = (b"authorization", b"Bearer signoff")


class TemporalUi:
    """ASGI app that hands requests that read on to a Temporal Web UI.

    Args:
        upstream: address of the UI, such as `http://127.3.14.15:41234`.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = httpx.URL(upstream)
        self._client: httpx.AsyncClient | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the UI does.

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
            message = "Temporal's Web UI does not answer; it starts together with Temporal. Try again in a moment."
            raise Unavailable(message, code="temporal_ui_unavailable") from error

    async def close(self) -> None:
        """Close the connections to the UI."""
        if self._client is not None:
            await self._client.aclose()

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            # A proxy that is set for the network cannot reach this machine's loopback.
            self._client = httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, follow_redirects=False)
        return self._client

    def _target(self, scope: HTTPScope) -> httpx.URL:
        raw = scope["raw_path"]
        query = scope["query_string"]
        return self._upstream.copy_with(raw_path=raw + b"?" + query if query else raw)


def by_port(port: int, chosen: ASGIApp, other: ASGIApp) -> Callable[[Scope, Receive, Send], Any]:
    """Requests that came in on `port` for `chosen`, all else for `other`."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        server = scope.get("server") if scope["type"] == "http" else None
        await (chosen if server is not None and server[1] == port else other)(scope, receive, send)

    return dispatch


def _check_reads_only(method: str, path: str) -> None:
    if method in {"GET", "HEAD"} or (method == "POST" and _QUERY.fullmatch(path)):
        return
    raise Forbidden(
        "Temporal's Web UI only shows runs here. To act on one, use Signoff's page or 'signoff projects --help'.",
        code="read_only",
    )


def _headers(scope: HTTPScope) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in scope["headers"] if name.decode("latin-1").lower() not in _KEPT_FROM_UI]
    if not any(name.lower() == b"accept-encoding" for name, _ in kept):
        # The client would ask for encodings of its own choice, and its answer is handed on as it comes.
        kept.append((b"accept-encoding", b"identity"))
    return [*kept, _PAST_CSRF] if scope["method"] == "POST" else kept


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message: HTTPReceiveMessage = await receive()  # pyright: ignore[reportAssignmentType]
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MAX_QUERY_BYTES:
            raise Forbidden("A query of a workflow may have 1 MiB here.", code="read_only")
        if not message.get("more_body"):
            return bytes(body)


async def _relay(path: str, answer: httpx.Response, send: Send) -> None:
    headers = [
        (name.lower(), value)
        for name, value in answer.headers.raw
        if name.decode("latin-1").lower() not in _KEPT_FROM_VISITOR
    ]
    if path == _SETTINGS_PATH and answer.is_success:
        # What the UI shows follows this: no buttons for what the gateway refuses.
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
