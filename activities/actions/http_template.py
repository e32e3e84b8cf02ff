"""References in the fields of an `http` task: what each field does with the values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from activities.actions.netguard import check_url
from app.domain.body_template import fill_body
from app.domain.references import HOLE, LookUp, ReferenceMisplaced, Template, as_text, fill, resolve
from app.domain.url_template import fill_url

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# RFC 6265, 4.1.1: what a cookie's value may hold; a ';' would begin another cookie.
_COOKIE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")

Values = Iterator[tuple[str, Any]]


def filled(fields: dict[str, Any], look_up: LookUp) -> dict[str, Any]:
    """The fields with the values of their references, each value where its reference stands and nowhere else.

    Raises:
        ReferenceMisplaced: a value cannot stand where its reference does.
    """
    return {name: _fill(name, value, fields, look_up) for name, value in fields.items()}


def misplaced(fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields in which a reference stands where no value can be put in safely, and why."""
    for name, value in fields.items():
        try:
            result = _fill(name, value, fields, _samples(value if name == "url" else None))
        except ReferenceMisplaced as error:
            yield name, str(error)
        except ValueError:
            # An expression that is none; the plan is refused for that elsewhere.
            continue
        else:
            yield from ((name, problem) for problem in _address_problems(value, result) if name == "url")


def _address_problems(text: Any, sample: Any) -> Iterator[str]:
    if not isinstance(text, str) or Template.of(text).is_one_reference:
        return
    try:
        check_url(sample)
    except ValueError as error:
        yield str(error)


def _fill(name: str, value: Any, fields: dict[str, Any], look_up: LookUp) -> Any:
    if name == "url" and isinstance(value, str):
        return fill_url(value, look_up)
    if name == "body" and isinstance(value, str):
        return fill_body(value, _content_type(fields), look_up)
    if name == "headers" and isinstance(value, dict):
        return {key: _header(str(key), text, look_up) for key, text in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if name == "save_to" and isinstance(value, str):
        return _file(value, look_up)
    return resolve(value, look_up)


def _content_type(fields: dict[str, Any]) -> str | None:
    headers = fields.get("headers")
    if not isinstance(headers, dict):
        return None
    return next((as_text(text) for name, text in headers.items() if str(name).lower() == "content-type"), None)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _header(name: str, text: Any, look_up: LookUp) -> Any:
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
    # RFC 9110, 5.6.4: within quotes, a quote and a backslash are escaped.
    parts = re.split(r'("(?:[^"\\]|\\.)*")', template.text)
    return "".join(fill(part, values, _quoted if number % 2 else _in_header) for number, part in enumerate(parts))


def _in_header(reference: str, value: Any) -> str:
    text = as_text(value)
    if _CONTROL.search(text):
        raise ReferenceMisplaced(
            f"the value of {reference} holds a line break or control character, which no header can"
        )
    return text


def _quoted(reference: str, value: Any) -> str:
    return re.sub(r'(["\\])', r"\\\1", _in_header(reference, value))


def _in_cookie(reference: str, value: Any) -> str:
    text = as_text(value)
    if _COOKIE.fullmatch(text) is None:
        raise ReferenceMisplaced(
            f"the value of {reference} holds a character that no cookie can hold, such as ';' or a space"
        )
    return text


def _file(text: str, look_up: LookUp) -> Any:
    """A path in the workspace: a value is a whole path, or stays inside of one name."""
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
        raise ReferenceMisplaced("a value in the name of a file is empty, '.', '..', or holds a '/'")
    return name


def _samples(text: Any) -> LookUp:
    """Values that fit every place; at the start of an address only the beginning of one does."""
    at_start = iter(["http://example.org"] if isinstance(text, str) and Template.of(text).text.startswith(HOLE) else [])
    return lambda _: next(at_start, "1")
