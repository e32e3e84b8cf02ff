"""Prepares titles for pictures: makes hostile characters visible, and shortens long titles by their width."""

from __future__ import annotations

import unicodedata

from signoff.vocabulary import TaskStatus

# Each status also has a sign, so that it does not depend on color alone.
SIGNS: dict[str, str] = {
    TaskStatus.PENDING: "○",
    TaskStatus.WAITING: "◔",
    TaskStatus.RUNNING: "▶",
    TaskStatus.COMPLETED: "✓",
    TaskStatus.FAILED: "✗",
    TaskStatus.CANCELLED: "■",
    TaskStatus.SKIPPED: "→",
}
# Control characters, invisible formatting such as a change of direction, separators, private-use characters, lone surrogates.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# Joiners combine several emoji into one, and connect letters in some scripts.
_JOINERS = frozenset("\u200c\u200d")
_MARKS = frozenset({"Mn", "Me", "Cf"})
_NARROW, _BROAD = frozenset("fijlrtI.,:;'|!()[]{}/ `-"), frozenset("mwMW@%&")
_FIRST_EMOJI = 0x1F000


def plain(text: str) -> str:
    """`text` on one line. Characters that hide or reorder text, or that XML cannot contain, become U+FFFD."""
    return "".join("\ufffd" if _is_hidden(character) else character for character in " ".join(text.split()))


def shortened(text: str, columns: float) -> str:
    """`text` shortened to a width in average letters. East Asian characters count twice, and emoji count more."""
    result, used = "", 0.0
    for character in plain(text):
        used += _width(character)
        if used > columns:
            return result.rstrip("\u200d ") + "…"
        result += character
    return result


def _is_hidden(character: str) -> bool:
    is_no_character = ord(character) & 0xFFFE == 0xFFFE
    return is_no_character or (unicodedata.category(character) in _HIDDEN and character not in _JOINERS)


def _width(character: str) -> float:
    if ord(character) >= _FIRST_EMOJI and unicodedata.category(character) in {"So", "Sk", "Cn"}:
        return 2.3
    if unicodedata.east_asian_width(character) in {"W", "F"}:
        return 2
    if unicodedata.category(character) in _MARKS:
        return 0
    if character in _BROAD:
        return 1.6
    return 0.7 if character in _NARROW else 1.2 if character.isupper() else 1


def duration(milliseconds: int | None) -> str:
    """Format a duration for people. Empty for None."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
