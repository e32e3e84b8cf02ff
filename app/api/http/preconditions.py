"""ETags, and If-Match, which refuses a change to data that its sender has not read (RFC 9110, 8.8.3 and 13.1.1)."""

from __future__ import annotations

import re

from app.api.http.any_request import AnyRequest
from app.domain.errors import BadRequest, PreconditionFailed

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[ \t]*(?:{_TAG})?[ \t]*(?:,[ \t]*(?:{_TAG})?[ \t]*)*")
_ANY_TAG = re.compile(_TAG)


def etag(value: str) -> dict[str, str]:
    """The ETag header with a strong tag."""
    return {"ETag": f'"{value}"'}


def revision_tag(revision: int) -> str:
    """The value of a project's tag. The revision counts changes to the fields that clients may set."""
    return f"r{revision}"


def wanted_tags(request: AnyRequest) -> frozenset[str] | None:
    """The values of the tags in If-Match; None if every version matches.

    Weak tags are left out, because If-Match requires a strong comparison.

    Raises:
        BadRequest: If-Match is not a list of quoted tags.
    """
    lines = request.headers.getall("if-match", [])
    if not lines or [line.strip() for line in lines] == ["*"]:
        return None
    text = ",".join(lines)
    tags: list[str] = _ANY_TAG.findall(text)
    if not _LIST.fullmatch(text) or not tags:
        raise BadRequest('If-Match must be * or quoted tags from ETag, such as "r3".', code="bad_if_match")
    return frozenset(tag[1:-1] for tag in tags if not tag.startswith("W/"))


def check_match(wanted: frozenset[str] | None, current: str | None) -> None:
    """Check that the current tag is among the wanted ones.

    Raises:
        PreconditionFailed: the current tag is not among them; `context` has it as `etag`.
    """
    if wanted is None or current in wanted:
        return
    raise PreconditionFailed(
        "This has changed since you read it. Read it again, then decide.",
        context={"etag": f'"{current}"' if current is not None else None},
    )
