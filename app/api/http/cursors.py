"""Cursors: where a page of a list ended, as a text that only this module reads.

The next page begins after that place in the order, whatever was added or deleted meanwhile. A cursor knows the list, the filters
and the order that it was made for, because elsewhere it would give a page that nobody asked for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import Any, cast

from app.domain.errors import Invalid
from signoff.schemas.problems import Problem

MAX_CURSOR_LENGTH = 4_000
Place = list[str | int]


def cursor_of(place: Sequence[str | int] | None, *query: object) -> str | None:
    """Return the cursor for the place where a page ended.

    Args:
        place: the values by which the list is ordered, of the last row of the page. None: nothing comes after the page.
        query: the list, its filters and its order.
    """
    if place is None:
        return None
    text = json.dumps([_mark(query), *place], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(
    cursor: str | None, kinds: Sequence[type[str] | type[int]], *query: object, offset: int = 0
) -> Place | None:
    """Return the place that a cursor stands for, or None without a cursor.

    Args:
        cursor: what the caller sent.
        kinds: the type of each value in the place.
        query: the list, its filters and its order, as in `cursor_of`.
        offset: the caller's `offset`, which cannot be combined with a cursor.

    Raises:
        Invalid: the cursor is not one of this list, or was made for other filters or another order.
    """
    if cursor is None:
        return None
    if offset:
        raise _refused("It cannot be combined with offset. Send one of them.", "cursor_with_offset")
    values = _read(cursor)
    if values is None or len(values) != len(kinds) + 1 or not all(map(_is_a, values[1:], kinds)):
        raise _refused(
            "It is not a cursor of this list. Send next_cursor of the page before, unchanged, or no cursor to start from the "
            "beginning.",
            "bad_cursor",
        )
    if values[0] != _mark(query):
        raise _refused(
            "It was made for other filters or another order. Send the same filters and sort_by as for the page before, or no "
            "cursor to start from the beginning.",
            "cursor_of_another_list",
        )
    return cast("Place", values[1:])


def _mark(query: Sequence[object]) -> str:
    return hashlib.sha256(repr(query).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _read(cursor: str) -> list[Any] | None:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        values: Any = json.loads(raw.decode())
    except (binascii.Error, ValueError, RecursionError):
        return None
    return cast("list[Any]", values) if isinstance(values, list) else None


def _is_a(value: object, kind: type[str] | type[int]) -> bool:
    if kind is int:
        return type(value) is int and abs(value) < 2**63
    # What no database stores cannot be compared with what is stored.
    return isinstance(value, str) and "\x00" not in value and _can_be_stored(value)


def _can_be_stored(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refused(message: str, code: str) -> Invalid:
    return Invalid(f"cursor: {message}", code=code, details=[Problem(field="cursor", message=message)])
