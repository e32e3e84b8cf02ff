"""Slows down those who try keys, without ever keeping out the one who has it.

From an address that has sent several wrong keys, every key is answered late, the right one too: if only wrong ones were, whoever
tries keys would not wait for the answer. The delay has a limit, and cookies of sessions are never delayed.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from ipaddress import ip_address

from app.serving.limits import client_of

FREE_FAILURES = 5
FIRST_DELAY = 0.1
MAX_DELAY = 2.0
# Each wrong key counts for so long.
FORGOTTEN_AFTER = 60.0
MAX_ADDRESSES = 4096
_MAX_TEXT_LENGTH = 64


class FailedKeys:
    """Wrong keys by address, in bounded memory: of too many addresses, the ones not heard of for longest are forgotten."""

    def __init__(self) -> None:
        self._failures = OrderedDict[str, tuple[float, float]]()

    def note(self, address: str) -> int:
        """Count a wrong key; how many count now."""
        name = _name(address)
        count = self._count(name) + 1
        self._failures[name] = (count, time.monotonic())
        self._failures.move_to_end(name)
        if len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)
        return round(count)

    def delay_of(self, address: str) -> float:
        """Seconds by which the next answer to a key is delayed."""
        extra = round(self._count(_name(address))) - FREE_FAILURES
        return min(FIRST_DELAY * 2 ** min(extra, 16), MAX_DELAY) if extra >= 0 else 0.0

    async def wait(self, address: str) -> None:
        """Hold an answer back for as long as the address has earned."""
        delay = self.delay_of(address)
        if delay:
            await asyncio.sleep(delay)

    def __len__(self) -> int:
        return len(self._failures)

    def _count(self, name: str) -> float:
        count, at = self._failures.get(name, (0.0, 0.0))
        return max(0.0, count - (time.monotonic() - at) / FORGOTTEN_AFTER)


def _name(address: str) -> str:
    """Whose failures count together, as connections do."""
    try:
        return client_of(ip_address(address), None)[0]
    except ValueError:
        # What a proxy has put in its place.
        return address[:_MAX_TEXT_LENGTH]
