"""ETags, and the If-Match that holds a change to what its sender has read (RFC 9110, sections 8.8.3 and 13.1.1)."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request

from app.domain.errors import BadRequest, PreconditionFailed

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[ \t]*(?:{_TAG})?[ \t]*(?:,[ \t]*(?:{_TAG})?[ \t]*)*")
_ANY_TAG = re.compile(_TAG)


def etag(value: str) -> dict[str, str]:
    """The header with a strong tag."""
    return {"ETag": f'"{value}"'}


def revision_tag(revision: int) -> str:
    """The value of a project's tag: it counts the changes of what clients may set."""
    return f"r{revision}"


def wanted_tags(request: Request[Any, Any, Any]) -> frozenset[str] | None:
    """The values of the tags that If-Match names; None where everything matches.

    A weak tag never matches, for If-Match compares strongly.

    Raises:
        BadRequest: it is not a list of quoted tags.
    """
    lines = request.headers.getall("if-match", [])
    if not lines or [line.strip() for line in lines] == ["*"]:
        return None
    given = ",".join(lines)
    tags: list[str] = _ANY_TAG.findall(given)
    if not _LIST.fullmatch(given) or not tags:
        raise BadRequest('If-Match takes "*" or quoted tags, such as "r3", as ETag has them.', code="bad_if_match")
    return frozenset(tag[1:-1] for tag in tags if not tag.startswith("W/"))


def check_match(wanted: frozenset[str] | None, current: str | None) -> None:
    """Make sure that the tag that stands is among those wanted.

    Raises:
        PreconditionFailed: it is not; `context` has it as `etag`.
    """
    if wanted is None or current in wanted:
        return
    raise PreconditionFailed(
        "It was changed since you read it; read it again, then decide.",
        context={"etag": f'"{current}"' if current is not None else None},
    )
