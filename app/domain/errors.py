"""Errors a caller can act on. The API turns each into one body; a refused decision keeps its own in the record."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """One thing wrong with an input: where, and what."""

    field: str
    message: str


class ErrorInfo(BaseModel):
    """A domain error as data, so that it survives a database row and a Temporal payload."""

    status: int
    code: str
    message: str
    context: dict[str, Any] = Field(default_factory=dict)
    details: list[Problem] = Field(default_factory=list[Problem])


class DomainError(Exception):
    """Base of every expected error; `status` is the HTTP status that stands for its kind."""

    status = 500
    default_code = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        context: dict[str, Any] | None = None,
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
        """Rebuild the error that `info` was taken from."""
        kind = _BY_STATUS.get(info.status, DomainError)
        return kind(info.message, code=info.code, context=info.context, details=info.details)

    def with_context(self, **context: Any) -> Self:
        """Add facts to the error."""
        self.info.context.update(context)
        return self


class BadRequest(DomainError):
    """The request cannot be understood: not JSON, a query parameter out of range."""

    status = 400
    default_code = "bad_request"


class Unauthorized(DomainError):
    """No key, or not a valid one."""

    status = 401
    default_code = "unauthorized"


class Forbidden(DomainError):
    """Understood, and not allowed."""

    status = 403
    default_code = "forbidden"


class NotFound(DomainError):
    """No such thing."""

    status = 404
    default_code = "not_found"


class Conflict(DomainError):
    """Not possible in the state things are in."""

    status = 409
    default_code = "conflict"


class PreconditionFailed(DomainError):
    """Changed since the caller read it."""

    status = 412
    default_code = "precondition_failed"


class TooLarge(DomainError):
    """A body over its limit."""

    status = 413
    default_code = "too_large"


class UnsupportedMediaType(DomainError):
    """A body that is not JSON."""

    status = 415
    default_code = "unsupported_media_type"


class RangeNotSatisfiable(DomainError):
    """A part of a file that is not there."""

    status = 416
    default_code = "range_not_satisfiable"


class Invalid(DomainError):
    """Well-formed, but a value is not acceptable; `details` names each field."""

    status = 422
    default_code = "validation_error"


class Unavailable(DomainError):
    """Temporal or the database does not answer now; the same request may be repeated."""

    status = 503
    default_code = "unavailable"


_BY_STATUS: dict[int, type[DomainError]] = {
    kind.status: kind
    for kind in (
        BadRequest, Unauthorized, Forbidden, NotFound, Conflict, PreconditionFailed, TooLarge, UnsupportedMediaType,
        RangeNotSatisfiable, Invalid, Unavailable,
    )
}  # fmt: skip
