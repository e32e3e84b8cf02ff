"""What a Signoff answers instead of what was asked for: one class a kind, each with all that the answer said."""

from __future__ import annotations

import json
from typing import Any

import httpx

from app.domain.errors import Problem


class SignoffError(Exception):
    """Base of every error of the client.

    Attributes:
        status: the HTTP status; 0 where there was no answer.
        code: the API's own, finer name of what was wrong, such as `plan_superseded`.
        message: one sentence that a person can act on.
        details: for a value that is not acceptable, each field and what is wrong with it.
        context: facts, such as the version that is current.
        request_id: finds the request in the server's log.
        retry_after: seconds after which the server suggests to ask again, where it does.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        details: list[Problem] | None = None,
        context: dict[str, Any] | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.details = details or []
        self.context = context or {}
        self.request_id = request_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {detail.field}: {detail.message}" for detail in self.details)])


class NoAnswer(SignoffError):
    """Nothing answers at the address, or not in time."""


class NotASignoff(SignoffError):
    """Something answers, but not as a Signoff that this client knows would."""


class WaitTimeout(SignoffError, TimeoutError):
    """What was waited for has not come in time; the project goes on all the same."""


class BadRequest(SignoffError):
    """400: a parameter is out of range, or the request cannot be read."""


class Unauthorized(SignoffError):
    """401: no key, or not a valid one."""


class Forbidden(SignoffError):
    """403: understood, and not allowed."""


class NotFound(SignoffError):
    """404: there is no such thing."""


class Conflict(SignoffError):
    """409: not possible in the state that things are in; `code` says which."""


class PreconditionFailed(SignoffError):
    """412: changed since it was read."""


class TooLarge(SignoffError):
    """413: more than the server takes."""


class RangeNotSatisfiable(SignoffError):
    """416: the file has no such part."""


class Invalid(SignoffError):
    """422: a value is not acceptable; `details` names each field."""


class ServerError(SignoffError):
    """500: the server's own fault; its log has more under `request_id`."""


class Unavailable(SignoffError):
    """503: Temporal or the database does not answer now."""


_BY_STATUS: dict[int, type[SignoffError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    413: TooLarge,
    416: RangeNotSatisfiable,
    422: Invalid,
    500: ServerError,
    503: Unavailable,
}


def error_of(response: httpx.Response) -> SignoffError:
    """The error that an answer tells of; the answer's body has been read."""
    kind = _BY_STATUS.get(response.status_code, SignoffError)
    try:
        body = json.loads(response.content)
        return kind(
            str(body["message"]),
            status=response.status_code,
            code=str(body.get("code", "")),
            details=[Problem.model_validate(detail) for detail in body.get("details") or ()],
            context=body.get("context"),
            request_id=str(body.get("request_id", "")),
            retry_after=_seconds(response.headers.get("Retry-After")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"{response.request.url} answered {response.status_code} {response.reason_phrase}."
        return kind(message, status=response.status_code, retry_after=_seconds(response.headers.get("Retry-After")))


def _seconds(retry_after: str | None) -> float | None:
    # The other form that HTTP allows, a date, is not Signoff's.
    return float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
