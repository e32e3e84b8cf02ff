# Made from signoff/_async by tools/make_sync_client.py; change that instead.
"""Requests over HTTP: sent again where that is safe, errors raised, streams that survive a lost connection."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from time import sleep
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from app.api.models.answers import Recorded
from app.domain.events import Event
from signoff._requests import Request, Retries, no_answer, read_answer
from signoff._sse import Message, Parser
from signoff.errors import NoAnswer, SignoffError, Unavailable, WaitTimeout, error_of

T = TypeVar("T")

_CONNECT_SECONDS = 5.0
# The server sends a ping every 10 s.
_SILENCE_SECONDS = 30.0
_GIVE_UP_SECONDS = 60.0
_MIN_PAUSE, _MAX_PAUSE = 0.1, 2.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_NO_CONNECTION = (httpx.TransportError, httpx.UnsupportedProtocol, httpx.InvalidURL)


class Transport:
    """One Signoff, by its address and key.

    Args:
        url: its address; None for `SIGNOFF_URL`, else this machine's port 8400.
        api_key: sent as Bearer token; None for `SIGNOFF_API_KEY`.
        timeout: seconds that one answer may take.
        retry_seconds: for how long a request is sent again that got no answer, 503 or `request_in_progress`.
    """

    def __init__(self, url: str | None, api_key: str | None, *, timeout: float, retry_seconds: float) -> None:
        self.url = (url or os.environ.get("SIGNOFF_URL") or "http://127.0.0.1:8400").rstrip("/")
        key = os.environ.get("SIGNOFF_API_KEY", "") if api_key is None else api_key
        headers = {"User-Agent": "signoff-python"} | ({"Authorization": f"Bearer {key}"} if key else {})
        # A proxy that is set for the network cannot reach this machine's loopback.
        self.is_local = urlsplit(self.url).hostname in _LOOPBACK
        self._retry_seconds = retry_seconds
        limits = httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS))
        self.http = httpx.Client(base_url=self.url, headers=headers, timeout=limits, trust_env=not self.is_local)

    def close(self) -> None:
        """Close all connections."""
        self.http.close()

    def send(self, request: Request) -> httpx.Response:
        """The answer to a request, read whole.

        Raises:
            SignoffError: the API refused, or nothing answers.
        """
        retries = Retries(request, self._retry_seconds)
        while True:
            try:
                return self._send_once(request)
            except SignoffError as error:
                pause = retries.pause_after(error)
                if pause is None:
                    raise
            sleep(pause)

    def call(self, request: Request, kind: type[T]) -> T:
        """The answer as `kind`. Raises as `send` does."""
        return read_answer(self.send(request), kind)

    def settle(self, request: Request, kind: type[T]) -> T | Recorded:
        """The answer as `kind`, or what says that it is recorded and still to be decided. Raises as `send` does."""
        response = self.send(request)
        return read_answer(response, Recorded if response.status_code == 202 else kind)

    def look(self, path: str) -> httpx.Response:
        """What is answered at `path`, whatever the status; asked for once.

        Raises:
            NoAnswer: nothing answers.
        """
        return self._exchange(Request("GET", path))

    def _send_once(self, request: Request) -> httpx.Response:
        if request.upload is None:
            response = self._exchange(request, json=request.body)
        else:
            with request.upload.open() as file:
                form = {"file": (request.upload.name, file)}
                response = self._exchange(request, data=request.upload.fields, files=form)
        if response.is_error:
            raise error_of(response)
        return response

    def _exchange(self, request: Request, **body: Any) -> httpx.Response:
        try:
            return self.http.request(
                request.method, request.path, params=request.query, headers=request.headers, **body
            )
        except _NO_CONNECTION as error:
            raise no_answer(self.url, error) from error

    @contextmanager
    def open(self, request: Request, *, silence: float | None = None) -> Generator[httpx.Response, None, None]:
        """An answer whose body is still to be read, piece by piece; not sent again.

        Args:
            silence: seconds without a piece after which the connection counts as lost; None for the usual limit.

        Raises:
            SignoffError: the API refused, or nothing answers; a connection that is lost on the way too.
        """
        limits = (
            self.http.timeout if silence is None else httpx.Timeout(silence, connect=min(silence, _CONNECT_SECONDS))
        )
        sent: dict[str, Any] = {"params": request.query, "json": request.body, "headers": request.headers}
        try:
            with self.http.stream(request.method, request.path, timeout=limits, **sent) as response:
                if response.is_error:
                    response.read()
                    raise error_of(response)
                yield response
        except _NO_CONNECTION as error:
            raise no_answer(self.url, error) from error

    def events(
        self, request: Request, *, after: int = 0, deadline: float | None = None
    ) -> Generator[Event, None, None]:
        """The events of a stream, across lost connections, until it ends.

        Args:
            request: a GET of an event stream.
            after: number of the last event that is known.
            deadline: by `time.monotonic`, looked at whenever something is heard of the server, which is every 10 s.

        Raises:
            SignoffError: the API refused.
            NoAnswer: nothing has answered for a minute.
            WaitTimeout: the deadline has passed.
        """
        stream = _EventStream(self, request, str(after), deadline)
        with closing(stream.messages()) as messages:
            for message in messages:
                if message.event == "record.sealed":
                    # Sent where `types` names it; it is no event.
                    continue
                yield Event.model_validate(json.loads(message.text), extra="allow")

    def messages(self, request: Request) -> Generator[Message, None, None]:
        """The messages of a stream without an end of its own, across lost connections. Raises as `events` does."""
        with closing(_EventStream(self, request, "", None).messages()) as messages:
            yield from messages


class _EventStream:
    """One reader's way through a stream of server-sent events."""

    def __init__(self, transport: Transport, request: Request, last_id: str, deadline: float | None) -> None:
        self._transport = transport
        self._request = request
        self._last_id = last_id
        self._deadline = deadline
        self._ended = False
        self._heard_at = time.monotonic()

    def messages(self) -> Generator[Message, None, None]:
        """All messages, connecting again where the connection is lost."""
        pause = _MIN_PAUSE
        while not self._ended:
            try:
                with closing(self._read()) as messages:
                    for message in messages:
                        pause = _MIN_PAUSE
                        yield message
            except (NoAnswer, Unavailable):
                self._check_deadline()
                if time.monotonic() - self._heard_at > _GIVE_UP_SECONDS:
                    raise
            if not self._ended:
                sleep(pause)
                pause = min(pause * 2, _MAX_PAUSE)

    def _read(self) -> Generator[Message, None, None]:
        known = {"Last-Event-ID": self._last_id} if self._last_id else {}
        headers = {**self._request.headers, "Accept": "text/event-stream", **known}
        request = Request("GET", self._request.path, query=self._request.query, headers=headers)
        parser = Parser()
        with self._transport.open(request, silence=self._silence()) as response:
            self._ended = response.status_code == 204
            for chunk in response.iter_bytes():
                self._heard_at = time.monotonic()
                for message in parser.feed(chunk):
                    if message.event == "end":
                        self._ended = True
                        return
                    self._last_id = message.id or self._last_id
                    yield message
                self._check_deadline()

    def _silence(self) -> float:
        if self._deadline is None:
            return _SILENCE_SECONDS
        self._check_deadline()
        return min(_SILENCE_SECONDS, max(0.05, self._deadline - time.monotonic()))

    def _check_deadline(self) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise WaitTimeout("What was waited for has not come in time.", code="wait_timeout")
