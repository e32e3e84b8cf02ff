"""Checks every request before a handler sees it: its id, its origin, its sender, and the type of its body."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import cast
from urllib.parse import urlsplit

import structlog
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPRequestEvent, ReceiveMessage

from app.api.http.callers import CALLER, refusal
from app.api.http.cors import CROSS_ORIGIN
from app.api.http.credentials import Credentials
from app.api.http.errors import INTERNAL_ERROR, send_error
from app.api.http.session_streams import SessionStreams
from app.domain.errors import BadRequest, DomainError, Forbidden, Unauthorized, UnsupportedMediaType
from app.domain.identity import new_id
from app.domain.people import Caller
from app.serving.peer import PEER
from app.settings import LOOPBACK_HOSTS
from signoff.vocabulary import Scope as ScopeName
from signoff.vocabulary import Via

logger = structlog.get_logger(__name__)
# How long a refused body is still received, so that its sender has time to read the error.
LINGER_SECONDS = 5.0
_MAX_SHOWN_LENGTH = 200
# RFC 9110, 7.2: a name or an address, and optionally a port, but no user.
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{0,5})?")
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_UNIQUE = (b"host", b"origin", b"sec-fetch-site", b"authorization", b"content-type", b"x-request-id")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._:-]{1,64}$")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
ENDED = frozenset({"session_ended", "key_ended"})
# The header field that a worker adds to requests of http tasks within this machine.
_TASK_FIELD = "signoff-task"
OPENAPI_PATH = "/schema"
_OPEN_PATHS = frozenset({"/health", "/ready"})
# The web page. Its files contain no data: it gets everything that it shows from the API.
_PAGE_PATHS = frozenset({"/", "/docs", "/favicon.svg", "/inbox", "/new", "/overview", "/projects", "/sign"})
_PAGE_FOLDERS = ("/assets/", "/docs/", "/projects/", "/settings/")
_PROVIDER_PATHS = frozenset({"/api/session/oidc", "/api/session/oidc/callback"})
_UPLOAD = re.compile(r"^/api/projects/[^/]+/files/upload/?$")
_AS_JSON = "Send the body as JSON, with 'Content-Type: application/json'."
_AS_UPLOAD = "Send the file as multipart/form-data, in the field `file`."
_JSON = re.compile(r"^application/(json|[a-z0-9.+-]+\+json)\s*(;|$)", re.IGNORECASE)


class Gateway:
    """ASGI middleware around the whole app.

    Args:
        app: handles the requests that pass.
        allowed_hosts: names, besides loopback, that a request's `Host` field may have.
        credentials: authenticate the sender of a request.
        open_to_all: decides whether a method and path need no key.
        needs: the scope that every request needs, if the app has no handlers that say what they need.
        public_host: the host and port of the address at which people reach the app; empty if it is the app's own.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: Collection[str],
        credentials: Credentials,
        open_to_all: Callable[[str, str], bool] | None = None,
        needs: ScopeName | None = None,
        public_host: str = "",
    ) -> None:
        self._app = app
        self._hosts = LOOPBACK_HOSTS | {host.lower() for host in allowed_hosts}
        self._any_host = "*" in self._hosts
        self._credentials = credentials
        self._unique = (*_UNIQUE, *(name.encode() for name in credentials.proxy_fields))
        self._open_to_all = open_to_all or _is_open
        self._needs = needs
        self._public_host = public_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why it is refused."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        requested = headers.get("x-request-id", "")
        request_id = requested if _REQUEST_ID.match(requested) else new_id("req")
        scope.setdefault("state", {})["request_id"] = request_id

        # Never unbound: each request has its own asyncio task, and later log lines of that task also belong to the request.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = unread = False

        async def receive_noted() -> ReceiveMessage:
            nonlocal unread
            message = cast("HTTPReceiveMessage", await receive())
            unread = message["type"] == "http.request" and message.get("more_body", False)
            return message

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = _with_our_own(message["headers"], request_id)
                if unread:
                    # Otherwise the server would read the rest of the unwanted body to reach the next request.
                    message["headers"].append((b"connection", b"close"))
            elif message["type"] == "http.response.body" and unread and not message.get("more_body"):
                await send({**message, "more_body": True})
                await _linger(receive)
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        try:
            _check_unique(scope, self._unique)
            self._check_origin(scope, headers)
            answer = await self._identified(scope, headers, send_with_id)
            body = await _body(scope, headers, receive_noted)
            await self._app(scope, body, answer)
        except DomainError as error:
            await send_error(scope, send_with_id, error.info)
        except Exception:
            if started:
                raise
            logger.exception("request failed", path=scope["path"])
            await send_error(scope, send_with_id, INTERNAL_ERROR)

    def _check_origin(self, scope: HTTPScope, headers: dict[str, str]) -> None:
        """Refuse host names that a hostile page could have bound to this address, and requests from other sites."""
        host = _host_name(headers.get("host", ""))
        if host is None or not (self._any_host or host in self._hosts):
            name = headers.get("host", "")[:_MAX_SHOWN_LENGTH]
            raise Forbidden(
                f"This server does not answer to the name '{name}'. To allow it, add it to SIGNOFF_ALLOWED_HOSTS.",
                code="bad_host",
            )
        if scope["method"] in _SAFE or scope["state"].get(CROSS_ORIGIN):
            return
        origin = headers.get("origin")
        # A proxy may send its own name for this server, so the origin may also be the address that people use.
        own = {headers.get("host", "").lower(), self._public_host} - {""}
        foreign = origin is not None and _netloc(origin) not in own
        if foreign or headers.get("sec-fetch-site", "none") in {"cross-site", "same-site"}:
            raise Forbidden("Requests that change something must not come from another site.", code="foreign_origin")

    async def _identified(self, scope: HTTPScope, headers: dict[str, str], send: Send) -> Send:
        """Store the sender in the request's state, and return the `send` callable for its answer.

        Raises:
            Unauthorized, Unavailable: see `_caller`.
            Forbidden: the sender lacks the scope that everything here needs.
        """
        caller = await self._caller(scope, headers)
        scope["state"][CALLER] = caller
        if caller is None:
            return send
        if self._needs is not None and not caller.access.holds(self._needs):
            raise refusal(caller, self._needs)
        return SessionStreams(send, self._credentials, caller)

    async def _caller(self, scope: HTTPScope, headers: dict[str, str]) -> Caller | None:
        """The sender of the request; None if it is unknown and the address is open to all.

        Raises:
            Unauthorized: the request carries neither the key nor a session cookie, or comes from another user or a task.
            Unavailable: the database, which is needed to check the cookie, does not answer.
        """
        method, path = scope["method"], scope["path"]
        is_open = self._open_to_all(method, path)
        if scope["state"].get(CROSS_ORIGIN):
            return await self._foreign_caller(scope, headers)
        if is_open and not _is_sign_in(method, path):
            return None
        try:
            caller = await self._credentials.caller_of(
                headers,
                peer=scope["state"].get(PEER),
                from_task=_TASK_FIELD in headers,
                address=(scope["client"] or ("", 0))[0],
            )
        except Unauthorized as error:
            if is_open and error.info.code in ENDED:
                # Whoever signs in again does so with the cookie of the session that has ended.
                return None
            raise
        if caller is None and not is_open:
            raise Unauthorized(self._credentials.advice)
        return caller

    async def _foreign_caller(self, scope: HTTPScope, headers: dict[str, str]) -> Caller:
        """The program whose key a script of another site sends.

        Raises:
            Unauthorized: the request has no key, or one that is not valid.
            Unavailable: see `_caller`.
        """
        only_key = {name: value for name, value in headers.items() if name == "authorization"}
        # Without a peer, nobody counts as the server's own user.
        caller = await self._credentials.caller_of(
            only_key, peer=None, from_task=False, address=(scope["client"] or ("", 0))[0]
        )
        if caller is None or caller.via != Via.KEY:
            raise Unauthorized("Requests from other sites need a key of their own: 'Authorization: Bearer …'.")
        return caller


def nothing(method: str, path: str) -> bool:
    """An `open_to_all` that opens nothing: every request needs a key or a session."""
    del method, path
    return False


def _is_open(method: str, path: str) -> bool:
    is_schema = path == OPENAPI_PATH or path.startswith(f"{OPENAPI_PATH}/")
    is_read = method in _SAFE and (path in _OPEN_PATHS or is_schema)
    return is_read or _is_page(method, path) or _is_sign_in(method, path) or _is_provider_flow(method, path)


def _is_sign_in(method: str, path: str) -> bool:
    return path.removesuffix("/") == "/api/session" and method in {"GET", "HEAD", "POST", "DELETE"}


def _is_provider_flow(method: str, path: str) -> bool:
    """Whether the path is one of those through which a browser signs in with an identity provider."""
    return method in {"GET", "HEAD"} and path.removesuffix("/") in _PROVIDER_PATHS


def _is_page(method: str, path: str) -> bool:
    """Whether the path is a file of the page. Paths with dot segments are not, because they may lead out of its folders."""
    if method not in {"GET", "HEAD"} or not {".", ".."}.isdisjoint(re.split(r"[/\\]", path)):
        return False
    return path in _PAGE_PATHS or path.startswith(_PAGE_FOLDERS)


def _is_upload(path: str, headers: dict[str, str]) -> bool:
    return bool(_UPLOAD.match(path)) and headers.get("content-type", "").lower().startswith("multipart/form-data")


def _headers(scope: HTTPScope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _check_unique(scope: HTTPScope, fields: Iterable[bytes]) -> None:
    """Refuse duplicates of fields that must be unique: a proxy in front of this server may have used the other one."""
    sent = [name.lower() for name, _ in scope["headers"]]
    if len(set(sent)) == len(sent):
        return
    names = Counter(sent)
    for name in fields:
        if names[name] > 1:
            raise BadRequest(f"The header field {name.decode()} was sent {names[name]} times. Send it once.")


def _with_our_own(fields: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    headers = [*fields, (b"x-request-id", request_id.encode())]
    if not any(name.lower() == _NOSNIFF[0] for name, _ in headers):
        headers.append(_NOSNIFF)
    return headers


def _host_name(host: str) -> str | None:
    """The name in a `Host` field, without its port; None if the field is not a name with an optional port."""
    match = _HOST.fullmatch(host)
    return match[1].strip("[]").lower() if match else None


def _netloc(origin: str) -> str:
    """The host and port of an origin; empty if it has none or is not valid."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


async def _linger(receive: Receive) -> None:
    """Keep receiving a refused body for a while.

    Closing the connection at once, with unread bytes, would discard the answer before the sender reads it.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            more = True
            while more:
                message = await receive()
                more = message["type"] == "http.request" and message.get("more_body", False)


async def _body(scope: HTTPScope, headers: dict[str, str], receive: Receive) -> Receive:
    """The `receive` callable for the body, which must be JSON, or an upload where uploads are accepted.

    Raises:
        BadRequest: there is a body, but the method does not accept one.
        UnsupportedMediaType: the body has another type.
    """
    method = scope["method"]
    if method in _SAFE:
        # A request without either field has no body (RFC 9112, 6.3).
        if headers.get("content-length", "0").strip("0") or "transfer-encoding" in headers:
            raise _no_body_taken(method)
        return receive
    return await _json_body(scope, headers, receive, takes_none=method == "DELETE")


def _no_body_taken(method: str) -> BadRequest:
    return BadRequest(f"{method} does not accept a body here. Leave it out.", code="unexpected_body")


async def _json_body(scope: Scope, headers: dict[str, str], receive: Receive, *, takes_none: bool) -> Receive:
    """Treat a missing body as `{}`, and refuse a body that is neither JSON nor an accepted upload."""
    first: HTTPReceiveMessage = cast("HTTPReceiveMessage", await receive())
    if first["type"] == "http.request" and not first.get("body") and not first.get("more_body"):
        first = HTTPRequestEvent(type="http.request", body=b"{}", more_body=False)
        others = [
            (name, value)
            for name, value in scope["headers"]
            if name.lower() not in {b"content-type", b"content-length"}
        ]
        scope["headers"] = [*others, (b"content-type", b"application/json"), (b"content-length", b"2")]
    elif takes_none:
        raise _no_body_taken("DELETE")
    elif not _JSON.match(headers.get("content-type", "")) and not _is_upload(scope["path"], headers):
        raise UnsupportedMediaType(_AS_UPLOAD if _UPLOAD.match(scope["path"]) else _AS_JSON)
    sent = False

    async def replay() -> ReceiveMessage:
        nonlocal sent
        if not sent:
            sent = True
            return first
        return await receive()

    return replay
