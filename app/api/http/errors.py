"""Maps every error to its HTTP answer."""

from __future__ import annotations

import json
from typing import cast

import structlog
from litestar import Response
from litestar.exceptions import HTTPException, InternalServerException, SerializationException, ValidationException
from litestar.types import Scope, Send
from pydantic import ValidationError

from app.api.http.any_request import AnyRequest
from app.api.http.methods import allow
from app.domain.error_body import KINDS, error_body
from app.domain.errors import DomainError, ErrorInfo
from app.domain.plan import field_path
from signoff.schemas.json_value import JsonObject
from signoff.schemas.problems import Problem

logger = structlog.get_logger(__name__)
RETRY_AFTER_SECONDS = "2"
INTERNAL_ERROR = ErrorInfo(
    status=500, code="internal_error", message="Something went wrong in the server. See its log for details."
)
_HTTP_MESSAGES = {
    404: "There is nothing at this address.",
    405: "This address does not support that method.",
    413: "The body is too large.",
}


# Litestar's words, in `Request.stream`.
_DISCONNECTED = "client disconnected prematurely"


def request_id_of(scope: Scope) -> str:
    """The request id that the gateway assigned."""
    return str(scope["state"]["request_id"])


def error_headers(info: ErrorInfo) -> dict[str, str]:
    """The headers of an error's answer."""
    if info.status == 503 or info.code == "request_in_progress":
        return {"Retry-After": RETRY_AFTER_SECONDS}
    if info.status == 416:
        return {"Content-Range": f"bytes */{info.context['size']}"}
    return {"WWW-Authenticate": "Bearer"} if info.status == 401 else {}


async def send_error(scope: Scope, send: Send, info: ErrorInfo) -> None:
    """Answer with an error before a request reaches Litestar."""
    body = json.dumps(error_body(info, request_id_of(scope))).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **error_headers(info)}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": info.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def to_response(request: AnyRequest, error: Exception) -> Response[JsonObject]:
    """Convert any exception to an answer. The text of an unexpected exception appears only in the log."""
    info = _info_of(error)
    if _has_left(error):
        logger.info("the client disconnected before its request was complete", path=request.url.path)
    elif info.status == 500:
        logger.error("request failed", path=request.url.path, exc_info=error)
    headers = error_headers(info)
    if isinstance(error, HTTPException) and error.headers and "allow" in {name.lower() for name in error.headers}:
        methods = next(value for name, value in error.headers.items() if name.lower() == "allow")
        headers["Allow"] = allow(methods.split(", "))
    body = error_body(info, request_id_of(request.scope))
    return Response(body, status_code=info.status, headers=headers, media_type="application/json")


def _has_left(error: Exception) -> bool:
    """Whether the client disconnected while its request was read. Litestar has no exception of its own for that."""
    return isinstance(error, InternalServerException) and error.detail == _DISCONNECTED


def _info_of(error: Exception) -> ErrorInfo:
    if isinstance(error, DomainError):
        return error.info
    if isinstance(error, ValidationError):
        return _invalid([(field_path(item["loc"]), item["msg"]) for item in error.errors()])
    unreadable = _unreadable(error)
    if unreadable is not None:
        return ErrorInfo(status=400, code="bad_request", message=unreadable)
    if isinstance(error, ValidationException):
        return _of_litestar(error)
    if isinstance(error, HTTPException) and error.status_code in KINDS and error.status_code != 500:
        status = error.status_code
        message = _HTTP_MESSAGES.get(status, error.detail or KINDS[status])
        return ErrorInfo(status=status, code=KINDS[status], message=message)
    return INTERNAL_ERROR


def _unreadable(error: Exception) -> str | None:
    """Why the body cannot be read as JSON; None if the error has another cause."""
    if isinstance(error, RecursionError):
        return "The body is nested too deeply."
    if isinstance(error, UnicodeDecodeError):
        return "The body is not valid JSON: it is not UTF-8."
    if isinstance(error.__cause__, SerializationException):
        return f"The body is not valid JSON: {error.__cause__}."
    return None


def _of_litestar(error: ValidationException) -> ErrorInfo:
    listed = cast("list[object]", error.extra or [])
    items = [cast("JsonObject", item) for item in listed if isinstance(item, dict)]
    problems = [(str(item.get("key", "")), str(item.get("message", ""))) for item in items]
    if any(item.get("source") in {"query", "path", "header", "cookie"} for item in items):
        details = [Problem(field=field, message=message) for field, message in problems]
        first = problems[0]
        return ErrorInfo(status=400, code="bad_request", message=f"{first[0]}: {first[1]}", details=details)
    return _invalid(problems)


def _invalid(problems: list[tuple[str, str]]) -> ErrorInfo:
    details = [Problem(field=field or "body", message=_plain(message)) for field, message in problems]
    first = f"{details[0].field}: {details[0].message}" if details else "The body is not valid."
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return ErrorInfo(status=422, code="validation_error", message=first + more, details=details)


def _plain(message: str) -> str:
    """A pydantic message without its Python terms."""
    if message.startswith("Input should be a valid dictionary or instance of"):
        return "Input should be a JSON object"
    return message.removeprefix("Value error, ")
