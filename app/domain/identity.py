"""The only source of ids, and the only clock."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from typing import Literal

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


_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(one + other for one in _DIGITS for other in _DIGITS)
# A ULID has 48 bits of milliseconds and 80 random ones, and is written as 13 pairs of digits.
_RANDOM_BITS = 80
_SHIFTS = tuple(range(120, -1, -10))


class _Ulids:
    """Makes ULIDs, each greater than the one before, on any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def make(self) -> str:
        moment = time.time_ns() // 1_000_000
        with self._lock:
            if moment > self._last >> _RANDOM_BITS:
                self._last = moment << _RANDOM_BITS | int.from_bytes(os.urandom(_RANDOM_BITS // 8))
            else:
                self._last += 1
            value = self._last
        return "".join([_PAIRS[value >> shift & 1023] for shift in _SHIFTS])


_ULIDS = _Ulids()


def new_id(prefix: Prefix) -> str:
    """A new id: a prefix and a lower-case ULID, so that ids of one process sort in the order in which they were made."""
    return f"{prefix}_{_ULIDS.make()}"


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
