"""Waits, in synchronous tests, for conditions that become true after some time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tests.waiting import DEADLINE

T = TypeVar("T")
_FIRST_PAUSE, _GROWTH, _MAX_PAUSE = 0.05, 1.3, 0.25


def until(condition: Callable[[], T], what: str | Callable[[], str], *, seconds: float = DEADLINE) -> T:
    """Wait for a condition, with a deadline. Returns its first true value.

    Args:
        condition: what has to become true.
        what: what is waited for, or how to find out what happened instead. The error says it.
        seconds: how long to wait.

    Raises:
        AssertionError: it was not true in time.
    """
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what if isinstance(what, str) else what()}")
        time.sleep(pause)  # why: the step of a wait that has a condition and a deadline
        pause = min(pause * _GROWTH, _MAX_PAUSE)
    return value
