"""A moment in words, for prompts: models do not know what day it is."""

from __future__ import annotations

from datetime import datetime


def in_words(now: datetime, time_zone: str) -> str:
    """A moment with its weekday: `Friday, 27 November 2026, 14:05, time zone Europe/Berlin (UTC+01:00)`."""
    offset = now.strftime("%z")
    return f"{now:%A}, {now.day} {now:%B %Y, %H:%M}, time zone {time_zone} (UTC{offset[:3]}:{offset[3:5]})"
