"""The body of every error, whoever answers it."""

from __future__ import annotations

from app.domain.errors import ErrorInfo
from signoff.schemas.answers import ErrorBody
from signoff.schemas.json_value import JsonObject

# By HTTP status.
KINDS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    409: "conflict",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    422: "validation_error",
    429: "too_many_requests",
    431: "headers_too_large",
    500: "internal_error",
    503: "unavailable",
}


def error_body(info: ErrorInfo, request_id: str) -> JsonObject:
    """The body of every error."""
    return ErrorBody(
        error=KINDS[info.status],
        code=info.code,
        message=info.message,
        status=info.status,
        details=info.details,
        context=info.context,
        request_id=request_id,
    ).model_dump(mode="json")
