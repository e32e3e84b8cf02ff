"""Titles as pictures can carry them: hostile characters made visible, long ones cut by their width."""

from __future__ import annotations

import unicodedata

from app.domain.states import TaskStatus

# Statuses are told apart by a sign too, not by colour alone.
SIGNS: dict[str, str] = {
    TaskStatus.PENDING: "○",
    TaskStatus.WAITING: "◔",
    TaskStatus.RUNNING: "▶",
    TaskStatus.COMPLETED: "✓",
    TaskStatus.FAILED: "✗",
    TaskStatus.CANCELLED: "■",
    TaskStatus.SKIPPED: "→",
}
# Controls, invisible formatting such as a change of direction, separators, private and lone halves of characters.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# Joiners make one emoji of several, and one word of some scripts.
_JOINERS = frozenset("\u200c\u200d")
_MARKS = frozenset({"Mn", "Me", "Cf"})
_NARROW, _BROAD = frozenset("fijlrtI.,:;'|!()[]{}/ `-"), frozenset("mwMW@%&")
_FIRST_EMOJI = 0x1F000


def plain(text: str) -> str:
    """`text` on one line, with U+FFFD for each character that would hide or reorder what is read, or that no XML may hold."""
    return "".join("\ufffd" if _is_hidden(character) else character for character in " ".join(text.split()))


def shortened(text: str, columns: float) -> str:
    """`text` cut to a width, in letters of the usual breadth: characters of East Asian scripts count twice, emoji more."""
    shown, used = "", 0.0
    for character in plain(text):
        used += _width(character)
        if used > columns:
            return shown.rstrip("\u200d ") + "…"
        shown += character
    return shown


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
    """A time span for people; empty for None."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
