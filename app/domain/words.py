"""Numbers, lists and spans of time in plain English."""

from __future__ import annotations

from collections.abc import Sequence

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_UNITS = ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"), (1.0, "second"))


def count(number: int) -> str:
    """A number as a word, if it is small: `two`."""
    return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else str(number)


def listed(names: Sequence[str], word: str = "and") -> str:
    """Names in a sentence: `a`, `a and b`, `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def span(seconds: float) -> str:
    """A span of time: `3 days`, `12 hours`, `90 minutes`."""
    for length, unit in _UNITS:
        number = seconds / length
        if number >= 1 and number == int(number):
            return f"{int(number)} {unit}{'' if number == 1 else 's'}"
    return f"{seconds:g} seconds"
