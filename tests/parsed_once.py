"""Has the apps of one process share what Litestar computes from the code of their handlers, which takes most of a start."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from litestar import Litestar
from litestar._signature import SignatureModel
from litestar.openapi.spec import OpenAPI
from litestar.utils.signature import ParsedSignature


def share_what_is_parsed(patch: pytest.MonkeyPatch) -> None:
    """Compute each handler's signature and each OpenAPI document once, for all apps until `patch` is undone."""
    _share_documents(patch)
    _share_signatures(patch)


def _share_documents(patch: pytest.MonkeyPatch) -> None:
    made: dict[str, OpenAPI] = {}
    build = Litestar.openapi_schema.__get__

    def document(app: Litestar) -> OpenAPI:
        assert app.openapi_config is not None
        key = str(app.openapi_config.security)  # the only part that depends on the settings
        if key not in made:
            made[key] = build(app)
            made[key].to_schema = functools.cache(made[key].to_schema)  # type: ignore[method-assign]
        return made[key]

    patch.setattr(Litestar, "openapi_schema", property(document))


def _share_signatures(patch: pytest.MonkeyPatch) -> None:
    parse, create = ParsedSignature.from_fn, SignatureModel.create
    parsed: dict[Callable[..., Any], ParsedSignature] = {}
    # The signature is part of the key, so the handler that it belongs to stays, and its id is not used again.
    models: dict[tuple[int, frozenset[str]], tuple[ParsedSignature, type[SignatureModel]]] = {}

    def from_fn(fn: Callable[..., Any], namespace: dict[str, Any]) -> ParsedSignature:
        if fn.__qualname__.endswith("<lambda>"):
            # Each app has its own, which hold on to its services.
            return parse(fn, namespace)
        # Each app has its own controllers. What they share are the functions.
        key = getattr(fn, "__func__", fn)
        if key not in parsed:
            parsed[key] = parse(fn, namespace)
        return parsed[key]

    def model(dependency_name_set: set[str], parsed_signature: ParsedSignature, **others: Any) -> type[SignatureModel]:
        key = id(parsed_signature), frozenset(dependency_name_set)
        if key not in models:
            made = create(dependency_name_set=dependency_name_set, parsed_signature=parsed_signature, **others)
            models[key] = parsed_signature, made
        return models[key][1]

    patch.setattr(ParsedSignature, "from_fn", staticmethod(from_fn))
    patch.setattr(SignatureModel, "create", staticmethod(model))
