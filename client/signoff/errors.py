"""The errors of the client: one class per kind, each with everything that the answer contained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from signoff.schemas.problems import Problem

if TYPE_CHECKING:
    import httpx

    from signoff.schemas.json_value import JsonObject


class SignoffError(Exception):
    """The base class of every error of the client.

    Attributes:
        status: the HTTP status; 0 if there was no answer.
        code: the API's own, more precise name for the error, such as `plan_superseded`.
        message: what is wrong and what to do about it, for a person.
        details: for invalid values, each field and what is wrong with it.
        context: facts about the error, such as the current plan version.
        request_id: the id under which the server logged the request.
        retry_after: seconds after which the server suggests a retry; None if it suggests none.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        details: list[Problem] | None = None,
        context: JsonObject | None = None,
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
        # The message of a single problem is often the message as a whole.
        more = [detail for detail in self.details if detail.message not in self.message]
        return "\n".join([self.message, *(f"  {detail.field}: {detail.message}" for detail in more)])


class NoAnswer(SignoffError):
    """No server answered at the address, or it did not answer in time."""


class NotASignoff(SignoffError):
    """A server answered, but it is not a Signoff, or not one that this client understands."""


class WaitTimeout(SignoffError, TimeoutError):
    """The time limit of a wait has passed. The project itself is not affected."""


class BadRequest(SignoffError):
    """400: a parameter is out of range, or the server cannot read the request."""


class Unauthorized(SignoffError):
    """401: the API key is missing or not valid."""


class Forbidden(SignoffError):
    """403: the request is not allowed."""


class NotFound(SignoffError):
    """404: the object does not exist."""


class Conflict(SignoffError):
    """409: the request is not possible in the current state; `code` says why."""


class PreconditionFailed(SignoffError):
    """412: the object has changed since you read it."""


class TooLarge(SignoffError):
    """413: the request is larger than the server accepts."""


class RangeNotSatisfiable(SignoffError):
    """416: the requested range is outside the file."""


class Invalid(SignoffError):
    """422: a value is not valid; `details` names each field."""


class ServerError(SignoffError):
    """500: an error in the server; see its log for the `request_id`."""


class Unavailable(SignoffError):
    """503: Temporal or the database is not available at the moment."""


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
    """Build the error for an answer whose body has been read."""
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
    # HTTP also allows a date here, but Signoff never sends one.
    return float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
