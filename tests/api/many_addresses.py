"""Requests that come from many addresses, so that wrong keys slow nothing down."""

from __future__ import annotations

import itertools

import httpx

_NUMBERS = itertools.count(1)


async def from_another_address(request: httpx.Request) -> None:
    """A hook for httpx: the address is the next one, as a proxy on this machine would name it."""
    number = next(_NUMBERS)
    request.headers.setdefault("X-Forwarded-For", f"198.18.{number // 250 % 250}.{number % 250 + 1}")
