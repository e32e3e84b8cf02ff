"""Reads the header `Retry-After` of a response (RFC 9110, section 10.2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Enough digits for any real pause. Longer numbers are cut by the limit of pauses anyway.
_MAX_DIGITS = 9


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait before the next request. None if the header is missing or cannot be read.

    A date is compared with the server's own clock, if the response has a `Date`. Otherwise, it is compared with `now`.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:_MAX_DIGITS]) if len(text) <= _MAX_DIGITS else float(10**_MAX_DIGITS)
    due = _date(text)
    if due is None:
        return None
    return max((due - (_date(headers.get("date", "")) or now)).total_seconds(), 0.0)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    # `-0000` gives a time without a zone. HTTP dates are in UTC.
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date
