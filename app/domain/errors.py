"""Errors that a caller can act on. The API turns each into an error body. A refused decision keeps its error on record."""

from __future__ import annotations

from pydantic import BaseModel, Field

from signoff.schemas.json_value import JsonMapping
from signoff.schemas.problems import Problem

# The code of a plan that failed because its planner has questions; `details` has each of them.
NEEDS_ANSWERS = "needs_answers"


class ErrorInfo(BaseModel):
    """A domain error as data, so that it can be stored in a database row or sent in a Temporal payload."""

    status: int
    code: str
    message: str
    context: JsonMapping = Field(default_factory=dict)
    details: list[Problem] = Field(default_factory=list[Problem])


class DomainError(Exception):
    """Base class of every expected error. `status` is the HTTP status for this kind of error."""

    status = 500
    default_code = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        context: JsonMapping | None = None,
        details: list[Problem] | None = None,
    ) -> None:
        super().__init__(message)
        self.info = ErrorInfo(
            status=self.status,
            code=code or self.default_code,
            message=message,
            context=context or {},
            details=details or [],
        )

    @classmethod
    def from_info(cls, info: ErrorInfo) -> DomainError:
        """Rebuild an error from its `info`."""
        kind = _BY_STATUS.get(info.status, DomainError)
        return kind(info.message, code=info.code, context=info.context, details=info.details)


class BadRequest(DomainError):
    """The request is malformed: it is not valid JSON, or a query parameter is out of range."""

    status = 400
    default_code = "bad_request"


class Unauthorized(DomainError):
    """The API key is missing or not valid."""

    status = 401
    default_code = "unauthorized"


class Forbidden(DomainError):
    """The request is understood, but not allowed."""

    status = 403
    default_code = "forbidden"


class NotFound(DomainError):
    """The requested resource does not exist."""

    status = 404
    default_code = "not_found"


class Conflict(DomainError):
    """The request is not possible in the current state."""

    status = 409
    default_code = "conflict"


class PreconditionFailed(DomainError):
    """The resource has changed since the caller read it."""

    status = 412
    default_code = "precondition_failed"


class TooLarge(DomainError):
    """The body exceeds its size limit."""

    status = 413
    default_code = "too_large"


class UnsupportedMediaType(DomainError):
    """The body is not JSON."""

    status = 415
    default_code = "unsupported_media_type"


class RangeNotSatisfiable(DomainError):
    """The requested range is outside the file."""

    status = 416
    default_code = "range_not_satisfiable"


class Invalid(DomainError):
    """The input is well-formed, but a value is not valid. `details` names each field."""

    status = 422
    default_code = "validation_error"


class TooManyRequests(DomainError):
    """The caller has sent too many requests of a kind. They may try again later."""

    status = 429
    default_code = "too_many_requests"


class Unavailable(DomainError):
    """Temporal or the database is not answering. The caller may repeat the same request."""

    status = 503
    default_code = "unavailable"


_BY_STATUS: dict[int, type[DomainError]] = {
    kind.status: kind
    for kind in (
        BadRequest,
        Unauthorized,
        Forbidden,
        NotFound,
        Conflict,
        PreconditionFailed,
        TooLarge,
        UnsupportedMediaType,
        RangeNotSatisfiable,
        Invalid,
        TooManyRequests,
        Unavailable,
    )
}
