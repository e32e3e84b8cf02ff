# Generated from signoff/_async by tools/make_sync_client.py. Edit signoff/_async instead.
"""Sends requests over HTTP: repeats them if that is safe, raises errors, and keeps streams alive across lost connections."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing, contextmanager
from time import sleep
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import httpx

from signoff import schemas
from signoff._requests import Request, Retries, no_answer, read_answer, trusted_for
from signoff._sse import Parser
from signoff.errors import NoAnswer, SignoffError, Unavailable, WaitTimeout, error_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from signoff._sse import Message
    from signoff.schemas.answers import Recorded
    from signoff.schemas.events import Event

T = TypeVar("T")

_CONNECT_SECONDS = 5.0
# The server sends a ping every 10 s.
_SILENCE_SECONDS = 30.0
_GIVE_UP_SECONDS = 60.0
_MIN_PAUSE, _MAX_PAUSE = 0.1, 2.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_NO_CONNECTION = (httpx.TransportError, httpx.UnsupportedProtocol, httpx.InvalidURL)


class Transport:
    """The connection to one Signoff.

    Args:
        url: its address; None means `SIGNOFF_URL`, or port 8400 of this machine if that is not set.
        api_key: the key to send as Bearer token; None means `SIGNOFF_API_KEY`.
        timeout: the number of seconds that one answer may take.
        retry_seconds: the number of seconds for which a request that got no answer, 503 or `request_in_progress` is sent again.
    """

    def __init__(self, url: str | None, api_key: str | None, *, timeout: float, retry_seconds: float) -> None:
        self.url = (url or os.environ.get("SIGNOFF_URL") or "http://127.0.0.1:8400").rstrip("/")
        key = os.environ.get("SIGNOFF_API_KEY", "") if api_key is None else api_key
        headers = {"User-Agent": "signoff-python"} | ({"Authorization": f"Bearer {key}"} if key else {})
        # A network proxy cannot reach the loopback address of this machine.
        self.is_local = urlsplit(self.url).hostname in _LOOPBACK
        self._retry_seconds = retry_seconds
        limits = httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS))
        self.http = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=limits,
            trust_env=not self.is_local,
            verify=trusted_for(self.url),
        )

    def close(self) -> None:
        """Close all connections."""
        self.http.close()

    def send(self, request: Request) -> httpx.Response:
        """Send a request and return the complete answer.

        Raises:
            SignoffError: the API refused the request, or no server answered.
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
        """Send a request and return the answer as `kind`. Raises as `send` does."""
        return read_answer(self.send(request), kind)

    def settle(self, request: Request, kind: type[T]) -> T | Recorded:
        """Like `call`, but return `Recorded` if the request is recorded and not decided yet (202)."""
        response = self.send(request)
        return read_answer(response, schemas.answers.Recorded if response.status_code == 202 else kind)

    def look(self, path: str) -> httpx.Response:
        """Get `path` once and return the answer regardless of its status.

        Raises:
            NoAnswer: no server answered.
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
        """Send a request once and yield the answer, whose body is read in pieces by the caller.

        Args:
            request: the request to send.
            silence: the number of seconds without data after which the connection is considered lost; None means the usual limit.

        Raises:
            SignoffError: the API refused the request, no server answered, or the connection was lost.
        """
        limits = (
            self.http.timeout if silence is None else httpx.Timeout(silence, connect=min(silence, _CONNECT_SECONDS))
        )
        try:
            with self.http.stream(
                request.method,
                request.path,
                timeout=limits,
                params={**request.query},
                json=request.body,
                headers=request.headers,
            ) as response:
                if response.is_error:
                    response.read()
                    raise error_of(response)
                yield response
        except _NO_CONNECTION as error:
            raise no_answer(self.url, error) from error

    def events(
        self, request: Request, *, after: int = 0, deadline: float | None = None
    ) -> Generator[Event, None, None]:
        """Yield the events of a stream until it ends. Survives lost connections.

        Args:
            request: a GET of an event stream.
            after: the number of the event after which to start.
            deadline: a time of `time.monotonic`. It is checked whenever the server sends something, at least every 10 s.

        Raises:
            SignoffError: the API refused the request.
            NoAnswer: no server has answered for a minute.
            WaitTimeout: the deadline has passed.
        """
        stream = _EventStream(self, request, str(after), deadline)
        with closing(stream.messages()) as messages:
            for message in messages:
                if message.event == "record.sealed":
                    # Sent if `types` names it, but it is not an event.
                    continue
                yield schemas.events.Event.model_validate(json.loads(message.text), extra="allow")

    def messages(self, request: Request) -> Generator[Message, None, None]:
        """Yield the raw messages of a stream. Survives lost connections. Raises as `events` does."""
        with closing(_EventStream(self, request, "", None).messages()) as messages:
            yield from messages


class _EventStream:
    """One reader of a stream of server-sent events, with its position in the stream."""

    def __init__(self, transport: Transport, request: Request, last_id: str, deadline: float | None) -> None:
        self._transport = transport
        self._request = request
        self._last_id = last_id
        self._deadline = deadline
        self._ended = False
        self._last_data_at = time.monotonic()

    def messages(self) -> Generator[Message, None, None]:
        """Yield all messages, and reconnect when the connection is lost."""
        pause = _MIN_PAUSE
        while not self._ended:
            try:
                with closing(self._read()) as messages:
                    for message in messages:
                        pause = _MIN_PAUSE
                        yield message
            except (NoAnswer, Unavailable):
                self._check_deadline()
                if time.monotonic() - self._last_data_at > _GIVE_UP_SECONDS:
                    raise
            if not self._ended:
                sleep(pause)
                pause = min(pause * 2, _MAX_PAUSE)

    def _read(self) -> Generator[Message, None, None]:
        position = {"Last-Event-ID": self._last_id} if self._last_id else {}
        headers = {**self._request.headers, "Accept": "text/event-stream", **position}
        request = Request("GET", self._request.path, query=self._request.query, headers=headers)
        parser = Parser()
        with self._transport.open(request, silence=self._silence()) as response:
            self._ended = response.status_code == 204
            for chunk in response.iter_bytes():
                self._last_data_at = time.monotonic()
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
            raise WaitTimeout("The wait timed out. The project itself is not affected.", code="wait_timeout")
