"""Waits for conditions that become true after some time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

# Far longer than any of it takes: on a busy machine, thirteen projects at once have taken more than 30 s.
DEADLINE = 120.0
# Most conditions become true at once. The others are asked ever less often, because asking often slows what is waited for.
_FIRST_PAUSE, _GROWTH, _MAX_PAUSE = 0.04, 1.5, 0.25


async def eventually(condition: Callable[[], Awaitable[Any]], *, what: str, seconds: float = DEADLINE) -> Any:
    """Wait for a condition, with a deadline. Returns its first true value."""
    deadline = asyncio.get_running_loop().time() + seconds
    pause = _FIRST_PAUSE
    while True:
        value = await condition()
        if value:
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(pause)  # why: the step of a wait that has a condition and a deadline
        pause = min(pause * _GROWTH, _MAX_PAUSE)
