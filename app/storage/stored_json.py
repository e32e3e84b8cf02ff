"""JSON columns that were selected as text, for readers that must not stumble over what somebody has made of them."""

from __future__ import annotations

import json
from typing import Any

from app.domain.plan import canonical_json


def read_json(text: object) -> Any:
    """The value of a JSON column that was selected as text; None where it is NULL.

    Raises:
        ValueError: it is not JSON, or nothing that Signoff could have written.
    """
    if text is None:
        return None
    try:
        value = json.loads(str(text))
        canonical_json(value)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value
