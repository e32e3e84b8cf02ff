"""The only source of ids, and the only clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from ulid import ULID

Prefix = Literal[
    "proj",
    "phase",
    "task",
    "dec",
    "key",
    "run",
    "req",
    "sess",
    "cmd",
    "person",
    "cred",
    "gate",
    "link",
    "cmt",
    "passkey",
    "msg",
    "batch",
    "filter",
]


def new_id(prefix: Prefix) -> str:
    """A new id: a prefix and a lower-case ULID, so that ids sort by creation time."""
    return f"{prefix}_{str(ULID()).lower()}"


def now() -> str:
    """The current time as ISO 8601 UTC with milliseconds and `Z`. Such strings sort in time order."""
    return isoformat(datetime.now(UTC))


def isoformat(at: datetime) -> str:
    """Format `at` as the database, the events and the API do."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Parse a time in the format of `isoformat`."""
    return datetime.fromisoformat(text)


def milliseconds_between(start: str | None, end: str | None) -> int | None:
    """Whole milliseconds from `start` to `end`. None if either is missing."""
    if start is None or end is None:
        return None
    return round((parse_time(end) - parse_time(start)).total_seconds() * 1000)
