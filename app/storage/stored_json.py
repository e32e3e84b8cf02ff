"""JSON columns that were selected as text, for readers that must not fail on tampered content."""

from __future__ import annotations

import json

from app.domain.plan import canonical_json
from signoff.schemas.json_value import JsonValue


def read_json(text: object) -> JsonValue:
    """Parse a JSON column that was selected as text. Returns None for NULL.

    Raises:
        ValueError: it is not JSON, or Signoff could not have written it.
    """
    if text is None:
        return None
    try:
        value = json.loads(str(text))
        canonical_json(value)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value
