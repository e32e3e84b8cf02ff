"""Takes the title of an item apart: its checkbox, its words, and where they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.planning.outline.asides import fold_marks, kind_of_folded, warn_of_fold, with_folded_text, with_samples
from app.planning.outline.blocks import Block, Fence, Heading, Item, List, Text
from app.planning.outline.findings import Findings
from app.planning.outline.inline import Title, read_title
from app.planning.outline.parts import MAX_TITLE_LENGTH, is_unknown
from app.planning.outline.scripts import is_action

_CHECKBOX = re.compile(r"\[([ xX])\](?:\s+|$)")


@dataclass(slots=True)
class Head:
    """The title of an item, taken apart. `rest` is what stands below it, `unknown` the words in braces that are text."""

    title: Title
    source: str
    lines: list[tuple[int, int, int]]
    rest: list[Block]
    checkbox: str | None = None
    begin: int = 0
    unknown: str = ""

    def place(self, offset: int) -> tuple[int, int]:
        """The line and column of an offset in the title."""
        begin, line, column = self.lines[0]
        if len(self.lines) > 1:
            begin, line, column = next((entry for entry in reversed(self.lines) if entry[0] <= offset), self.lines[0])
        return line, column + offset - begin


def read_head(item: Item, definitions: Mapping[str, str], findings: Findings) -> Head:
    """Take the title of an item apart: its first paragraph, or only its first line if that ends with attributes.

    Its `unknown` are not pointed out: that is for whoever reads the item as a step.
    """
    first = item.blocks[0] if item.blocks else None
    if isinstance(first, Heading):
        content, rest = first.text, _steps_of(item.blocks[1:], findings)
    elif isinstance(first, Text) and first.kind == "paragraph":
        content, rest = first.content, _steps_of(item.blocks[1:], findings)
    else:
        # An item without a sentence is named by the first line of its text.
        text = next((line.strip() for line in first.source.split("\n")), "") if isinstance(first, Text) else ""
        return Head(Title(text), "", [(0, item.line, 0)], item.blocks)
    line = first.line
    pieces = content.split("\n")
    if len(pieces) == 1 and content[:1] != "[" and "{" not in content and "\n" not in first.source:
        source = content.rstrip()
        return Head(read_title(source, definitions), source, [(0, line, findings.column_of(line, source))], rest)
    taken = 1
    if len(pieces) > 1 and not read_title(pieces[0], definitions).attributes:
        while taken < len(pieces) and not pieces[taken - 1].endswith(("  ", "\\")):
            taken += 1
    pieces[taken - 1] = pieces[taken - 1].removesuffix("\\") if taken < len(pieces) else pieces[taken - 1]
    places: list[tuple[int, int, int]] = []
    source = ""
    for number, piece in enumerate(pieces[:taken]):
        text = piece.strip() if number else piece.rstrip()
        source += " " if source else ""
        places.append((len(source), line + number, findings.column_of(line + number, text)))
        source += text
    below = "\n".join(first.source.split("\n")[taken:]) if "\n" in first.source else ""
    if below.strip():
        rest = [Text(line + taken, first.end, "paragraph", below, below), *rest]
    checkbox = _CHECKBOX.match(source)
    if checkbox is not None:
        # The columns of everything behind the box stay the same.
        begin = checkbox.end()
        places = [
            (max(offset - begin, 0), number, column + (begin if not offset else 0)) for offset, number, column in places
        ]
        source = source[begin:]
    title = read_title(source, definitions)
    unknown = ""
    if title.attributes and is_unknown(title.attributes):
        unknown = ", ".join(attribute.name for attribute in title.attributes)
        title = read_title(_text_braces(source, title), definitions)
    box, begin = (checkbox[1], checkbox.end()) if checkbox is not None else (None, 0)
    return Head(title, source, places, rest, box, begin, unknown)


def _steps_of(blocks: list[Block], findings: Findings) -> list[Block]:
    """The blocks below the title of an item, with text in place of those that are beside its steps."""
    if not blocks:
        return blocks
    blocks = with_folded_text(blocks, findings, lambda mark: mark.opens and kind_of_folded(mark.name) is not None)
    for number, marks in fold_marks(blocks).items():
        if any(map(_may_run, blocks[number + 1 :])):
            for mark in marks:
                if mark.opens:
                    warn_of_fold(mark.name, blocks[number].line, findings)
    return with_samples(blocks, _may_run, findings)


def _may_run(block: Block) -> bool:
    if isinstance(block, Fence):
        return is_action(block)
    return isinstance(block, List) and (block.start is not None or "`" in block.source)


def _text_braces(source: str, title: Title) -> str:
    at = source.rfind("{", 0, title.attributes[0].column + 1)
    return f"{source[:at]}\\{source[at:]}"


def link_lines(title: Title) -> str:
    """The addresses of a title's links, for its description: a title is plain text."""
    if not title.links:
        return ""
    lines = [f"[{text}]({address})" for text, address in title.links if text != address and not address.startswith("#")]
    return "\n".join(dict.fromkeys(lines))


def label_of(blocks: list[Block]) -> str:
    """The sentence right before a step, as a part of its title; empty if there is none."""
    last = blocks[-1] if blocks else None
    if isinstance(last, Text) and last.kind == "paragraph":
        text = read_title(last.content.replace("\n", " "), {}).text
        return text.rstrip(" :.") if len(text) <= MAX_TITLE_LENGTH else ""
    return ""
