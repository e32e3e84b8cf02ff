"""uvicorn's HTTP protocol with limits that apply before a request is handled.

httptools buffers a header field in memory until it is complete, and uvicorn waits indefinitely for a request; neither has a
limit. This protocol limits each connection, and tells the app which user of this machine opened it.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, ClassVar

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.domain.error_body import error_body
from app.domain.errors import ErrorInfo
from app.domain.identity import new_id
from app.serving.limits import Client, Connections, Limits, client_of
from app.serving.peer import PEER, Peer
from app.serving.peers import Endpoint, peer_lookup

logger = structlog.get_logger(__name__)
# How long a refused sender may continue to send, so that it has time to read the error.
_LINGER_SECONDS = 2.0

_BAD_REQUEST = ErrorInfo(status=400, code="bad_request", message="The request is not valid HTTP.")
_NO_SUCH_METHOD = ErrorInfo(status=405, code="method_not_allowed", message="This address does not support that method.")
# The parser knows the registered methods. It refuses a request with any other method before it reads the address.
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) \S+ HTTP/1\.[01]\r?\n")
_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT")
_SLOW_HEAD = ErrorInfo(status=408, code="request_timeout", message="The request's header took too long to arrive.")
_SLOW_BODY = ErrorInfo(
    status=408, code="request_timeout", message="The request's body stopped arriving before it was complete."
)
_TOO_MANY = ErrorInfo(
    status=429,
    code="too_many_connections",
    message="Your address has too many open connections. Close some, then try again.",
)


class _HeadTooLarge(Exception):
    """Stops the parser because the header exceeds a limit."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection. All connections of a server share `limits` and `connections_by_client`."""

    limits: ClassVar[Limits]
    connections_by_client: ClassVar[Connections]

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._client: Client | None = None
        self._peer: Peer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = 0.0
        # When the current header began; None while no header is being received.
        self._head_since: float | None = None
        self._in_body = False
        self._too_large = False
        self._refused = False
        self._fields = self._field_bytes = 0
        self._has_url = False
        # The bytes that are being parsed.
        self._data = b""
        # The parser's progress (a header, part of a body, the end of a request), and the bytes received since the last step.
        self._steps = self._stalled_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection and look up who opened it."""
        super().connection_made(transport)
        peer = _endpoint(transport, "peername")
        local = _endpoint(transport, "sockname")
        lookup = peer_lookup() if peer is not None and peer.address.is_loopback else None
        self._peer = Peer(lookup, peer, local)
        # If the lookup needs a thread, the user is not known yet: all users of the machine are then counted together.
        client = client_of(peer.address if peer else None, self._peer.uid_so_far)
        if not self.connections_by_client.enter(client):
            logger.warning("too many connections", address=client[0], uid=client[1])
            self._refuse(_TOO_MANY)
            return
        self._client = client
        self._heard_at = self._head_since = self.loop.time()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting the connection."""
        self._stop_watching()
        if self._client is not None:
            self.connections_by_client.leave(self._client)
            self._client = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data while the connection stays within its limits."""
        if self._refused:
            return
        self._heard_at = self.loop.time()
        steps = self._steps
        self._data = data
        super().data_received(data)
        self._data = b""
        if self._refused or self.transport.is_closing():
            return
        self._stalled_bytes = self._stalled_bytes + len(data) if steps == self._steps else 0
        if self._stalled_bytes > self.limits.head_bytes:
            self._refuse(self._head_too_large())
            return
        if self._head_since is None and not self._in_body and not self._is_busy():
            # These bytes ended uvicorn's idle timeout without beginning a request, so the time limit for a header starts now.
            self._head_since = self._heard_at
        self._watch()

    def on_message_begin(self) -> None:
        """Handle the first byte of a request."""
        super().on_message_begin()
        self.scope.setdefault("state", {})[PEER] = self._peer
        self._steps += 1
        self._fields = self._field_bytes = 0
        self._has_url = False
        if self._head_since is None:
            self._head_since = self.loop.time()

    def on_url(self, url: bytes) -> None:
        """Count part of the request's URL."""
        self._has_url = True
        self._count(len(url), fields=0)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header field, or a trailer after the body."""
        self._count(len(name) + len(value), fields=1)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Note the end of the header."""
        self._steps += 1
        self._head_since = None
        self._in_body = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Note the arrival of part of the body."""
        self._steps += 1
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of the request."""
        self._steps += 1
        self._in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that the parser cannot read or that exceeds a limit."""
        del msg
        if self._too_large:
            self._refuse(self._head_too_large())
        else:
            self._refuse(_NO_SUCH_METHOD if self._has_unknown_method() else _BAD_REQUEST)

    def _has_unknown_method(self) -> bool:
        """Whether a whole request line has been received, and the parser has refused its method."""
        line = _REQUEST_LINE.match(self._data)
        return not self._has_url and line is not None and line[1].decode() not in _METHODS

    def _count(self, size: int, *, fields: int) -> None:
        self._fields += fields
        self._field_bytes += size
        if self._fields > self.limits.head_fields or self._field_bytes > self.limits.head_bytes:
            self._too_large = True
            raise _HeadTooLarge

    def _head_too_large(self) -> ErrorInfo:
        limits = self.limits
        message = (
            f"The request's header exceeds the limit of {limits.head_fields} fields or {limits.head_bytes // 1024} KiB."
        )
        return ErrorInfo(status=431, code="headers_too_large", message=message)

    def _is_busy(self) -> bool:
        """Whether a request is waiting for its answer."""
        # uvicorn's type annotation omits that `cycle` is None before the first request.
        return bool(self.cycle) and not self.cycle.response_complete

    def _watch(self) -> None:
        """Schedule a check for the sender's current deadline. Later bytes move the deadline, but not the timer."""
        if self._timer is None and (self._head_since is not None or self._in_body):
            self._timer = self.loop.call_at(self._deadline(), self._look)

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _deadline(self) -> float:
        if self._head_since is not None:
            return self._head_since + self.limits.head_seconds
        return self._heard_at + self.limits.silence_seconds

    def _look(self) -> None:
        self._timer = None
        if self._in_body and self.flow.read_paused:
            # The app is not reading, so the sender is not to blame.
            self._heard_at = self.loop.time()
        if self.transport.is_closing() or not (self._in_body or self._head_since is not None):
            return
        if self.loop.time() < self._deadline():
            self._watch()
        elif self._in_body:
            self._refuse(_SLOW_BODY)
        else:
            self._refuse(_SLOW_HEAD)

    def _refuse(self, why: ErrorInfo) -> None:
        """Send an error and accept nothing more. If another answer has already started, close the connection instead."""
        self._refused = True
        self._stop_watching()
        self._unset_keepalive_if_required()
        if self._is_busy():
            if self.cycle.response_started or self.cycle.scope is not self.scope:
                self.transport.abort()
                return
            # Keep the app from sending a second answer.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(_answer(why))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        # Closing with unread bytes would discard the answer, so further bytes are read and dropped until the abort.
        self.flow.resume_reading()
        self.loop.call_later(_LINGER_SECONDS, self.transport.abort)


def guarded_protocol(limits: Limits) -> type[GuardedProtocol]:
    """Create the protocol class of one server, for uvicorn's `http` option."""

    class Bound(GuardedProtocol):
        pass

    Bound.limits = limits
    Bound.connections_by_client = Connections(limits.connections)
    return Bound


def _endpoint(transport: asyncio.Transport, name: str) -> Endpoint | None:
    address = transport.get_extra_info(name)
    try:
        return Endpoint.of(address[:2])
    except (TypeError, ValueError, AttributeError):
        return None


def _answer(why: ErrorInfo) -> bytes:
    request_id = new_id("req")
    body = json.dumps(error_body(why, request_id)).encode()
    fields = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        "x-content-type-options": "nosniff",
        "x-request-id": request_id,
    }
    if why.status == 405:
        fields["allow"] = ", ".join(_METHODS)
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return STATUS_LINE[why.status] + head.encode() + b"\r\n" + body
