"""Checks JSON against a schema in linear time, regardless of the patterns in the schema.

The patterns come from the author of the plan, and the text from a model. Python's own engine can take forever on a short text,
in one step that cannot be interrupted. RE2 always takes linear time, but supports neither look-around nor back-references.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from typing import Any, cast

import re2
from attrs import fields
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match  # pyright: ignore[reportUnknownVariableType] - it has no types
from jsonschema.validators import extend  # pyright: ignore[reportUnknownVariableType] - it has no types
from jsonschema_specifications import REGISTRY

from signoff.schemas.json_value import JsonObject, JsonValue

# These libraries do not provide types.
_FIELDS: Any = fields
_EXTEND = cast("Any", extend)
_BEST_MATCH = cast("Any", best_match)
_OPTIONS = re2.Options()
# We report problems with a pattern ourselves, instead of RE2 on standard error.
_OPTIONS.log_errors = False
# Levels of JSON. Functions that walk through a schema recurse at each level, and Python limits recursion.
MAX_SCHEMA_DEPTH = 100
# CPU seconds for one value. A schema with many alternatives, checked for each of many items, takes the product of both.
CHECK_SECONDS = 1.0
_DEADLINE: ContextVar[float | None] = ContextVar("deadline of a check", default=None)


class CheckTooSlow(Exception):
    """The check of a value took too long and was stopped."""


def is_shallow(schema: JsonValue) -> bool:
    """Whether a schema has at most `MAX_SCHEMA_DEPTH` levels of JSON."""
    level: list[JsonValue] = [schema]
    for _ in range(MAX_SCHEMA_DEPTH):
        level = [inner for part in level for inner in _parts_of(part)]
        if not level:
            return True
    return False


def _parts_of(value: JsonValue) -> Iterable[JsonValue]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def faults_of_value(schema: JsonObject, value: JsonValue, most: int) -> list[ValidationError]:
    """The first `most` places where a value does not match a schema.

    Raises:
        CheckTooSlow: the check takes longer than `CHECK_SECONDS` of CPU time.
    """
    token = _DEADLINE.set(time.thread_time() + CHECK_SECONDS)
    try:
        return list(islice(validator_of(schema).iter_errors(value), most))
    finally:
        _DEADLINE.reset(token)


def unknown_pattern(pattern: str) -> str | None:
    """Why a pattern cannot be used. None if it can."""
    try:
        _compiled(pattern)
    except re2.error as error:
        reason = str(error)
        return f"{reason} (patterns use RE2: no look-around, no back-references, at most 1000 repetitions)"
    return None


def validator_of(schema: JsonObject) -> Any:
    """A validator for a schema. It knows the standard's own schemas, and does not use the network."""
    return _Validator(schema, registry=REGISTRY)


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> re2.Pattern[str]:
    return re2.compile(pattern, _OPTIONS)


def _matches(pattern: str, text: str) -> bool:
    # RE2 does not accept a lone surrogate, which JSON can contain.
    return _compiled(pattern).search(text.encode("utf-8", "replace").decode()) is not None


def _pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _matches(pattern, instance):
        yield ValidationError(f"{instance[:200]!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: JsonObject, instance: Any, _schema: Any) -> Iterator[ValidationError]:
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
            yield ValidationError(f"The property {name!r} is not in the schema")
        else:
            yield from validator.descend(value, part, path=name)


def _unique_items(validator: Any, unique: bool, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if unique and validator.is_type(instance, "array"):
        seen: set[str] = set()
        for item in instance:
            key = json.dumps(_alike(item), sort_keys=True)
            if key in seen:
                yield ValidationError(f"{key[:200]} appears twice")
                return
            seen.add(key)


def _alike(value: JsonValue) -> JsonValue:
    """A normal form that is the same for values that JSON Schema treats as equal, such as 1 and 1.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _alike(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_alike(item) for item in value]
    return value


def _evolve(validator: Any, **changes: Any) -> Any:
    """The same validator for a part of the schema. jsonschema's own method changes the class for a part with a `$schema`.

    Every step into a part calls this function.

    Raises:
        CheckTooSlow: the time limit for the check is exceeded.
    """
    deadline = _DEADLINE.get()
    if deadline is not None and time.thread_time() > deadline:
        raise CheckTooSlow
    known = {field.alias: getattr(validator, field.name) for field in _FIELDS(type(validator)) if field.init}
    return type(validator)(**known | changes)


_Validator = _EXTEND(
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    },
)
_Validator.evolve = _evolve


def fault_of(schema: JsonObject) -> str | None:
    """Why a value is not a valid JSON schema (draft 2020-12). None if it is valid."""
    fault: Any = _BEST_MATCH(validator_of(cast("Any", Draft202012Validator).META_SCHEMA).iter_errors(schema))
    return None if fault is None else str(fault.message)[:500]
