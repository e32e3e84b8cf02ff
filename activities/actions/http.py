"""The `http` action: sends one request, checks the response and keeps it."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import ClassVar

import httpx
from pydantic import BaseModel, Field, JsonValue, field_validator

from activities.actions.attempt_log import AttemptLog, readable
from activities.actions.content_coding import decoded
from activities.actions.download import download_target, save
from activities.actions.http_exchange import Request, exchange
from activities.actions.http_template import filled, misplaced
from activities.actions.netguard import check_url
from activities.actions.retry_after import retry_after
from app.domain.actions import Action, Fields, Log, TaskContext, TaskFailed
from app.domain.program_values import MAX_OUTPUT_LENGTH, is_exactly_storable
from app.domain.references import LookUp, as_text
from signoff.schemas.json_value import JsonObject

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# RFC 9110, section 9.2.2: methods that may be sent twice. They are retried by default.
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
DEFAULT_RETRIES = 2
# Temporary problems of the server: another attempt may succeed (RFC 9110, RFC 8470, RFC 6585).
TRANSIENT = frozenset({408, 425, 429})
KEPT_HEADERS = ("content-type", "content-length", "etag", "last-modified", "location", "retry-after")
# RFC 9110, section 5.6.2.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9110, sections 7.6.1 and 10.1.1: headers for one connection, or asking for a response before the body is sent.
_OF_THE_CONNECTION = frozenset(
    {"connection", "expect", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade"}
)
BODY_OUTPUT_BYTES = 256 * 1024
DEFAULT_MAX_BYTES = 1024 * 1024
DEFAULT_MAX_SAVED_BYTES = 100 * 1024 * 1024


class HttpFields(Fields):
    """A request, and how to handle its response. Texts may contain `${{ … }}`."""

    method: str = Field(
        default="GET",
        description="GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.",
        json_schema_extra={"enum": list(METHODS)},
    )
    url: str = Field(description="http:// or https:// URL, without user name and password.")
    headers: dict[str, str] = Field(default_factory=dict[str, str], description="Request headers.")
    body: JsonValue = Field(default=None, description="Text is sent as it is; anything else is sent as JSON.")
    expected_status: list[int] | int | None = Field(
        default=None, description="Status codes that mean success; default: 2xx."
    )
    save_to: str | None = Field(
        default=None, min_length=1, description="File in the workspace in which to save the body."
    )
    follow_redirects: bool = Field(default=True, description="Whether to follow up to 5 redirects.")
    max_bytes: int | None = Field(
        default=None, ge=1, le=1024**4, description="Maximum size of the body; default: 1 MiB, or 100 MiB with save_to."
    )

    @field_validator("method")
    @classmethod
    def _method(cls, value: str) -> str:
        if value.upper() not in METHODS:
            raise ValueError(f"'{value}' is not one of {', '.join(METHODS)}")
        return value.upper()

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        if "${{" not in value:
            check_url(value)
        return value

    @field_validator("headers", mode="before")
    @classmethod
    def _texts(cls, value: JsonValue) -> object:
        if not isinstance(value, dict):
            return value
        texts = {str(name): as_text(item) for name, item in value.items()}
        for name in texts:
            if name.lower() == "host":
                raise ValueError("the Host header comes from the url; remove it")
            if name.lower() in {"content-length", "transfer-encoding"}:
                raise ValueError(f"the {name} header comes from the body; remove it")
            if name.lower() in _OF_THE_CONNECTION:
                raise ValueError(f"the {name} header controls the connection, which Signoff manages; remove it")
            if _HEADER_NAME.fullmatch(name) is None:
                raise ValueError(f"'{name}' is not a valid header name")
        return texts

    def is_expected(self, status: int) -> bool:
        """Whether a response with this status is a success."""
        if self.expected_status is None:
            return 200 <= status < 300
        return status in ([self.expected_status] if isinstance(self.expected_status, int) else self.expected_status)

    def follows(self, status: int) -> bool:
        """Whether to follow a redirect with this status. It is not followed if the task expects this status."""
        return self.follow_redirects and not (self.expected_status is not None and self.is_expected(status))

    @property
    def limit(self) -> int:
        """Maximum size of the body in bytes."""
        return self.max_bytes or (DEFAULT_MAX_SAVED_BYTES if self.save_to else DEFAULT_MAX_BYTES)


class Http(Action):
    """Sends an HTTP request. Its outputs are `status`, `url` (after redirects), `headers` (some of them) and `bytes`. If the
    body was saved, also `path`. Otherwise, also `body` (text, truncated after 256 KiB and marked with `truncated`) and, if it
    is complete JSON, `json`. Write references where the request needs the values.

    Addresses that are not public are refused; see `netguard`.
    """

    type: ClassVar[str] = "http"
    fields_model: ClassVar[type[BaseModel]] = HttpFields
    resolves_fields: ClassVar[bool] = True
    reads_project_name: ClassVar[bool] = False
    rare: ClassVar[tuple[str, ...]] = ("follow_redirects", "max_bytes")

    def __init__(self) -> None:
        self._answer: _Answer | None = None

    @classmethod
    def default_retries(cls, fields: JsonObject) -> int:
        """2 for methods that may be repeated, otherwise 0."""
        return DEFAULT_RETRIES if str(fields.get("method", "GET")).upper() in IDEMPOTENT else 0

    @classmethod
    def fill_fields(cls, fields: JsonObject, look_up: LookUp) -> JsonObject:
        """Insert the values of references. A value cannot add anything else to the request; see `http_template`."""
        return filled(fields, look_up)

    @classmethod
    def misplaced(cls, fields: JsonObject) -> Iterator[tuple[str, str]]:
        """References in places where a value cannot be inserted safely."""
        return misplaced(fields)

    @classmethod
    def output_names(cls, fields: JsonObject) -> Collection[str]:
        """Facts about the answer, and its body or the path where it was saved."""
        facts = ("status", "url", "headers", "bytes")
        return (*facts, "path") if fields.get("save_to") else (*facts, "body", "json", "truncated")

    async def run(self, context: TaskContext) -> JsonObject:
        """Send the request and return the outputs.

        Raises:
            TaskFailed: `http_status`, `connection`, `bad_encoding`, `address_refused`, `bad_url`, `bad_request`,
                `too_many_redirects`, `response_too_large`, `path_outside` or `not_saved`.
        """
        fields = HttpFields.model_validate(context.fields)
        request = _request(fields)
        target = download_target(context.workspace, fields.save_to) if fields.save_to else None
        context.log.write(f"{request.method} {request.url}\n".encode())
        started = time.monotonic()
        try:
            async with exchange(request, context, follow=fields.follows) as (response, url):
                self._answer = _Answer(response, url)
                outputs, failure = await self._received(fields, request, self._answer, context, target)
        except TaskFailed as lost:
            lost.outputs = self.left_over(context) | lost.outputs
            raise
        took = (time.monotonic() - started) * 1000
        line = f"{response.status_code} {response.reason_phrase}, {outputs.get('bytes', 0)} bytes, {took:.0f} ms"
        context.log.write(line.encode() + b"\n")
        if failure is not None:
            raise failure
        return outputs

    async def _received(
        self, fields: HttpFields, request: Request, answer: _Answer, context: TaskContext, target: PurePosixPath | None
    ) -> tuple[JsonObject, TaskFailed | None]:
        """Read the body. Return the outputs, and why the task has failed."""
        if not fields.is_expected(answer.response.status_code):
            # The status says why the task failed, even if the body cannot be read to its end.
            with contextlib.suppress(TaskFailed):
                await answer.read(BODY_OUTPUT_BYTES)
            outputs = answer.outputs(context.log)
            return outputs, _unexpected(fields, request, answer.response, outputs)
        if target is not None:
            chunks = decoded(answer.response)
            size = await save(chunks, context.workspace, target, limit=fields.limit, mark=context.task_id)
            return answer.facts | {"path": fields.save_to, "bytes": size}, None
        await answer.read(fields.limit)
        outputs = answer.outputs(context.log)
        return outputs, _too_large(fields, outputs) if answer.more else None

    def left_over(self, context: TaskContext) -> JsonObject:
        """What had arrived of the response when the request was interrupted."""
        return self._answer.outputs(context.log) if self._answer is not None else {}


class _Answer:
    """A response, and as much of its body as has been read."""

    def __init__(self, response: httpx.Response, url: httpx.URL) -> None:
        headers: JsonObject = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        self.response = response
        self.facts: JsonObject = {"status": response.status_code, "url": str(url), "headers": headers}
        self.more = False
        self._content = bytearray()
        self._whole = False

    async def read(self, limit: int) -> None:
        """Read at most `limit` bytes of the body. `more` says whether there are more."""
        async for chunk in decoded(self.response):
            self._content += chunk
            if len(self._content) > limit:
                del self._content[limit:]
                self.more = True
                return
        self._whole = True

    def outputs(self, log: Log) -> JsonObject:
        """The outputs: facts, the body as text, and the body as JSON if it is complete, small and can be stored exactly."""
        if not self._whole and not self._content:
            return dict(self.facts)
        truncated = not self._whole or len(self._content) > BODY_OUTPUT_BYTES
        content = bytes(self._content[:BODY_OUTPUT_BYTES])
        if truncated and isinstance(log, AttemptLog):
            # The end may contain part of a secret.
            content = log.masker.data(content, cut=True)
        outputs = self.facts | {"body": _text(self.response, content), "bytes": len(self._content)}
        if truncated:
            return outputs | {"truncated": True}
        if "json" in self.response.headers.get("content-type", ""):
            # Not valid JSON, or a value that cannot be stored or would be too large. The text output remains.
            with contextlib.suppress(ValueError, RecursionError):
                value = json.loads(content, parse_constant=_refuse_constant)
                whole = outputs | {"json": value}
                if is_exactly_storable(value) and len(str(whole)) <= MAX_OUTPUT_LENGTH:
                    return whole
        return outputs


def _request(fields: HttpFields) -> Request:
    try:
        url = check_url(fields.url)
    except ValueError as error:
        # The parser's own message may quote part of a secret, which cannot be recognized and masked.
        message = "The url is not valid: it must be an http:// or https:// URL without user name and password."
        raise TaskFailed("bad_url", message, retryable=False) from error
    headers = {name.lower(): value for name, value in fields.headers.items()}
    if fields.body is None:
        return Request(fields.method, url, headers, None)
    if isinstance(fields.body, str):
        return Request(fields.method, url, headers, fields.body.encode())
    headers = {"content-type": "application/json"} | headers
    return Request(fields.method, url, headers, json.dumps(fields.body, ensure_ascii=False).encode())


def _text(response: httpx.Response, content: bytes) -> str:
    # The server names the encoding. It may not exist, or may decode to characters that UTF-8 cannot represent.
    with contextlib.suppress(LookupError, ValueError):
        content = content.decode(response.charset_encoding or "utf-8", "replace").encode("utf-8", "replace")
    return readable(content)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _unexpected(fields: HttpFields, request: Request, response: httpx.Response, outputs: JsonObject) -> TaskFailed:
    status = response.status_code
    expected = "2xx" if fields.expected_status is None else fields.expected_status
    message = f"{request.method} {request.url} returned {status} {response.reason_phrase}; expected {expected}."
    retryable = status >= 500 or status in TRANSIENT
    pause = retry_after(response.headers, datetime.now(UTC))
    return TaskFailed("http_status", message, outputs=outputs, retryable=retryable, retry_after=pause)


def _too_large(fields: HttpFields, outputs: JsonObject) -> TaskFailed:
    message = f"The response is larger than {fields.limit} bytes. Raise max_bytes, or save it to a file with save_to."
    return TaskFailed("response_too_large", message, outputs=outputs, retryable=False)
