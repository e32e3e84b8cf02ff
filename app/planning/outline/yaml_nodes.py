"""Reads a small YAML document as plain values that know their lines. Nothing in it is executed, expanded or converted."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, cast

import yaml

MAX_LENGTH = 32_768
MAX_DEPTH = 20

# The library does not provide complete types.
_YAML: Any = yaml
# The one on libyaml, where it was built, is ten times faster.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


# Words that need no quotes, in a list as well as alone.
_SIMPLE = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_./+ -]{0,500}[A-Za-z0-9_./+-])?")

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


@dataclass(frozen=True)
class Node:
    """A value and the line on which it starts, from 0. A scalar is its text as written; `value` is None if there is none."""

    line: int
    value: str | list[Node] | dict[str, Node] | None

    def plain(self) -> Any:
        """The value without its lines."""
        if isinstance(self.value, dict):
            return {name: node.plain() for name, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value


class YamlError(ValueError):
    """The text is not YAML, or more than a plan needs. `line` counts from 0."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def read_yaml(text: str) -> Node:
    """The value of a YAML document.

    Raises:
        YamlError: the text is not a YAML document, is too large, or uses aliases.
    """
    if len(text) > MAX_LENGTH:
        raise YamlError(0, f"it has more than {MAX_LENGTH} characters")
    try:
        _check_events(text)
        root = _YAML.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line if mark is not None else 0, error.problem or "it is not valid YAML") from None
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, YamlError):
            raise
        raise YamlError(0, "it contains a character that YAML does not allow") from None
    return _node(root) if root is not None else Node(0, None)


def write_yaml(value: dict[str, Any]) -> str:
    """`value` as YAML that `read_yaml` reads as the same. Numbers and booleans become their text."""
    lines: list[str] = []
    _write(value, "", lines)
    return "\n".join(lines)


def _write(value: dict[str, Any], indent: str, lines: list[str]) -> None:
    for name, item in value.items():
        if isinstance(item, dict):
            lines.append(f"{indent}{_scalar(name)}:")
            _write(cast("dict[str, Any]", item), f"{indent}  ", lines)
        elif isinstance(item, list):
            listed = ", ".join(_scalar(part) for part in cast("list[Any]", item))
            lines.append(f"{indent}{_scalar(name)}: [{listed}]")
        else:
            lines.append(f"{indent}{_scalar(name)}: {_scalar(item)}")


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _SIMPLE.fullmatch(value) and value not in {"null", "~"}:
        return value
    # A JSON string is a YAML string, once the characters are escaped that only JSON accepts.
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))


def _check_events(text: str) -> None:
    depth = 0
    for event in _YAML.parse(text, Loader=_LOADER):
        line = event.start_mark.line if event.start_mark is not None else 0
        if isinstance(event, yaml.AliasEvent):
            raise YamlError(line, "aliases (*name) are not allowed; write the value out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise YamlError(line, f"it is nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _node(node: Any) -> Node:
    line = node.start_mark.line
    if isinstance(node, _YAML.MappingNode):
        members: dict[str, Node] = {}
        for key, value in node.value:
            if not isinstance(key, _YAML.ScalarNode):
                raise YamlError(key.start_mark.line, "the name of an entry must be a text")
            if key.value in members:
                raise YamlError(key.start_mark.line, f"'{key.value}' appears twice")
            members[key.value] = _node(value)
        return Node(line, members)
    if isinstance(node, _YAML.SequenceNode):
        return Node(line, [_node(item) for item in node.value])
    is_none = not node.style and node.value in {"", "~", "null"}
    return Node(line, None if is_none else node.value)
