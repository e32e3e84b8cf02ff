"""Checking JSON by a schema in time that grows with the size of both, whatever its patterns are.

A pattern of a schema comes from whoever made the plan, and what is matched from a model. Python's own engine can take for
ever over a short text, in one step that nothing interrupts. RE2 cannot, and has no look-around and no back-references.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from typing import Any, cast

import re2  # pyright: ignore[reportMissingTypeStubs]
from attrs import fields
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match  # pyright: ignore[reportUnknownVariableType]
from jsonschema.validators import extend  # pyright: ignore[reportUnknownVariableType]
from jsonschema_specifications import REGISTRY  # pyright: ignore[reportMissingTypeStubs]

# None of these has types of its own.
_REGISTRY: Any = REGISTRY
_RE2: Any = re2
_FIELDS: Any = fields
_OPTIONS: Any = re2.Options()
# What is wrong with a pattern is said by us, not on standard error.
_OPTIONS.log_errors = False
# Levels of JSON. Whatever walks through a schema calls itself at each level, and Python has an end to that.
MAX_SCHEMA_DEPTH = 100
# Processor time for one value: a schema of many alternatives, tried on each of many items, takes their product.
CHECK_SECONDS = 1.0
_DEADLINE: ContextVar[float | None] = ContextVar("deadline of a check", default=None)


class CheckTooSlow(Exception):
    """A value was not checked to its end."""


def is_shallow(schema: Any) -> bool:
    """Whether a schema has at most `MAX_SCHEMA_DEPTH` levels of JSON."""
    level: list[Any] = [schema]
    for _ in range(MAX_SCHEMA_DEPTH):
        level = [inner for part in level for inner in _parts_of(part)]
        if not level:
            return True
    return False


def _parts_of(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("list[Any]", value) if isinstance(value, list) else ()


def faults_of_value(schema: dict[str, Any], value: Any, most: int) -> list[ValidationError]:
    """The first `most` places where a value does not fit a schema.

    Raises:
        CheckTooSlow: after `CHECK_SECONDS` of processor time.
    """
    token = _DEADLINE.set(time.thread_time() + CHECK_SECONDS)
    try:
        return list(islice(validator_of(schema).iter_errors(value), most))
    finally:
        _DEADLINE.reset(token)


def unknown_pattern(pattern: str) -> str | None:
    """Why a pattern cannot be used; None where it can."""
    try:
        _compiled(pattern)
    except _RE2.error as error:
        said = str(error)
        return f"{said} (patterns are those of RE2, without look-around and back-references; repeat at most 1000 times)"
    return None


def validator_of(schema: dict[str, Any]) -> Any:
    """What checks values by a schema; it knows the standard's own schemas, and looks nothing up in the network."""
    return _Validator(schema, registry=_REGISTRY)


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> Any:
    return _RE2.compile(pattern, _OPTIONS)


def _matches(pattern: str, text: str) -> bool:
    # RE2 does not accept half a surrogate pair, which JSON can hold.
    return _compiled(pattern).search(text.encode("utf-8", "replace").decode()) is not None


def _pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _matches(pattern, instance):
        yield ValidationError(f"{instance[:200]!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: dict[str, Any], instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, part in patterns.items():
        for name, value in instance.items():
            if _matches(pattern, name):
                yield from validator.descend(value, part, path=name, schema_path=pattern)


def _additional_properties(validator: Any, part: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    patterns = list(schema.get("patternProperties", {}))
    for name, value in instance.items():
        if name in schema.get("properties", {}) or any(_matches(pattern, name) for pattern in patterns):
            continue
        if part is False:
            yield ValidationError(f"The property {name!r} is not one of the schema's")
        else:
            yield from validator.descend(value, part, path=name)


def _unique_items(validator: Any, unique: bool, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if unique and validator.is_type(instance, "array"):
        seen: set[str] = set()
        for item in instance:
            key = json.dumps(_alike(item), sort_keys=True)
            if key in seen:
                yield ValidationError(f"{key[:200]} is there twice")
                return
            seen.add(key)


def _alike(value: Any) -> Any:
    """The same for values that JSON Schema takes for equal: 1 and 1.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _alike(item) for name, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_alike(item) for item in cast("list[Any]", value)]
    return value


def _evolve(validator: Any, **changes: Any) -> Any:
    """The same validator for a part of the schema: jsonschema's own takes another class for a part with a `$schema`.

    Every step into a part comes through here.

    Raises:
        CheckTooSlow: the time for the check is over.
    """
    deadline = _DEADLINE.get()
    if deadline is not None and time.thread_time() > deadline:
        raise CheckTooSlow
    known = {field.alias: getattr(validator, field.name) for field in _FIELDS(type(validator)) if field.init}
    return type(validator)(**known | changes)


_Validator: Any = extend(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    },
)
_Validator.evolve = _evolve


def fault_of(schema: dict[str, Any]) -> str | None:
    """What keeps a value from being a JSON schema of draft 2020-12; None where it is one."""
    best: Any = best_match  # pyright: ignore[reportUnknownVariableType]
    found: Any = best(validator_of(cast("Any", Draft202012Validator).META_SCHEMA).iter_errors(schema))
    return None if found is None else str(found.message)[:500]
