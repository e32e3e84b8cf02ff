"""Runs the checks of all operations before their handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from app.api.http.callers import AnyConnection

Check = Callable[[AnyConnection, BaseRouteHandler], Awaitable[None]]


class Checked:
    """A middleware of Litestar, behind its router. Guards would do the same, but Litestar copies the handler for each of them.

    Args:
        app: handles the requests that pass all checks.
        checks: each raises an error if a request may not pass. They run in this order.
    """

    def __init__(self, app: ASGIApp, checks: Sequence[Check]) -> None:
        self._app = app
        self._checks = checks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if it passes the checks."""
        if scope["type"] == "http":
            connection: AnyConnection = ASGIConnection(scope)
            for check in self._checks:
                await check(connection, scope["route_handler"])
        await self._app(scope, receive, send)
