"""Refuses query parameters and conditional headers that an operation does not support, instead of ignoring them.

The OpenAPI document defines what an operation supports. Conditional headers of safe methods are not refused: browsers and
proxies add them automatically, and an answer that ignores them is still correct.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from app.api.openapi.document import operations
from app.api.openapi.json_document import Json
from app.domain.errors import BadRequest
from signoff.schemas.problems import Problem

# Header fields that change what a request does if the operation supports them.
_CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Idempotency-Key")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_SHOWN_LENGTH = 64
_MAX_SHOWN = 10


@dataclass(frozen=True)
class KnownInputs:
    """The query parameters and header fields that an operation supports. The names of the fields are in lower case."""

    query: tuple[str, ...]
    headers: frozenset[str]


def known_inputs(document: Json) -> dict[str, KnownInputs]:
    """The inputs that each operation of an OpenAPI document supports, by operation id."""
    inputs: dict[str, KnownInputs] = {}
    for _, _, operation in operations(document):
        names: dict[str, list[str]] = {"query": [], "header": [], "path": []}
        for parameter in operation.get("parameters", []):
            names[parameter["in"]].append(parameter["name"])
        headers = frozenset(name.lower() for name in names["header"])
        inputs[operation["operationId"]] = KnownInputs(tuple(names["query"]), headers)
    return inputs


class RefuseUnknownInputs:
    """A guard for all operations. It must first learn their inputs with `learn`."""

    def __init__(self) -> None:
        self._known: dict[str, KnownInputs] = {}

    def learn(self, document: Json) -> None:
        """Read the inputs of all operations from the OpenAPI document."""
        self._known = known_inputs(document)

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Let a request pass if its operation supports everything that it sends.

        Raises:
            BadRequest: the request has unsupported inputs; `details` lists each.
        """
        known = self._known.get(str(getattr(handler, "operation_id", None)))
        if known is None:
            return
        scope: Json = {**connection.scope}
        _check_query(scope["query_string"], known)
        if scope["method"] not in _SAFE:
            _check_headers(connection, known)


def _check_query(query: bytes, known: KnownInputs) -> None:
    names = Counter(name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    problems: list[Problem] = []
    for name, count in names.items():
        if name not in known.query:
            supported = f"It supports {', '.join(known.query)}." if known.query else "It has no query parameters."
            message = f"This address has no query parameter '{name[:_MAX_SHOWN_LENGTH]}'. {supported}"
            problems.append(Problem(field=name[:_MAX_SHOWN_LENGTH], message=message))
        elif count > 1:
            message = f"The query parameter '{name}' was sent {count} times. Send it once."
            problems.append(Problem(field=name, message=message))
    if problems:
        raise BadRequest(problems[0].message, code="unknown_parameter", details=problems[:_MAX_SHOWN])


def _check_headers(connection: ASGIConnection[Any, Any, Any, Any], known: KnownInputs) -> None:
    for name in _CONDITIONS:
        if name in connection.headers and name.lower() not in known.headers:
            message = f"This operation does not support {name} and would ignore it. Leave it out."
            raise BadRequest(message, code="unsupported_header", details=[Problem(field=name, message=message)])
