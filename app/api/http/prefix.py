"""The path below which a reverse proxy shows the app, such as `/signoff`: that of SIGNOFF_PUBLIC_URL.

The app itself knows only paths without the prefix. A proxy may remove the prefix from a request or pass it on. Every address
that the app sends out has it.
"""

from __future__ import annotations

from contextvars import ContextVar

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

_prefix: ContextVar[str] = ContextVar("prefix", default="")


def public(path: str) -> str:
    """The path under which people and clients reach one of the app's own paths, for the request that is being handled."""
    return f"{_prefix.get()}{path}"


class Prefix:
    """ASGI middleware around the whole app.

    Args:
        app: handles all requests, without the prefix.
        prefix: begins with a slash and does not end with one; empty if the app is at the root.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Remove the prefix from the path, and note it for the addresses in the answer."""
        if scope["type"] == "http" and self._prefix:
            # Never reset: each request has its own asyncio task.
            _prefix.set(self._prefix)
            scope.setdefault("state", {})["prefix"] = self._prefix
            self._remove(scope)
        await self._app(scope, receive, send)

    def _remove(self, scope: HTTPScope) -> None:
        path = scope["path"]
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            scope["path"] = path[len(self._prefix) :] or "/"
            scope["raw_path"] = scope["raw_path"][len(self._prefix) :] or b"/"
