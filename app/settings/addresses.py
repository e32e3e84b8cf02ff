"""Checks of the addresses in the settings: where people reach the app, which other sites may use it, where traces go."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, StringConstraints

# The first parts of the app's own paths. A prefix that begins with one of them could not be told from them.
_OWN = frozenset(
    "api assets docs favicon.svg health inbox metrics new projects ready schema settings sign".split()  # noqa: SIM905
)
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be an address without a user, a query and a fragment")
    if not _PATH.fullmatch(parts.path) or {".", ".."} & set(parts.path.split("/")):
        raise ValueError("the path may have letters, digits, and the characters . _ ~ - only")
    first = parts.path.strip("/").partition("/")[0]
    if first in _OWN:
        raise ValueError(f"the path must not begin with /{first}, which is a path of the app itself")
    return value


def _origins(values: list[str]) -> list[str]:
    origins = [value.lower().rstrip("/") for value in values]
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"'{origin}' is not an origin such as https://tools.example.com; wildcards are not supported"
            )
    return origins


PublicUrl = Annotated[str, StringConstraints(pattern=r"^$|^https?://\S+$"), AfterValidator(_public_url)]
Origins = Annotated[list[str], AfterValidator(_origins)]
# Where traces are sent; `none` sends none.
Collector = Annotated[str, StringConstraints(pattern=r"^$|^none$|^https?://[^\s]+$")]
# HOST:PORT to listen at.
Listener = Annotated[str, StringConstraints(pattern=r"^$|^(\[[0-9A-Fa-f:]+\]|[^\s:/]+):[0-9]{1,5}$")]
