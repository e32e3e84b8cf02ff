"""Reads attributes `{#key name=value flag}` at the end of a line (Pandoc's syntax) and their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from app.domain.patterns import Pattern
from app.domain.plan import Condition, OutputCondition, TaskCondition

_PART = re.compile(
    r'\s*(?:\#(?P<key>[^\s{}"=]*)'
    r'|(?P<name>[A-Za-z][A-Za-z0-9_-]*)(?:=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s{}"]*)))?)(?=[\s}]|$)'
)
# A block ends its line, or is directly before the command: `Title {#key}: ` followed only by inline code.
_END = re.compile(r"\s*\}(?:\s*$|(?=\s*:?\s*`[^`].*`\s*$))")
_MISSHAPEN = re.compile(r"\{\s*(?:#|[A-Za-z_-]+\s*=)[^{}]*(?:\}\s*)?$")
_ESCAPE = re.compile(r"\\(.)")
_PLAIN = re.compile(r'[^\s{}"]+')
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhd]?)")
_CONDITION = re.compile(r"(?P<name>[^:.!]+)(?:\.(?P<output>[^:!]+))?(?P<operator>:|!=)(?P<values>.*)", re.DOTALL)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}

KEY = "#"


class Attribute(NamedTuple):
    """One attribute. The name of a key is `#`, the value of a flag is None, and `column` counts from 0 in the line."""

    name: str
    value: str | None
    column: int


def read_block(line: str, start: int) -> tuple[list[Attribute], int] | None:
    """The attributes of the block that opens at `start`, and the column where it ends. None if there is no such block.

    A block is at the end of its line, or only inline code follows it.
    """
    attributes: list[Attribute] = []
    position = start + 1
    while match := _PART.match(line, position):
        attributes.append(_attribute(match))
        position = match.end()
    end = _END.match(line, position)
    return (attributes, end.end()) if attributes and end is not None else None


def looks_misshapen(line: str, start: int) -> bool:
    """Whether the text at `start` was probably meant as attributes, although it is not valid."""
    return _MISSHAPEN.match(line, start) is not None


def read_words(text: str) -> Iterator[Attribute | int]:
    """The attributes in the info string of a fence. An int is the column of invalid text, and is the last item."""
    position = 0
    while text[position:].strip():
        match = _PART.match(text, position)
        if match is None:
            yield position
            return
        yield _attribute(match)
        position = match.end()


def write(name: str, value: str) -> str:
    """Format `name=value`, with quotes if necessary."""
    if _PLAIN.fullmatch(value):
        return f"{name}={value}"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'


def names(value: str) -> list[str]:
    """Split a comma-separated list."""
    return [part.strip() for part in value.split(",") if part.strip()]


def duration(value: str) -> float:
    """Parse a duration such as `90`, `30s`, `5m`, `2h` or `1d` to seconds. Whole numbers stay whole.

    Raises:
        ValueError: the text is not a duration; the message says what is accepted.
    """
    match = _DURATION.fullmatch(value)
    if match is None:
        raise ValueError(f"'{value}' is not a valid duration; write seconds, or a value such as 30s, 5m, 2h or 1d")
    seconds = float(match[1]) * _SECONDS[match[2]]
    return int(seconds) if seconds.is_integer() else seconds


def condition(value: str) -> dict[str, Any]:
    """Parse a condition such as `ask:yes`, `environment:staging`, `check.due:yes` or `check.count!=0`. `resolved` tells what
    its `name` is a name of; one on an output has none.

    Raises:
        ValueError: the text is not a condition.
    """
    match = _CONDITION.fullmatch(value)
    if match is None or not match["name"].strip() or not names(match["values"]):
        raise ValueError(
            f"'{value}' is not a condition; write the key of a task or the name of a parameter, a colon, and what must be the "
            "case: ask:yes, build:failed or environment:staging; for an output of a task, check.due:yes or check.count!=0"
        )
    name, output, values = match["name"].strip(), match["output"], names(match["values"])
    if output is not None:
        return {"task": name, "output": output.strip(), ("is" if match["operator"] == ":" else "is_not"): values}
    if match["operator"] != ":":
        raise ValueError(
            f"'{value}': only a condition on an output can have '!='; list the values that meet it: {name}:…"
        )
    return {"name": name, "is": values}


def condition_text(condition: Condition) -> str:
    """A condition in the form that `condition` parses."""
    if isinstance(condition, OutputCondition):
        values = f":{','.join(condition.values)}" if condition.values else f"!={','.join(condition.excluded)}"
        return f"{condition.task}.{condition.output}{values}"
    name = condition.task if isinstance(condition, TaskCondition) else condition.parameter
    return f"{name}:{','.join(condition.values)}"


def resolved(condition: dict[str, Any], parameters: Container[str]) -> dict[str, Any]:
    """A condition in the form of `app.domain.plan.Condition`: about a parameter of the plan, or else about a task."""
    if "name" not in condition:
        return condition
    about = "parameter" if condition["name"] in parameters else "task"
    return {about: condition["name"], "is": condition["is"]}


def yes_or_no(value: str) -> bool:
    """Parse `yes` or `no`.

    Raises:
        ValueError: the text is neither.
    """
    if value not in {"yes", "no"}:
        raise ValueError("must be yes or no")
    return value == "yes"


def choice(choices: type[StrEnum]) -> Callable[[str], str]:
    """Return a parser that accepts the values of an enumeration."""

    def read(value: str) -> str:
        if value not in set(choices):
            raise ValueError(f"'{value}' is not one of {', '.join(choices)}")
        return value

    return read


def expectation(value: str) -> str:
    """Check what the output of a command must contain: a text, or a regular expression between slashes.

    Raises:
        ValueError: the text is empty, or the expression is not valid.
    """
    if not value.strip():
        raise ValueError("say what the output must contain")
    if len(value) > 2 and value[0] == value[-1] == "/":
        Pattern(value[1:-1])
    return value


def whole(value: str) -> int:
    """Parse a whole number.

    Raises:
        ValueError: the text is not a whole number.
    """
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise ValueError(f"'{value}' is not a whole number")
    return int(value)


def _attribute(match: re.Match[str]) -> Attribute:
    if match["key"] is not None:
        return Attribute(KEY, match["key"], match.start("key") - 1)
    quoted = match["quoted"]
    value = match["plain"] if quoted is None else _ESCAPE.sub(r"\1", quoted)
    return Attribute(match["name"], value, match.start("name"))
