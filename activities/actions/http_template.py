"""Inserts referenced values into the fields of an `http` task, with the escaping that each field needs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from activities.actions.netguard import check_url
from app.domain.body_template import fill_body
from app.domain.references import HOLE, LookUp, ReferenceMisplaced, Template, as_text, fill, resolve
from app.domain.url_template import fill_url
from signoff.schemas.json_value import JsonObject, JsonValue

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# RFC 6265, section 4.1.1: the characters allowed in a cookie's value. A ';' would start another cookie.
_COOKIE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")

Values = Iterator[tuple[str, JsonValue]]


def filled(fields: JsonObject, look_up: LookUp) -> JsonObject:
    """The fields with each reference replaced by its value. A value affects only the place of its reference.

    Raises:
        ReferenceMisplaced: a reference is in a place where a value cannot be inserted.
    """
    return {name: _fill(name, value, fields, look_up) for name, value in fields.items()}


def misplaced(fields: JsonObject) -> Iterator[tuple[str, str]]:
    """The fields with a reference where a value cannot be inserted safely, and the reasons."""
    for name, value in fields.items():
        try:
            result = _fill(name, value, fields, _samples(value if name == "url" else None))
        except ReferenceMisplaced as error:
            yield name, str(error)
        except ValueError:
            # The expression is not valid. The plan is refused for that elsewhere.
            continue
        else:
            yield from ((name, problem) for problem in _address_problems(value, result) if name == "url")


def _address_problems(text: JsonValue, sample: JsonValue) -> Iterator[str]:
    if not isinstance(text, str) or Template.of(text).is_one_reference:
        return
    try:
        check_url(str(sample))
    except ValueError as error:
        yield str(error)


def _fill(name: str, value: JsonValue, fields: JsonObject, look_up: LookUp) -> JsonValue:
    if name == "url" and isinstance(value, str):
        return fill_url(value, look_up)
    if name == "body" and isinstance(value, str):
        return fill_body(value, _content_type(fields), look_up)
    if name == "headers" and isinstance(value, dict):
        return {key: _header(str(key), text, look_up) for key, text in value.items()}
    if name == "save_to" and isinstance(value, str):
        return _file(value, look_up)
    return resolve(value, look_up)


def _content_type(fields: JsonObject) -> str | None:
    headers = fields.get("headers")
    if not isinstance(headers, dict):
        return None
    return next((as_text(text) for name, text in headers.items() if str(name).lower() == "content-type"), None)


def _header(name: str, text: JsonValue, look_up: LookUp) -> JsonValue:
    if not isinstance(text, str):
        return resolve(text, look_up)
    template = Template.of(text)
    values = template.values(look_up)
    if not template.expressions:
        return text
    if template.is_one_reference:
        return _in_header(*next(values))
    if name.lower() == "cookie":
        return fill(template.text, values, _in_cookie)
    # RFC 9110, section 5.6.4: inside quotes, a quote and a backslash are escaped.
    parts = re.split(r'("(?:[^"\\]|\\.)*")', template.text)
    return "".join(fill(part, values, _quoted if number % 2 else _in_header) for number, part in enumerate(parts))


def _in_header(reference: str, value: JsonValue) -> str:
    text = as_text(value)
    if _CONTROL.search(text):
        raise ReferenceMisplaced(
            f"the value of {reference} contains a line break or control character, which a header cannot contain"
        )
    return text


def _quoted(reference: str, value: JsonValue) -> str:
    return re.sub(r'(["\\])', r"\\\1", _in_header(reference, value))


def _in_cookie(reference: str, value: JsonValue) -> str:
    text = as_text(value)
    if _COOKIE.fullmatch(text) is None:
        raise ReferenceMisplaced(
            f"the value of {reference} contains a character that a cookie cannot contain, such as ';' or a space"
        )
    return text


def _file(text: str, look_up: LookUp) -> JsonValue:
    """A path in the workspace. A value is a whole path, or stays inside one name."""
    template = Template.of(text)
    values = template.values(look_up)
    if template.is_one_reference:
        return next(values)[1]
    return "/".join(_name(name, values) for name in template.text.split("/"))


def _name(text: str, values: Values) -> str:
    if HOLE not in text:
        return text
    name = fill(text, values, lambda _, value: as_text(value))
    if name in {"", ".", ".."} or re.search(r"[/\\\0]", name):
        raise ReferenceMisplaced("a value in a file name is empty, '.' or '..', or contains a '/'")
    return name


def _samples(text: JsonValue) -> LookUp:
    """Sample values that fit every place. At the start of a URL, only the start of a URL fits."""
    at_start = iter(["http://example.org"] if isinstance(text, str) and Template.of(text).text.startswith(HOLE) else [])
    return lambda _: next(at_start, "1")
