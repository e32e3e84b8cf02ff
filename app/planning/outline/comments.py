"""Reads what the comments of a block of commands say about running it."""

from __future__ import annotations

import re

_OFFERS_A_CHOICE = re.compile(
    r"^\s*(?:\$ )?#+\s*(?:or|alternatively|otherwise)\b(?! later| higher| newer| above)", re.IGNORECASE | re.MULTILINE
)
# "# DANGER: only run this on staging!", "# Do not run this twice"
_WARNS_OFF = re.compile(
    r"^\s*(?:\$ )?#+\s*(?:(?:danger|warning|caution|important|note)\W+)*"
    r"(?:(?:do not|don't|don\u2019t|never) (?:run|use|execute|uncomment)|only (?:run|use|execute|do|if|when|on|in|for))\b",
    re.IGNORECASE | re.MULTILINE,
)


def said_in_comments(text: str, *, run: bool) -> str:
    """Why comments keep a block from running, as the end of a sentence. Empty if they do not.

    Args:
        text: the block, as it is written.
        run: whether its author says that it runs.
    """
    if _OFFERS_A_CHOICE.search(text):
        return "its comments say that its lines are alternatives"
    return "" if run or not _WARNS_OFF.search(text) else "its comments say that it is not always to be run"
