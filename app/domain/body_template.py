"""Inserts referenced values into the body of an HTTP request. The format of the body decides how a value is escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import quote_plus

from app.domain.references import HOLE, LookUp, ReferenceMisplaced, Template, as_text, fill
from signoff.schemas.json_value import JsonValue

_FORM = "application/x-www-form-urlencoded"
# One JSON value per line.
_LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
# Stands for a value while a template is checked. It is not a character, and it cannot complete a JSON escape.
_SAMPLE = "\ufdd0"
# A number as in RFC 8259, section 6, limited to a length that every reader accepts.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?")

Values = Iterator[tuple[str, JsonValue]]


def fill_body(text: str, content_type: str | None, look_up: LookUp) -> JsonValue:
    """The body `text` with each reference replaced by its value.

    A body that is one reference becomes its value, unchanged. In JSON, a value inside quotes is escaped, and a value
    outside quotes is written as JSON. In a form, a value is form-encoded. In any other text, it is inserted as text.

    Args:
        text: the body, as in the plan.
        content_type: the header, as in the plan; None: JSON if the text is JSON, otherwise text.
        look_up: returns the value of a reference.

    Raises:
        ReferenceMisplaced: a reference is in a place where a value cannot be inserted safely.
    """
    template = Template.of(text)
    values = template.values(look_up)
    if not template.expressions:
        return text
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if "${{" in media_type:
        raise ReferenceMisplaced("a body with references needs a fixed Content-Type; do not use a reference in it")
    if template.is_one_reference:
        return next(values)[1]
    if media_type.startswith("multipart/"):
        raise ReferenceMisplaced(
            "a multipart body cannot contain references; send JSON or a form, or build the body in a command"
        )
    if media_type == _FORM:
        return _form(template.text, values)
    if media_type in _LINES:
        return "\n".join(_json(line, values) if HOLE in line else line for line in template.text.split("\n"))
    if "json" in media_type or (not media_type.startswith("text/") and _looks_like_json(template.text, media_type)):
        return _json(template.text, values)
    return fill(template.text, values, lambda _, value: as_text(value))


def _looks_like_json(text: str, media_type: str) -> bool:
    """Whether a body is JSON without a header that says so. If there is no header, a body that starts like JSON is JSON."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return False
    return not media_type or _problem_of(text) is None


def _form(text: str, values: Values) -> str:
    if any(HOLE in pair.partition("=")[0] for pair in text.split("&")):
        raise ReferenceMisplaced(
            "in a form, a reference can only be the value of a field, as in name=${{ … }}; write the field's name in the plan"
        )
    if re.search(rf"%[0-9A-Fa-f]?{HOLE}", text):
        raise ReferenceMisplaced("the value would become part of a percent escape; write %25 for a percent sign")
    return fill(text, values, lambda _, value: quote_plus(as_text(value)))


def _json(text: str, values: Values) -> str:
    if problem := _problem_of(text):
        raise ReferenceMisplaced(problem)
    return "".join(fill(part, values, _in_quotes if quoted else _bare) for part, quoted in _parts(text))


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """The pieces of a JSON text, each with a flag that says whether it is a string."""
    for number, part in enumerate(re.split(r'("(?:[^"\\]|\\.)*")', text, flags=re.DOTALL)):
        yield part, number % 2 == 1


def _in_quotes(_: str, value: JsonValue) -> str:
    return json.dumps(as_text(value), ensure_ascii=False)[1:-1]


def _bare(_: str, value: JsonValue) -> str:
    """A JSON value. Outputs of commands are text, so the text of a number, true, false or null is written unquoted."""
    if isinstance(value, str) and (value in {"true", "false", "null"} or _NUMBER.fullmatch(value)):
        return value
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _problem_of(text: str) -> str | None:
    """Why a template is not valid JSON, or why a reference in it is misplaced. None if the template is valid."""
    problems: list[str] = []

    def members(pairs: list[tuple[str, JsonValue]]) -> None:
        if any(_SAMPLE in name for name, _ in pairs):
            problems.append("the name of a JSON member cannot come from a reference; write the name in the plan")

    # Inside quotes, the sample is text. Outside quotes, it is a complete value.
    sample = "".join(part.replace(HOLE, _SAMPLE if quoted else " null ") for part, quoted in _parts(text))
    try:
        json.loads(sample, object_pairs_hook=members)
    except (ValueError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
        return (
            f"the body is not valid JSON ({what}), so a value could change its structure; "
            "correct it, or set Content-Type: text/plain if it is text"
        )
    return problems[0] if problems else None
