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
# Controls, invisible formatting such as a change of direction, separators, and what no XML may hold.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: str) -> str:
    """`text` on one line, with U+FFFD for each character that would hide or reorder what is read."""
    line = " ".join(text.split())
    return "".join("\ufffd" if unicodedata.category(character) in _HIDDEN else character for character in line)


def shortened(text: str, columns: int) -> str:
    """`text` cut to a width; characters of East Asian scripts and emoji count twice."""
    shown, used = "", 0
    for character in plain(text):
        used += 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
        if used > columns:
            return shown.rstrip() + "…"
        shown += character
    return shown


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
