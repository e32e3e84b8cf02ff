"""Exponential back-off."""

from __future__ import annotations


def backoff(failures: int, first: float, longest: float) -> float:
    """Return how many seconds to wait after this many failures: `first`, doubled each time, at most `longest`."""
    # The limit keeps the power small enough for a float.
    return min(first * 2 ** min(failures - 1, 30), longest)
