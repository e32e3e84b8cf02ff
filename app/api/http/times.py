"""Times in queries."""

from __future__ import annotations

from datetime import UTC, datetime

from app.domain.errors import BadRequest
from app.domain.identity import isoformat
from signoff.schemas.problems import Problem

MAX_TIME_LENGTH = 64


def time_of(text: str | None, field: str) -> str | None:
    """Convert a date or time of a query to the format of the database. None or an empty text: none was sent.

    Args:
        text: a date such as `2026-11-28`, which means its beginning, or a time such as `2026-11-28T14:30:00+01:00`. UTC, unless
            it says otherwise.
        field: the name of the parameter.

    Raises:
        BadRequest: it is neither.
    """
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return isoformat(at if at.tzinfo is not None else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        message = (
            f"'{text}' is not a date or time. Write 2026-11-28, 2026-11-28T14:30:00Z, or 2026-11-28T14:30:00%2B01:00 with the "
            "+ encoded."
        )
        problem = Problem(field=field, message=message)
        raise BadRequest(f"{field}: {message}", code="bad_time", details=[problem]) from error
