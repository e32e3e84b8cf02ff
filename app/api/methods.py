"""The methods of HTTP that every address has: HEAD where there is GET, and OPTIONS."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import anyio.lowlevel
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.utils import normalize_path

# What a router is asked with to hear which methods there are: none that an address could have.
_NO_METHOD: Any = "-"


def allow(methods: Iterable[str]) -> str:
    """The value of an `Allow` header, given the methods that have a handler."""
    found = set(methods) | {"OPTIONS"}
    if "GET" in found:
        found.add("HEAD")
    return ", ".join(sorted(found))


class Methods:
    """ASGI middleware that answers HEAD and OPTIONS.

    Args:
        app: what all other requests go to.
        router: knows which methods an address has.
    """

    def __init__(self, app: ASGIApp, router: Any) -> None:
        self._app = app
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
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
        """The methods that have handlers; none where there is nothing at the address."""
        try:
            self._router.handle_routing(path=normalize_path(path), method=_NO_METHOD)
        except MethodNotAllowedException as error:
            return {name.strip() for name in (error.headers or {}).get("allow", "").split(",")}
        except HTTPException:
            pass
        return set()

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The answer to GET without its body, which is not made any further than its first part."""
        # Servers look at the method of the request they handed in to know that no body will follow.
        inner: Any = {**scope, "method": "GET"}

        with anyio.CancelScope() as enough:

            async def answer(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await send(message)
                elif message.get("more_body"):
                    enough.cancel()
                    await anyio.lowlevel.checkpoint()

            await self._app(inner, receive, answer)
        scope["path_template"] = inner.get("path_template", "")
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
