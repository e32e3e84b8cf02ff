"""Line numbers of keys in a TOML file, for error messages."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from typing import Any, cast

from signoff.schemas.json_value import JsonObject

Keys = tuple[str, ...]
# A key, with the positions of the tables in arrays such as [[signoff.policy]].
Place = tuple[str | int, ...]


class KeyLines:
    """The line numbers of the keys and table headers in a valid TOML file.

    The standard library's parser does not report positions, and the libraries that do are far larger than this needs. But
    every TOML statement begins on a new line, and no part of a statement is valid on its own. So the parser itself shows
    where each statement ends and which keys it sets.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[Place, int] = {}
        # Tables without a header of their own: `[a.b]` also creates `a`.
        self._implied: dict[Place, int] = {}
        header: Place = ()
        counts: dict[Place, int] = {}
        for line, statement, values in _statements(text):
            if statement.lstrip().startswith("["):
                name = _innermost(values)
                # `[a.b.c]` after `[[a.b]]` belongs to the newest table of that array.
                header = _with_positions(name, counts)
                if statement.lstrip().startswith("[["):
                    counts[name] = counts.get(name, -1) + 1
                    header = (*_with_positions(name[:-1], counts), name[-1], counts[name])
                    self._note(header[:-1], line)
                self._note(header, line)
            else:
                for keys in _keys(values):
                    self._note(header + keys, line)

    def find(self, location: Sequence[str | int]) -> int | None:
        """The line number, from 1, of the key or its nearest enclosing table; None if the file has neither.

        Each table of an array such as `[[signoff.policy]]` has its own line. The items of any other array have the line on which
        it begins.
        """
        for keys in (tuple(location), tuple(part for part in location if isinstance(part, str))):
            for length in range(len(keys), 0, -1):
                line = self._lines.get(keys[:length], self._implied.get(keys[:length]))
                if line is not None:
                    return line
        return None

    def _note(self, keys: Place, line: int) -> None:
        self._lines.setdefault(keys, line)
        for length in range(1, len(keys)):
            self._implied.setdefault(keys[:length], line)


def _statements(text: str) -> Iterator[tuple[int, str, JsonObject]]:
    """Each statement with its first line and the values that it sets; blank lines and comments set nothing."""
    lines = text.replace("\r\n", "\n").split("\n")
    start = 0
    for end in range(1, len(lines) + 1):
        statement = "\n".join(lines[start:end])
        try:
            values = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        yield start + 1, statement, values
        start = end


def _innermost(values: JsonObject) -> Keys:
    """The name in a header: `[a.b]` parses as `{"a": {"b": {}}}`, and `[[a.b]]` as `{"a": {"b": [{}]}}`."""
    keys: Keys = ()
    inner: Any = values
    while isinstance(inner, dict) and inner:
        ((key, inner),) = cast("JsonObject", inner).items()
        keys = (*keys, key)
    return keys


def _with_positions(name: Keys, counts: dict[Place, int]) -> Place:
    """The place of a table, with the position of the newest table of each array around it."""
    place: Place = ()
    for length, key in enumerate(name, start=1):
        place = (*place, key)
        if length < len(name) and name[:length] in counts:
            place = (*place, counts[name[:length]])
    return place


def _keys(values: JsonObject) -> Iterator[Keys]:
    """Every key that a statement sets, including the keys of inline tables."""
    for key, value in values.items():
        yield (key,)
        if isinstance(value, dict):
            yield from ((key, *inner) for inner in _keys(cast("JsonObject", value)))
