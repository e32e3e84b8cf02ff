"""Values from programs: outputs of tasks, and texts of actions. They all come in here, in the form that Signoff stores."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from app.domain.plan import MAX_NESTING, canonical_json
from signoff.schemas.json_value import JsonValue

# The limit for all outputs of one task, in characters as Python shows them.
MAX_OUTPUT_LENGTH = 1_048_576
# PostgreSQL and UTF-8 files refuse both.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class UnstorableValue(ValueError):
    """A value from a program cannot be stored. The message is the end of a sentence that starts with "they"."""


def storable_text(text: str) -> str:
    """The text, with each NUL character and each lone surrogate replaced by U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def storable(value: object) -> JsonValue:
    """A JSON value with storable texts. Tuples become lists.

    Raises:
        UnstorableValue: it is not JSON, contains a number that is not finite, or is nested too deeply.
    """
    stored = _storable(value, 0)
    try:
        canonical_json(stored)
    except (ValueError, TypeError) as error:
        raise UnstorableValue(f"contain a value that is not JSON: {error}") from error
    return cast("JsonValue", stored)


def is_exactly_storable(value: JsonValue) -> bool:
    """Whether a JSON value is stored as it is, without a replaced character."""
    try:
        return storable(value) == value
    except UnstorableValue:
        return False


def _storable(value: object, depth: int) -> object:
    if depth > MAX_NESTING:
        raise UnstorableValue(f"are nested deeper than {MAX_NESTING} levels")
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {
            storable_text(name) if isinstance(name, str) else name: _storable(item, depth + 1)
            for name, item in cast("dict[object, object]", value).items()
        }
    if isinstance(value, (list, tuple)):
        return [_storable(item, depth + 1) for item in cast("Sequence[object]", value)]
    return value
