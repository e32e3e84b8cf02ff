"""The text of a request's body with references: what a value becomes depends on the form that the body has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

from app.domain.references import HOLE, LookUp, ReferenceMisplaced, Template, as_text, fill

_FORM = "application/x-www-form-urlencoded"
# JSON texts one a line.
_LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
# What stands for a value while a template is checked: a code point that is no character, and ends no escape of JSON.
_SAMPLE = "\ufdd0"
# RFC 8259, 6; no longer than what every reader takes.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?")

Values = Iterator[tuple[str, Any]]


def fill_body(text: str, content_type: str | None, look_up: LookUp) -> Any:
    """The body that `text` makes with the values of its references.

    One reference alone gives its value as it is. In JSON, a value within quotes is escaped, and outside it is a JSON value.
    In a form it is form-encoded. In any other text it stands as text.

    Args:
        text: the body, as the plan has it.
        content_type: the header, as the plan has it; None: JSON where the text is JSON, else text.
        look_up: gives the values.

    Raises:
        ReferenceMisplaced: a reference stands where no value can be put in safely.
    """
    template = Template.of(text)
    values = template.values(look_up)
    if not template.expressions:
        return text
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if "${{" in media_type:
        raise ReferenceMisplaced("the Content-Type of a body with references cannot come from a reference")
    if template.is_one_reference:
        return next(values)[1]
    if media_type.startswith("multipart/"):
        raise ReferenceMisplaced(
            "a multipart body cannot hold references; send JSON or a form, or make it in a command"
        )
    if media_type == _FORM:
        return _form(template.text, values)
    if media_type in _LINES:
        return "\n".join(_json(line, values) if HOLE in line else line for line in template.text.split("\n"))
    if "json" in media_type or (not media_type.startswith("text/") and _looks_like_json(template.text, media_type)):
        return _json(template.text, values)
    return fill(template.text, values, lambda _, value: as_text(value))


def _looks_like_json(text: str, media_type: str) -> bool:
    """Whether a body is JSON though no header says so; without any header, what begins like JSON must be JSON."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return False
    return not media_type or _problem_of(text) is None


def _form(text: str, values: Values) -> str:
    if any(HOLE in pair.partition("=")[0] for pair in text.split("&")):
        raise ReferenceMisplaced(
            "a reference in a form is the value of a field, as in name=${{ … }}; fields themselves cannot come from a value"
        )
    if re.search(rf"%[0-9A-Fa-f]?{HOLE}", text):
        raise ReferenceMisplaced("a value would become part of a percent escape; write %25 for a percent sign")
    return fill(text, values, lambda _, value: quote_plus(as_text(value)))


def _json(text: str, values: Values) -> str:
    if problem := _problem_of(text):
        raise ReferenceMisplaced(problem)
    return "".join(fill(part, values, _in_quotes if quoted else _bare) for part, quoted in _parts(text))


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """A JSON text in pieces, and whether each is a string."""
    for number, part in enumerate(re.split(r'("(?:[^"\\]|\\.)*")', text, flags=re.DOTALL)):
        yield part, number % 2 == 1


def _in_quotes(_: str, value: Any) -> str:
    return json.dumps(as_text(value), ensure_ascii=False)[1:-1]


def _bare(_: str, value: Any) -> str:
    """A JSON value. A command's outputs are texts, so a text that is a number, true, false or null is sent as that."""
    if isinstance(value, str) and (value in {"true", "false", "null"} or _NUMBER.fullmatch(value)):
        return value
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _problem_of(text: str) -> str | None:
    """Why a template of JSON is none, or has a reference where no value can stand; None where all is well."""
    found: list[str] = []

    def members(pairs: list[tuple[str, Any]]) -> None:
        if any(_SAMPLE in name for name, _ in pairs):
            found.append("the name of a JSON member cannot come from a reference; write the name into the plan")

    # Within quotes the sample is a text; outside of them it is a whole value.
    sample = "".join(part.replace(HOLE, _SAMPLE if quoted else " null ") for part, quoted in _parts(text))
    try:
        json.loads(sample, object_pairs_hook=members)
    except (ValueError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deep"
        return (
            f"the body is not JSON ({what}), so a value in it could change its form; "
            "correct it, or say Content-Type: text/plain if it is text"
        )
    return found[0] if found else None
