"""Blocks of list items whose lines stand too far to the left for Markdown, which would cut them in two.

Their authors close the block further below. Indented to the text of the item, its lines are the one block that they meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPENING = re.compile(r"(\s*(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]+)*)(`{3,}|~{3,})([^`\n]*)$")
_MARKER = re.compile(r"(\s*)([-*+]|[0-9]{1,9}[.)])([ \t]+)(?=\S)")
_HEADING = re.compile(r"#{2,6}\s")


@dataclass(frozen=True)
class _Place:
    """A list item: the columns of its marker and of its text, and the last character of the marker."""

    marker: int
    text: int
    kind: str


@dataclass(frozen=True)
class Outdented:
    """A block whose lines were indented: its first and last line, counted from 0."""

    line: int
    end: int

    @property
    def message(self) -> str:
        """What its author should know."""
        return (
            f"This block is read up to its end in line {self.end + 1}, although not all its lines are indented to the text of "
            "its item. Indent them, so that every reader sees them as one block."
        )


def indent_blocks(lines: list[str]) -> tuple[list[str], list[Outdented]]:
    """Indent the blocks of list items that have lines to the left of the item's text. The other lines stay as they are."""
    result = list(lines)
    found: list[Outdented] = []
    inside: list[_Place] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        _enter(inside, line, after_blank=number == 0 or not lines[number - 1].strip())
        opening = _OPENING.match(line)
        if opening is None:
            number += 1
            continue
        column = len(opening[1].expandtabs(4))
        while inside and inside[-1].text > column:
            inside.pop()
        end = _closing(lines, number, opening[2], column, inside)
        if end is None:
            number += 1
            continue
        least = inside[-1].text if inside else 0
        if any(text.strip() and _indent(text) < least for text in lines[number + 1 : end + 1]):
            _shift(result, number + 1, end, column)
            found.append(Outdented(number, end))
        number = end + 1
    return result, found


def _enter(inside: list[_Place], line: str, *, after_blank: bool) -> None:
    """Follow which list items a line is in."""
    if not line.strip():
        return
    expanded = line.expandtabs(4)
    indent = _indent(line)
    marker = _MARKER.match(expanded)
    if marker is None:
        # Without an empty line before it, text to the left continues the paragraph of the item.
        while inside and inside[-1].text > indent and (after_blank or _HEADING.match(line)):
            if _OPENING.match(line) is not None:
                return
            inside.pop()
        return
    while inside and inside[-1].text > indent:
        inside.pop()
    while marker is not None:
        inside.append(_Place(marker.start(2), marker.end(), marker[2][-1]))
        marker = _MARKER.match(expanded, marker.end())


def _closing(lines: list[str], number: int, marks: str, column: int, inside: list[_Place]) -> int | None:
    """The line that closes a block. None if its author has not closed it."""
    closing = re.compile(rf"\s*{re.escape(marks[0])}{{{len(marks)},}}\s*$")
    deepest = column + 3
    for at in range(number + 1, len(lines)):
        text = lines[at]
        if closing.match(text) is not None and _indent(text) <= deepest:
            return at
        opening = _OPENING.match(text)
        marker = _MARKER.match(text.expandtabs(4))
        another = opening is not None and opening[2][0] == marks[0] and opening[3].strip()
        if inside and (another or _HEADING.match(text) or (marker is not None and _is_next(marker, inside))):
            return None
    return None


def _is_next(marker: re.Match[str], inside: list[_Place]) -> bool:
    return any(place.marker == len(marker[1]) and place.kind == marker[2][-1] for place in inside)


def _shift(lines: list[str], begin: int, end: int, column: int) -> None:
    """Indent the lines of a block. What its first line is indented by is not part of the commands."""
    first = next((text for text in lines[begin:end] if text.strip()), "")
    own = min(column, _indent(first))
    for at in range(begin, end + 1):
        text = lines[at].lstrip(" \t")
        spaces = max(_indent(lines[at]) - own, 0) if at < end else 0
        lines[at] = " " * (column + spaces) + text if text.strip() else ""


def _indent(line: str) -> int:
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(4))


def ends_with_item(content: str, following: list[str]) -> bool:
    """Whether a block without an end certainly ends with its item: another item or a heading follows, and no end of a block.

    Args:
        content: the lines of the block.
        following: the lines below the block.
    """
    after = next((line for line in following if line.strip()), "")
    if re.search(r"\n[ \t]*\n", content.strip()) or not (_MARKER.match(after) or re.match(r"#{1,6}\s", after)):
        return False
    opening = next(filter(None, map(_OPENING.match, following)), None)
    return opening is None or bool(opening[3].strip())
