"""Inserts referenced values into a URL. Each value stays within the part of the URL that contains its reference."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote, unquote

from app.domain.references import HOLE, LookUp, ReferenceMisplaced, Template, as_text, fill
from signoff.schemas.json_value import JsonValue

# RFC 3986, section 3: the same parts that the HTTP client sees.
_ADDRESS = re.compile(r"(https?://)([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(rf"(\[[^\]@{HOLE}]*\]|[^:\[\]@]*)(?::([^:@]*))?")
# The start of a URL, which a reference at the beginning may provide.
_BASE = re.compile(r"https?://[^/?#@\\\s]+(?:/[^?#]*)?", re.IGNORECASE)
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")

Values = Iterator[tuple[str, JsonValue]]


def fill_url(text: str, look_up: LookUp) -> JsonValue:
    """The URL `text` with each reference replaced by its value.

    A URL that is one reference becomes its value, unchanged. A reference at the start provides the start of a URL, up to its
    path. In the host, a value is the whole host or part of one label. In the port, it is a number. In a path segment, a query
    value or the fragment, it is percent-encoded. Numbers, lists and objects are first written as JSON.

    Raises:
        ReferenceMisplaced: a reference is anywhere else, or a value does not fit its place.
    """
    template = Template.of(text)
    values = template.values(look_up)
    if template.is_one_reference:
        return next(values)[1]
    if not template.expressions:
        return text
    if re.search(rf"%[0-9A-Fa-f]?{HOLE}", template.text):
        raise ReferenceMisplaced("the value would become part of a percent escape; write %25 for a percent sign")
    if template.text.startswith(HOLE):
        rest = template.text[1:]
        if not rest.startswith(("/", "?", "#")):
            raise ReferenceMisplaced(
                "a reference at the start provides the start of a URL, so '/', '?' or '#' must follow it; "
                "if the reference is a host, write http:// or https:// before it"
            )
        base = _base(*next(values))
        # The start may end with the same slash that the path begins with.
        start, path_on = (base.rstrip("/") if rest.startswith("/") else base), rest
        match = re.fullmatch(r"([^?#]*)(\?[^#]*)?(#.*)?", path_on, re.DOTALL)
        path, query, fragment = match.groups(default="") if match else ("", "", "")
    else:
        match = _ADDRESS.fullmatch(template.text)
        if match is None:
            raise ReferenceMisplaced("the URL must start with http:// or https://; no reference can be before or in it")
        scheme, authority, path, query, fragment = match.groups(default="")
        start = scheme + _authority(authority, values)
    return start + _path(path, values) + _query(query, values) + fill(fragment, values, _encoded)


def _base(reference: str, value: JsonValue) -> str:
    if not isinstance(value, str) or _BASE.fullmatch(value) is None:
        raise ReferenceMisplaced(
            f"the value of {reference} is not the start of a URL; it needs http:// or https:// and a host, "
            "and cannot contain a user name, '?' or '#'"
        )
    return value


def _authority(text: str, values: Values) -> str:
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        what = "a user name or password" if "@" in text else "a host and port that cannot be told apart"
        raise ReferenceMisplaced(f"the URL has {what}; a reference must be a whole host, without brackets, or a port")
    host, port = match.groups()
    filled = _host(*next(values)) if host == HOLE else fill(host, values, _label)
    if port is None:
        return filled
    if HOLE in port and port != HOLE:
        raise ReferenceMisplaced("a reference in the port must be the whole port")
    return f"{filled}:{fill(port, values, _port)}"


def _host(reference: str, value: JsonValue) -> str:
    """A host name or an IP address. No character in it can end the host."""
    text = value if isinstance(value, str) else ""
    if ":" in text and "%" not in text:
        with contextlib.suppress(ValueError):
            return f"[{ipaddress.IPv6Address(text)}]"
    # A text that equals its compatibility form contains no character that is later converted to '/' or '.'.
    labels = text.removesuffix(".").split(".")
    if unicodedata.normalize("NFKC", text) != text or not all(map(_is_label, labels)) or len(text) > 253:
        raise ReferenceMisplaced(
            f"the value of {reference} is not a host name; a port needs a separate reference: "
            "https://${{ … }}:${{ … }}/"
        )
    return text


def _is_label(text: str) -> bool:
    return 0 < len(text) <= 63 and all(char.isalnum() or char in "-_" for char in text)


def _label(reference: str, value: JsonValue) -> str:
    text = as_text(value)
    if _LABEL.fullmatch(text) is None:
        raise ReferenceMisplaced(
            f"the value of {reference} is part of a host name, so it may contain only letters, digits, '-' and '_'"
        )
    return text


def _port(reference: str, value: JsonValue) -> str:
    text = as_text(value)
    if re.fullmatch(r"[0-9]{1,5}", text) is None or not 1 <= int(text) <= 65535:
        raise ReferenceMisplaced(f"the value of {reference} is not a port: it must be a number from 1 to 65535")
    return text


def _path(text: str, values: Values) -> str:
    return "/".join(_segment(segment, values) for segment in text.split("/"))


def _segment(text: str, values: Values) -> str:
    """One segment of the path. A value stays inside it, even if the server decodes the path before it splits it."""
    if HOLE not in text:
        return text
    filled = fill(text, values, _encoded)
    if not filled:
        raise ReferenceMisplaced("a value is empty, which would remove its segment from the path")
    if {".", ".."} & set(re.split(r"[/\\]", unquote(filled))):
        raise ReferenceMisplaced("a value turns a path segment into '.' or '..', which would lead to a different path")
    return filled


def _query(text: str, values: Values) -> str:
    if any(HOLE in pair.partition("=")[0] for pair in re.split("[&;]", text)):
        raise ReferenceMisplaced(
            "in the query, a reference can only be the value of a parameter, as in ?name=${{ … }}; "
            "write the parameter's name in the plan"
        )
    return fill(text, values, _encoded)


def _encoded(_: str, value: JsonValue) -> str:
    return quote(as_text(value), safe="")
