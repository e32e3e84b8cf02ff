"""The date and the time zone of this process, for prompts."""

from __future__ import annotations

import os
from datetime import datetime

from app.domain.moments import in_words

_LINK = "/etc/localtime"


def zone_name(now: datetime) -> str:
    """The name of this process's time zone: `Europe/Berlin`, or else an abbreviation."""
    chosen = os.environ.get("TZ", "").lstrip(":")
    if "/" in chosen and not chosen.startswith("/"):
        return chosen
    if not chosen:
        _, found, name = os.path.realpath(_LINK).partition("/zoneinfo/")
        if found:
            return name
    return now.tzname() or "UTC"


def time_in_words(at: datetime) -> str:
    """A time in this process's time zone, as a sentence for a model that is asked then."""
    local = at.astimezone()
    return f"It is {in_words(local, zone_name(local))}."
