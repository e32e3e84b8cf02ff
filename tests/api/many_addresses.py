"""Requests from many addresses, so that wrong keys do not delay other tests."""

from __future__ import annotations

import itertools

import httpx

_NUMBERS = itertools.count(1)


async def from_another_address(request: httpx.Request) -> None:
    """A hook for httpx that gives each request another address, as a proxy on this machine would."""
    number = next(_NUMBERS)
    request.headers.setdefault("X-Forwarded-For", f"198.18.{number // 250 % 250}.{number % 250 + 1}")
