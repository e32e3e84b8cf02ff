"""Lets scripts of other sites use the API with a key (CORS), if `cors_origins` names their origins.

Such scripts have only what their own key allows. Cookies, a proxy's sign-in, and the trust in programs of this machine belong to
a person who may not know what the other site does, so none of them counts for requests from another site.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from litestar.types import ASGIApp, Message, Receive, Scope, Send

# The API, but not sessions: they are for pages of this server.
_SHARED = re.compile(r"/api/(?!sessions?(/|$))")
# In the state of a request: whether it comes from a site that `cors_origins` names.
CROSS_ORIGIN = "cross_origin"
_METHODS = b"DELETE, GET, HEAD, POST, PUT"
_SENT = (
    b"Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, Last-Event-ID, Prefer, Range, "
    b"X-Request-ID"
)
_SHOWN = (
    b"Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Location, Retry-After, Signoff-Seal, X-Request-ID"
)
# How long browsers may rely on the answer to a preflight request, in seconds.
_MAX_AGE = b"600"


class Cors:
    """ASGI middleware around the gateway.

    Args:
        app: handles all requests but preflights.
        origins: the origins of the other sites, in lower case.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight request, or add to an answer who may read it."""
        if scope["type"] != "http" or not self._origins:
            await self._app(scope, receive, send)
            return
        sent = [(name.lower(), value) for name, value in scope["headers"]]
        origins = [value for name, value in sent if name == b"origin"]
        is_known = len(origins) == 1 and origins[0].lower() in self._origins
        is_api = _SHARED.match(scope["path"]) is not None
        fields = [(b"vary", b"Origin")]
        if is_known and is_api:
            scope.setdefault("state", {})[CROSS_ORIGIN] = True
            fields += [(b"access-control-allow-origin", origins[0]), (b"access-control-expose-headers", _SHOWN)]
            if scope["method"] == "OPTIONS" and any(name == b"access-control-request-method" for name, _ in sent):
                await _answer_preflight(send, fields)
                return

        async def send_with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *fields]
            await send(message)

        await self._app(scope, receive, send_with_fields)


async def _answer_preflight(send: Send, fields: list[tuple[bytes, bytes]]) -> None:
    allowed = [
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", _SENT),
        (b"access-control-max-age", _MAX_AGE),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": [*fields, *allowed]})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
