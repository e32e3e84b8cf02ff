"""Texts from people and programs, as Signoff reads and stores them: lines end with LF, and nothing precedes the first character.

Everything that a person, a model or a document says comes in here: request bodies, edits, descriptions, JSON in descriptions,
plans of models, and the lines that a command writes to `$SIGNOFF_OUTPUT`. A stored plan is never changed: its digest covers it.
"""

from __future__ import annotations

import re

from pydantic import AfterValidator

from signoff.schemas.json_value import JsonObject, JsonValue

_LINE_BREAK = re.compile(r"\r\n?")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_DATA = frozenset({"inputs", "outputs"})
_BYTE_ORDER_MARK = "\ufeff"
# Deeper values are refused later, with a better message.
_MAX_DEPTH = 200


def normalized_text(text: str) -> str:
    """The text with LF for each CRLF and each lone CR, and without a byte order mark at its start."""
    return _LINE_BREAK.sub("\n", text.removeprefix(_BYTE_ORDER_MARK))


def normalized(value: JsonValue, depth: int = 0) -> JsonValue:
    """A JSON value with normalized texts. Names of fields stay as they are, and so do values that are data and not text.

    These are inputs and outputs of tasks, and the body of an HTTP request: some formats, such as multipart, require CRLF.
    """
    if isinstance(value, str):
        return normalized_text(value)
    if depth > _MAX_DEPTH:
        return value
    if isinstance(value, dict):
        return normalized_fields(value, depth)
    if isinstance(value, list):
        return [normalized(item, depth + 1) for item in value]
    return value


def normalized_fields(value: JsonObject, depth: int = 0) -> JsonObject:
    """A JSON object with normalized texts, as `normalized` describes it."""
    data = _DATA | {"body"} if value.get("type") == "http" else _DATA
    return {name: item if name in data else normalized(item, depth + 1) for name, item in value.items()}


def storable(text: str) -> str:
    """Return `text`, or refuse characters that a database or a file cannot store.

    Raises:
        ValueError: the text contains a NUL character or a lone surrogate.
    """
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    # PostgreSQL and UTF-8 files refuse lone surrogates, which JSON can contain.
    if not text.isascii() and _SURROGATE.search(text):
        raise ValueError("must not contain lone surrogates")
    return text


# Runs after the length limits, so that pydantic reports those first.
PLAIN = AfterValidator(storable)
