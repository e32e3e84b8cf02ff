"""`{#key name=value flag}` at the end of a line, as Pandoc writes attributes, and the values they take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_PART = re.compile(
    r'\s*(?:\#(?P<key>[^\s{}"=]*)'
    r'|(?P<name>[A-Za-z][A-Za-z0-9_-]*)(?:=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s{}"]*)))?)(?=[\s}]|$)'
)
# A block ends its line, or stands before the command: `Title {#key}: ` and then nothing but inline code.
_END = re.compile(r"\s*\}(?:\s*$|(?=\s*:?\s*`[^`].*`\s*$))")
_MISSHAPEN = re.compile(r"\{\s*(?:#|[A-Za-z_-]+\s*=)[^{}]*(?:\}\s*)?$")
_ESCAPE = re.compile(r"\\(.)")
_PLAIN = re.compile(r'[^\s{}"]+')
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}

KEY = "#"


class Attribute(NamedTuple):
    """One attribute; the key's name is `#`, a flag's value is None, `column` counts from 0 in the line."""

    name: str
    value: str | None
    column: int


def read_block(line: str, start: int) -> tuple[list[Attribute], int] | None:
    """The attributes of the block that opens at `start`, and where it ends; None if there is no such block.

    A block ends the line, or nothing but inline code comes after it.
    """
    attributes: list[Attribute] = []
    position = start + 1
    while match := _PART.match(line, position):
        attributes.append(_attribute(match))
        position = match.end()
    end = _END.match(line, position)
    return (attributes, end.end()) if attributes and end is not None else None


def looks_misshapen(line: str, start: int) -> bool:
    """Whether what opens at `start` was meant as attributes, though it cannot be read as such."""
    return _MISSHAPEN.match(line, start) is not None


def read_words(text: str) -> Iterator[Attribute | int]:
    """The attributes in a fence's info string; an int is the column of something that is none, and ends it."""
    position = 0
    while text[position:].strip():
        match = _PART.match(text, position)
        if match is None:
            yield position
            return
        yield _attribute(match)
        position = match.end()


def write(name: str, value: str) -> str:
    """`name=value`, quoted where it must be."""
    if _PLAIN.fullmatch(value):
        return f"{name}={value}"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'


def names(value: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in value.split(",") if part.strip()]


def duration(value: str) -> float:
    """Seconds of `90`, `30s`, `5m`, `2h` or `1d`; whole numbers stay whole.

    Raises:
        ValueError: saying what is accepted.
    """
    match = _DURATION.fullmatch(value)
    if match is None:
        raise ValueError(f"'{value}' is no time; write seconds, or 30s, 5m, 2h, 1d")
    seconds = float(match[1]) * _SECONDS[match[2]]
    return int(seconds) if seconds.is_integer() else seconds


def whole(value: str) -> int:
    """A whole number.

    Raises:
        ValueError: saying so.
    """
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise ValueError(f"'{value}' is no whole number")
    return int(value)


def _attribute(match: re.Match[str]) -> Attribute:
    if match["key"] is not None:
        return Attribute(KEY, match["key"], match.start("key") - 1)
    quoted = match["quoted"]
    value = match["plain"] if quoted is None else _ESCAPE.sub(r"\1", quoted)
    return Attribute(match["name"], value, match.start("name"))
