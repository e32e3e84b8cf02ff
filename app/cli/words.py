"""Texts, time spans and sizes as a terminal shows them."""

from __future__ import annotations

import unicodedata

from app.domain.identity import milliseconds_between, now

# Unicode categories: controls, invisible formatting (such as a change of direction), line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
# What waits for a person.
INBOX_KINDS = {
    "plan": "plan",
    "edit": "edit of a run",
    "changes_requested": "changes requested",
    "phase": "phase",
    "release": "task to release",
    "manual": "task to do",
    "decision": "decision",
    "task_failed": "failed task",
    "worker_lost": "lost worker",
    "agent": "question of an agent",
    "changed": "change since signing",
}
_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"]


def visible(text: str) -> str:
    """Escape the control, formatting and separator characters in `text`, except for tab and newline."""
    return "".join(
        character if character in "\n\t" or unicodedata.category(character) not in _HIDDEN else _escape(character)
        for character in text
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def duration(milliseconds: float | None) -> str:
    """Format a time span: `320 ms`, `4.2 s`, `3 m 05 s` or `2 h 07 m`; empty for None."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} m {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} m"


def takes_effect(undo_until: str) -> str:
    """When an approval that can still be withdrawn takes effect, and how long that is from now."""
    left = max(0, milliseconds_between(now(), undo_until) or 0)
    return f"takes effect at {undo_until[11:19]} UTC, in {duration(left)}"


def span(seconds: float) -> str:
    """Format a time limit in full: `41 s`, `3 m 5 s`, `1 h 30 m` or `2 d`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    days, hours = divmod(hours, 24)
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if count]
    return " ".join([*parts, f"{rest:.10g} s"] if rest or not parts else parts)


def size(count: int) -> str:
    """Format a number of bytes, such as `1.5 KiB`."""
    amount, unit = float(count), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"
