"""The HTTP methods that every address supports: HEAD, if it has GET, and OPTIONS."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, cast

import anyio.lowlevel
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.types import ASGIApp, HTTPScope, Message, Method, Receive, Scope, Send
from litestar.utils import normalize_path

# A method that no address has. Asking the router for it reveals the methods that exist.
_NO_METHOD = cast("Method", "-")


def allow(methods: Iterable[str]) -> str:
    """The value of the `Allow` header for the methods that have a handler."""
    allowed = set(methods) | {"OPTIONS"}
    if "GET" in allowed:
        allowed.add("HEAD")
    return ", ".join(sorted(allowed))


class Router(Protocol):
    """The part of Litestar's router that says which handler a request has."""

    def handle_routing(self, path: str, method: Method) -> object:
        """Find the handler. Raises an error that names the allowed methods if the address has no such method."""
        ...


class Methods:
    """ASGI middleware that answers HEAD and OPTIONS.

    Args:
        app: handles all other requests.
        router: knows which methods an address has.
    """

    def __init__(self, app: ASGIApp, router: Router) -> None:
        self._app = app
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer HEAD and OPTIONS, and pass other requests on."""
        if scope["type"] != "http" or scope["method"] not in {"HEAD", "OPTIONS"}:
            await self._app(scope, receive, send)
            return
        method, methods = scope["method"], self._methods(scope["path"])
        if method == "OPTIONS" and methods:
            await _answer(send, 204, [(b"allow", allow(methods).encode())])
        elif method == "HEAD" and "GET" in methods and "HEAD" not in methods:
            await self._head(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _methods(self, path: str) -> set[str]:
        """The methods with a handler; empty if nothing exists at the address."""
        try:
            self._router.handle_routing(path=normalize_path(path), method=_NO_METHOD)
        except MethodNotAllowedException as error:
            return {name.strip() for name in (error.headers or {}).get("allow", "").split(",")}
        except HTTPException:
            pass
        return set()

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer like GET, but without a body; the handler is stopped after the first part of its body."""
        # Servers check the method of their own scope to know that no body follows, so the handler gets a copy.
        inner: dict[str, object] = {**scope, "method": "GET"}

        with anyio.CancelScope() as enough:

            async def answer(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await send(message)
                elif message.get("more_body"):
                    enough.cancel()
                    await anyio.lowlevel.checkpoint()

            await self._app(cast("HTTPScope", inner), receive, answer)
        scope["path_template"] = str(inner.get("path_template", ""))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
