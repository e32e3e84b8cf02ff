"""Slows down attempts to guess the key, without ever locking out a person who has it.

After several wrong keys from an address, the answer to every key from there is delayed, even to the right one. If only wrong
keys were delayed, an attacker would not need to wait for a late answer. The delay has a limit, and session cookies are never
delayed.
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
# Each wrong key counts for this time.
FORGOTTEN_AFTER = 60.0
MAX_ADDRESSES = 4096
_MAX_TEXT_LENGTH = 64


class FailedKeys:
    """The numbers of wrong keys by address, in bounded memory: the address that was idle for longest is forgotten first."""

    def __init__(self) -> None:
        self._failures = OrderedDict[str, tuple[float, float]]()

    def note(self, address: str) -> int:
        """Count a wrong key. Return how many currently count for the address."""
        name = _name(address)
        count = self._count(name) + 1
        self._failures[name] = (count, time.monotonic())
        self._failures.move_to_end(name)
        if len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)
        return round(count)

    def delay_of(self, address: str) -> float:
        """The delay of the next answer to a key, in seconds."""
        if not self._failures:
            return 0.0
        extra = round(self._count(_name(address))) - FREE_FAILURES
        return min(FIRST_DELAY * 2 ** min(extra, 16), MAX_DELAY) if extra >= 0 else 0.0

    async def wait(self, address: str) -> None:
        """Wait for the current delay of the address."""
        delay = self.delay_of(address)
        if delay:
            await asyncio.sleep(delay)

    def __len__(self) -> int:
        return len(self._failures)

    def _count(self, name: str) -> float:
        count, at = self._failures.get(name, (0.0, 0.0))
        return max(0.0, count - (time.monotonic() - at) / FORGOTTEN_AFTER)


def _name(address: str) -> str:
    """The key under which failures are counted together, as for connections."""
    try:
        return client_of(ip_address(address), None)[0]
    except ValueError:
        # Not an IP address: a proxy has put something else in its place.
        return address[:_MAX_TEXT_LENGTH]
