"""Nothing that a caller sends is ignored: parameters and conditions that an operation does not take are refused.

What an operation takes is what the OpenAPI document says of it. Conditions of safe methods stay: browsers and proxies add them
by themselves, and an answer that does not heed them is still right.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from app.api.openapi_document import operations
from app.domain.errors import BadRequest, Problem

# Header fields that change what a request does, where they are heeded.
_CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Idempotency-Key")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_SHOWN_LENGTH = 64
_MAX_SHOWN = 10


@dataclass(frozen=True)
class KnownInputs:
    """The names of query parameters and of header fields that an operation takes; those of fields in lower case."""

    query: tuple[str, ...]
    headers: frozenset[str]


def known_inputs(document: dict[str, Any]) -> dict[str, KnownInputs]:
    """What each operation of an OpenAPI document takes, by its id."""
    found: dict[str, KnownInputs] = {}
    for _, _, operation in operations(document):
        names: dict[str, list[str]] = {"query": [], "header": [], "path": []}
        for parameter in operation.get("parameters", []):
            names[parameter["in"]].append(parameter["name"])
        headers = frozenset(name.lower() for name in names["header"])
        found[operation["operationId"]] = KnownInputs(tuple(names["query"]), headers)
    return found


class RefuseUnknownInputs:
    """A guard for every operation, once it has learned what they take."""

    def __init__(self) -> None:
        self._known: dict[str, KnownInputs] = {}

    def learn(self, document: dict[str, Any]) -> None:
        """Take what operations take from the OpenAPI document."""
        self._known = known_inputs(document)

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Let a request pass that sends nothing that its operation does not take.

        Raises:
            BadRequest: it sends more; `details` has each.
        """
        known = self._known.get(str(getattr(handler, "operation_id", None)))
        if known is None:
            return
        scope: dict[str, Any] = {**connection.scope}
        _check_query(scope["query_string"], known)
        if scope["method"] not in _SAFE:
            _check_headers(connection, known)


def _check_query(query: bytes, known: KnownInputs) -> None:
    names = Counter(name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    problems: list[Problem] = []
    for name, count in names.items():
        if name not in known.query:
            takes = f"known: {', '.join(known.query)}" if known.query else "this address takes none"
            message = f"There is no query parameter '{name[:_MAX_SHOWN_LENGTH]}' here; {takes}."
            problems.append(Problem(field=name[:_MAX_SHOWN_LENGTH], message=message))
        elif count > 1:
            message = f"The query parameter '{name}' is there {count} times; send it once."
            problems.append(Problem(field=name, message=message))
    if problems:
        raise BadRequest(problems[0].message, code="unknown_parameter", details=problems[:_MAX_SHOWN])


def _check_headers(connection: ASGIConnection[Any, Any, Any, Any], known: KnownInputs) -> None:
    for name in _CONDITIONS:
        if name in connection.headers and name.lower() not in known.headers:
            message = f"This call does not take {name}, and would be carried out whatever it says; leave it out."
            raise BadRequest(message, code="unsupported_header", details=[Problem(field=name, message=message)])
