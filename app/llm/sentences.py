"""Validation errors as sentences for a model, instead of pydantic's own words and data."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.domain.plan import ON_PARAMETER, ON_TASK

MAX_SHOWN = 20
# Begins the parts of a location that are not fields of an answer, but names of the kinds that a value can have.
HIDDEN = ":"
_SHOULD = re.compile(r"^(?:Input|String|List|Dictionary|Value|Number|Set|Tuple|Data) should ")
_KIND = re.compile(rf"'{HIDDEN}([^'.]+)[^']*'")


def sentences_of(error: ValidationError) -> str:
    """Everything that is wrong, as a list."""
    return as_list(error.errors(include_url=False, include_context=False))


def as_list(errors: Sequence[ErrorDetails]) -> str:
    """Validation errors as a list with one sentence for each. After the first ones, only their number is given."""
    lines = [f"- {sentence_of(error)}" for error in errors[:MAX_SHOWN]]
    more = len(errors) - len(lines)
    return "\n".join([*lines, f"- There are {more} more problems."] if more else lines)


def sentence_of(error: ErrorDetails) -> str:
    """One validation error as a sentence, such as `phases[0].name is missing.`"""
    place = place_of(error["loc"])
    kind, message = error["type"], error["msg"]
    if kind == "missing":
        return f"{place} is missing."
    if kind == "extra_forbidden":
        return f"{place} does not exist here; remove it."
    if kind == "union_tag_invalid":
        _, *allowed = dict.fromkeys(_KIND.findall(message))
        return f"{place}.type must be one of: {', '.join(allowed)}."
    if kind == "union_tag_not_found":
        return f"{place} must be an object with a type."
    if kind in {"value_error", "assertion_error"}:
        return f"{place}: {message.partition(', ')[2].rstrip('.')}."
    words = message.replace(" after validation", "")
    return f"{place} must {words[found.end() :]}." if (found := _SHOULD.match(words)) else f"{place}: {words}."


def place_of(location: Sequence[int | str]) -> str:
    """Where a value is in an answer: `phases[0].tasks[2].title`."""
    place = ""
    for part in location:
        if isinstance(part, int):
            place += f"[{part}]"
        elif not part.startswith(HIDDEN) and part not in {ON_TASK, ON_PARAMETER}:
            place += f".{part}" if place else part
    return place or "The answer"
