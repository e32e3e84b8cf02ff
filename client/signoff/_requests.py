"""Requests as data, and the decisions about them that need no I/O. The sync and the async client share this module."""

from __future__ import annotations

import json
import os
import ssl
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError

from signoff._transfers import CountedFile
from signoff.errors import NoAnswer, NotASignoff
from signoff.schemas.json_value import JsonObject

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from signoff._transfers import Progress
    from signoff.errors import SignoffError

T = TypeVar("T")

_FIRST_PAUSE, _MAX_PAUSE = 0.1, 2.0
_MAX_RETRY_AFTER = 30.0


@dataclass(frozen=True)
class Upload:
    """A file to send as a form, after some fields. It is read again for each attempt."""

    source: Path | bytes
    name: str
    fields: Mapping[str, str]
    progress: Progress | None = None

    @contextmanager
    def open(self) -> Generator[IO[bytes]]:
        """Open the file's content."""
        with BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb") as file:
            yield file if self.progress is None else cast("IO[bytes]", CountedFile(file, self.progress))


@dataclass(frozen=True)
class Request:
    """One request. A repeat carries the same Idempotency-Key, so it takes effect only once."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=JsonObject)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    upload: Upload | None = None

    @property
    def may_repeat(self) -> bool:
        """Whether a repeat is harmless if the first request took effect and only its answer was lost."""
        return "If-Match" not in self.headers or "Idempotency-Key" in self.headers


def get(path: str, query: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> Request:
    """Build a GET. Query parameters that are None are left out."""
    return Request("GET", path, query=_without_none(query or {}), headers=headers or {})


def post(path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> Request:
    """Build a POST with its own Idempotency-Key. Members of the body that are None are left out."""
    key = {"Idempotency-Key": uuid.uuid4().hex}
    return Request("POST", path, body=_without_none(body or {}), headers={**(headers or {}), **key})


def path_of(project_id: str, *parts: str) -> str:
    """The path of a project or of a part of it. Names may contain any characters."""
    return "/api/projects" + "".join(f"/{quote(part, safe='')}" for part in (project_id, *parts))


def plan_match(digest: str | None) -> dict[str, str]:
    """The header with which an edit is refused if the plan no longer has this digest. None: no header."""
    return {} if digest is None else {"If-Match": f'"{digest}"'}


def _without_none(values: Mapping[str, Any]) -> JsonObject:
    return {name: value for name, value in values.items() if value is not None}


class Retries:
    """Decides whether a request is repeated, and after which pause, until a number of seconds has passed."""

    def __init__(self, request: Request, seconds: float) -> None:
        self._request = request
        self._deadline = time.monotonic() + seconds
        self._pause = _FIRST_PAUSE

    def pause_after(self, error: SignoffError) -> float | None:
        """Seconds to wait before the next attempt; None if there is no next attempt."""
        lost = isinstance(error, NoAnswer) and not isinstance(error.__cause__, httpx.TimeoutException)
        lost = lost and (self._request.may_repeat or isinstance(error.__cause__, httpx.ConnectError))
        if not (lost or error.status == 503 or error.code == "request_in_progress"):
            return None
        pause = max(self._pause, min(error.retry_after or 0.0, _MAX_RETRY_AFTER))
        self._pause = min(self._pause * 2, _MAX_PAUSE)
        return pause if time.monotonic() + pause <= self._deadline else None


def trusted_for(url: str) -> ssl.SSLContext | bool:
    """What httpx should check certificates with: those in SSL_CERT_FILE or SSL_CERT_DIR, else the well-known ones.

    An address without TLS needs none of them, which take long to read.
    """
    if not url.startswith("https:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # httpx reads these variables too, but not if it must ignore the network proxies in the environment.
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    return ssl.create_default_context(cafile=file, capath=folder) if file or folder else True


def no_answer(url: str, error: Exception) -> NoAnswer:
    """The error for a request that got no answer."""
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return NoAnswer(f"{url} did not answer in time. Try again.", code="no_answer")
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        message = f"{url} is not a valid address of a Signoff. Write it in full, such as http://localhost:8400."
        return NoAnswer(message, code="no_answer")
    message = f"No Signoff answers at {url}. Start one with `signoff up`, or set SIGNOFF_URL."
    return NoAnswer(message, code="no_answer")


def read_answer(response: httpx.Response, kind: type[T] | Any) -> T:
    """Read the body of an answer as `kind`. Unknown members are kept as extra fields.

    Raises:
        NotASignoff: the body cannot be read as `kind`.
    """
    if response.status_code == 204 or not response.content:
        return cast("T", None)
    try:
        return TypeAdapter[T](kind).validate_python(json.loads(response.content), extra="allow")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"This client does not understand the answer of {response.request.url} ({where}: {first['msg']})."
        raise NotASignoff(message, status=response.status_code, code="unknown_answer") from error
    except ValueError as error:
        message = f"The server at {response.request.url.copy_with(raw_path=b'/')} is not a Signoff."
        raise NotASignoff(message, status=response.status_code, code="not_a_signoff") from error


def markdown_of(response: httpx.Response) -> str:
    """Read an answer in Markdown.

    Raises:
        NotASignoff: the answer is not text.
    """
    if not response.headers.get("Content-Type", "").startswith("text/"):
        raise NotASignoff(f"{response.request.url} did not answer with text.", status=response.status_code)
    return response.text
