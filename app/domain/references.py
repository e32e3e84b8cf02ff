"""References `${{ … }}`, with which a task's inputs use outputs of other tasks, parameters, facts about the project, and secrets.

A value that is exactly one reference keeps the type of what it refers to. Inside a longer text, the value becomes text.
Text with its own syntax, such as a URL, is a `Template`: its structure comes from the plan alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from signoff.schemas.json_value import JsonObject, JsonValue

# An expression contains neither `}}` nor another `${{`. So "${{ a }} and ${{ b }}" is two expressions, and text of any length
# is read in one pass.
_REFERENCE = re.compile(r"\$\{\{((?:(?!\}\}|\$\{\{).)*)\}\}", re.DOTALL)
_TASK = re.compile(r"tasks\.([a-z][a-z0-9_-]{0,63})\.outputs\.([A-Za-z_][A-Za-z0-9_-]{0,63})")
_PROJECT = re.compile(r"project\.(id|name|description)")
_SIGNOFF = re.compile(r"signoff\.(url)")
_PARAMETER = re.compile(r"parameters\.([A-Za-z_][A-Za-z0-9_]{0,63})")
_SECRET = re.compile(r"secrets\.([A-Za-z_][A-Za-z0-9_]{0,63})")


class Reference(NamedTuple):
    """A parsed reference. Its `kind` is `task`, `parameter`, `project`, `signoff` or `secret`."""

    kind: str
    name: str
    output: str | None = None


def parse(expression: str) -> Reference:
    """Parse the text between `${{` and `}}`.

    Raises:
        ValueError: the text is not a reference; the message lists the valid forms.
    """
    if match := _TASK.fullmatch(expression):
        return Reference("task", match[1], match[2])
    if match := _PARAMETER.fullmatch(expression):
        return Reference("parameter", match[1])
    if match := _PROJECT.fullmatch(expression):
        return Reference("project", match[1])
    if match := _SIGNOFF.fullmatch(expression):
        return Reference("signoff", match[1])
    if match := _SECRET.fullmatch(expression):
        return Reference("secret", match[1])
    raise ValueError(
        f"unknown reference '{expression}'; use tasks.<key>.outputs.<name>, parameters.<name>, project.name, project.id, "
        "project.description, signoff.url or secrets.<NAME>"
    )


def expressions(value: JsonValue) -> Iterator[str]:
    """All expressions in a JSON value, in order."""
    if isinstance(value, str):
        yield from (match[1].strip() for match in _REFERENCE.finditer(value))
    elif isinstance(value, dict):
        for item in value.values():
            yield from expressions(item)
    elif isinstance(value, list):
        for item in value:
            yield from expressions(item)


def is_parameter(expression: str) -> bool:
    """Whether an expression is a parameter of the plan."""
    return _PARAMETER.fullmatch(expression) is not None


def names_with_references(value: JsonValue) -> Iterator[str]:
    """Names of members of a JSON value that contain a reference. References in names are never resolved."""
    if isinstance(value, dict):
        for name, item in value.items():
            if _REFERENCE.search(name):
                yield name
            yield from names_with_references(item)
    elif isinstance(value, list):
        for item in value:
            yield from names_with_references(item)


def referenced_tasks(value: JsonValue) -> list[str]:
    """Keys of the tasks whose outputs `value` uses. Malformed references are ignored; validation reports them."""
    return list(outputs_used(value))


def outputs_used(value: JsonValue) -> dict[str, list[str]]:
    """The names of the outputs that `value` uses, by the key of their task. Malformed references are ignored."""
    used: dict[str, dict[str, None]] = {}
    for expression in expressions(value):
        if match := _TASK.fullmatch(expression):
            used.setdefault(match[1], {})[match[2]] = None
    return {key: list(names) for key, names in used.items()}


def resolved_fields(fields: JsonObject, look_up: LookUp) -> JsonObject:
    """`fields` with every reference replaced by the result of `look_up`. Names stay as they are."""
    return {name: resolve(value, look_up) for name, value in fields.items()}


def resolve(value: JsonValue, look_up: Callable[[Reference], JsonValue]) -> JsonValue:
    """`value` with every reference replaced by the result of `look_up`."""
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return look_up(parse(whole[1].strip()))
        return _REFERENCE.sub(lambda match: as_text(look_up(parse(match[1].strip()))), value)
    if isinstance(value, dict):
        return {key: resolve(item, look_up) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, look_up) for item in value]
    return value


# Stands for a reference in the text of a template. Plans cannot contain NUL, because databases refuse it.
HOLE = "\0"
LookUp = Callable[[Reference], JsonValue]


class ReferenceMisplaced(ValueError):
    """A value cannot be inserted safely where its reference is, or does not fit there. The message says what to do."""


class Template(NamedTuple):
    """Text that is parsed before any value is inserted. `text` contains one `HOLE` for each of `expressions`."""

    text: str
    expressions: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Template:
        """Parse a text of a plan as a template."""
        if HOLE in text:
            raise ReferenceMisplaced("text with references cannot contain a NUL character")
        return cls(_REFERENCE.sub(HOLE, text), tuple(expressions(text)))

    @property
    def is_one_reference(self) -> bool:
        """Whether the text is exactly one reference."""
        return self.text == HOLE

    def values(self, look_up: LookUp) -> Iterator[tuple[str, JsonValue]]:
        """For each hole, in order: its expression as written in the plan, and its value."""
        for expression in self.expressions:
            yield f"${{{{ {expression} }}}}", look_up(parse(expression))


def fill(text: str, values: Iterator[tuple[str, JsonValue]], encode: Callable[[str, JsonValue], str]) -> str:
    """`text` with each hole replaced by the next of `values`, encoded with `encode`."""
    return re.sub(HOLE, lambda _: encode(*next(values)), text)


def input_variable(name: str) -> str:
    """Name of the environment variable that holds an input for a command."""
    return f"INPUT_{name.upper()}"


def as_text(value: JsonValue) -> str:
    """A value as text, or for an environment variable: strings unchanged, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
