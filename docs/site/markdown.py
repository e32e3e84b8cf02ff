"""Rewrites Markdown as GitHub reads it into Markdown that the site generator reads the same way."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

_FENCE = re.compile(r"^(?P<indent> *)(?P<marks>`{3,}|~{3,})(?P<language>[\w+-]*)(?P<rest>.*)$")
_ITEM = re.compile(r"^(?P<indent> *)(?P<mark>[-*]|\d+\.) +(?=\S)")
_LINK = re.compile(r"(?<=\]\()(?P<target>[^)\s#]+)(?=[)\s#])")
_OUTSIDE = re.compile(r"^(?:[a-z]+:|#|/)")
_LIST_INDENT = 4


def rewritten(text: str, source: str, pages: Mapping[str, str]) -> str:
    """A page as the generator needs it.

    Python-Markdown wants a blank line before a list and four spaces for each level of it, and it takes the words behind the
    language of a fence for options of its own.

    Args:
        text: The page in Markdown.
        source: Where the page is in the repository, such as `docs/plans.md`.
        pages: The address on the site of each file in the repository that is published.

    Raises:
        ValueError: A link leads to a file that is not published.
    """
    lines: list[str] = []
    levels: list[int] = []  # where the text of each enclosing list item begins
    fence: str | None = None
    shift = 0
    before = ""
    for line in text.splitlines():
        if fence is not None:
            lines.append(" " * shift + line if line else line)
            fence = None if _ends(line, fence) else fence
            before = ""
            continue
        indent = len(line) - len(line.lstrip())
        if line.strip():
            while levels and indent < levels[-1]:
                levels.pop()
        inner = " " * (_LIST_INDENT * len(levels)) + line[levels[-1] if levels else 0 :]
        if (item := _ITEM.match(line)) is not None:
            if before.strip() and not _ITEM.match(before) and not levels:
                lines.append("")
            inner = _padded(inner)
            levels.append(item.end())
        elif (opened := _FENCE.match(line)) is not None:
            fence = opened["marks"]
            shift = len(inner) - len(line)
            inner = " " * (len(inner) - len(inner.lstrip())) + opened["marks"] + opened["language"]
        else:
            inner = _LINK.sub(lambda found: _resolved(found["target"], source, pages), inner)
        if item is not None:
            inner = _LINK.sub(lambda found: _resolved(found["target"], source, pages), inner)
        lines.append(inner if line.strip() else "")
        before = line
    return "\n".join(lines) + "\n"


def _ends(line: str, fence: str) -> bool:
    return line.strip().startswith(fence) and not line.strip().strip(fence[0])


def _padded(line: str) -> str:
    """A list item whose text begins four characters behind its mark."""
    item = _ITEM.match(line)
    assert item is not None
    return (item["indent"] + item["mark"]).ljust(len(item["indent"]) + _LIST_INDENT) + line[item.end() :]


def _resolved(target: str, source: str, pages: Mapping[str, str]) -> str:
    if _OUTSIDE.match(target):
        return target
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if path not in pages:
        raise ValueError(f"{source}: the link to {target} leads to {path}, which is not on the site")
    return posixpath.relpath(pages[path], posixpath.dirname(pages[source]) or ".")
