"""Weeks, each named by the date of its Monday, in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from app.domain.identity import parse_time


def week_of(at: str) -> str:
    """The week of a time in the format of the database."""
    return _monday(parse_time(at).astimezone(UTC).date()).isoformat()


def last_weeks(number: int) -> list[date]:
    """The Mondays of the last weeks, oldest first. The last one is that of the current week."""
    current = _monday(datetime.now(UTC).date())
    return [current - timedelta(weeks=back) for back in reversed(range(number))]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
