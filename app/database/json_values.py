"""Reads the values of JSON columns."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json


def read_value(text: str) -> Any:
    """Return what `json.loads` does. It is several times as fast for what Signoff itself has stored.

    Raises:
        ValueError: the text is not JSON.
    """
    # Most values of tasks are empty.
    if text == "[]":
        return []
    if text == "{}":
        return {}
    try:
        return from_json(text)
    except ValueError:
        # Such as half of a surrogate pair, which Python's own reader accepts.
        return json.loads(text)
