"""Refuses query parameters and conditional headers that an operation does not support, instead of ignoring them.

A query parameter with an empty value, as forms send it, is treated as if it was not sent.

An operation supports what its handler's signature names, and the headers that `further_headers` adds. The OpenAPI document
says the same, but making the document takes as long as the rest of the app's start. Conditional headers of safe methods are not
refused: browsers and proxies add them automatically, and an answer that ignores them is still correct.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import ParameterKwarg

from app.api.openapi.further_headers import further_headers
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
    """The query parameters and header fields that an operation supports. The names of the fields are in lower case.

    `needed` are the query parameters that it cannot do without.
    """

    query: tuple[str, ...]
    needed: tuple[str, ...]
    headers: frozenset[str]


def known_inputs(handler: HTTPRouteHandler, operation_id: str) -> KnownInputs:
    """The inputs that an operation supports."""
    names: dict[str, list[str]] = {"query": [], "header": []}
    needed: list[str] = []
    for name, field in handler.parsed_fn_signature.parameters.items():
        parameter = field.kwarg_definition
        if isinstance(parameter, ParameterKwarg) and not field.is_di_field and parameter.param_type in names:
            names[parameter.param_type].append(parameter.name or name)
            if parameter.param_type == "query" and not field.has_default and not field.is_optional:
                needed.append(parameter.name or name)
    further = (name for method in handler.http_methods for name in further_headers(operation_id, method.lower()))
    return KnownInputs(
        tuple(names["query"]), tuple(needed), frozenset(name.lower() for name in (*names["header"], *further))
    )


class RefuseUnknownInputs:
    """A check of all operations (`app.api.http.checked`)."""

    def __init__(self) -> None:
        self._known: dict[str, KnownInputs] = {}

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Let a request pass if its operation supports everything that it sends.

        Raises:
            BadRequest: the request has unsupported inputs; `details` lists each.
        """
        if not isinstance(handler, HTTPRouteHandler) or not isinstance(operation_id := handler.operation_id, str):
            return
        if operation_id not in self._known:
            self._known[operation_id] = known_inputs(handler, operation_id)
        known = self._known[operation_id]
        scope: Json = cast("Json", connection.scope)
        query: bytes = scope["query_string"]
        if query:
            _check_query(query, known)
            # The parameters are parsed from here after all checks.
            connection.scope["query_string"] = query = _without_empty(query)
        if known.needed:
            _check_needed(query, known)
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


def _without_empty(query: bytes) -> bytes:
    return b"&".join(part for part in query.split(b"&") if part.partition(b"=")[2])


def _check_needed(query: bytes, known: KnownInputs) -> None:
    sent = {name for name, _ in parse_qsl(query.decode("latin-1"))}
    missing = [name for name in known.needed if name not in sent]
    if missing:
        details = [Problem(field=name, message=f"The query parameter '{name}' is missing.") for name in missing]
        raise BadRequest(details[0].message, details=details)


def _check_headers(connection: ASGIConnection[Any, Any, Any, Any], known: KnownInputs) -> None:
    for name in _CONDITIONS:
        if name in connection.headers and name.lower() not in known.headers:
            message = f"This operation does not support {name} and would ignore it. Leave it out."
            raise BadRequest(message, code="unsupported_header", details=[Problem(field=name, message=message)])
