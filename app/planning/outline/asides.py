"""Finds what stands beside the steps of a document: samples below sentences such as "You should see:", and folded text.

A sample shows what a reader gets to see, so it is text. Folded text is `<details>` of HTML, which a reader opens when needed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.planning.outline.blocks import Block, Fence, Heading, List, Text, joined
from app.planning.outline.fence_options import fence_options
from app.planning.outline.findings import Findings
from app.planning.outline.inline import read_title
from app.planning.outline.sections import Kind, is_sample, kind_of, shows_output

SAMPLE = "sample"

_SAYS_RUN = re.compile(r"\{[^{}\n]*\brun\b(?!=no)[^{}\n]*\}")
_DETAILS = re.compile(r"<(/?)details\b[^>]*>", re.IGNORECASE)
_SUMMARY = re.compile(r"<summary\b[^>]*>(.*?)</summary\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^>]*>")
_NAMED_ELSEWHERE = re.compile(r"\s*<summary\b", re.IGNORECASE)


@dataclass(frozen=True)
class FoldMark:
    """Where folded text begins or ends. `summary` is what a reader sees of it while it is folded, as Markdown."""

    opens: bool
    summary: str = ""

    @property
    def name(self) -> str:
        """The summary without markup and attributes."""
        return read_title(self.summary, {}).text

    @property
    def is_text(self) -> bool:
        """Whether the folded text is no part of the steps around it, and its author does not say otherwise."""
        return self.opens and "{" not in self.summary and kind_of_folded(self.name) == Kind.TEXT


def with_samples(blocks: list[Block], is_step: Callable[[Block], bool], findings: Findings) -> list[Block]:
    """The blocks, with text in place of each block or list that only shows something. `run` in a block says otherwise.

    Args:
        blocks: the blocks of a section or of an item.
        is_step: whether a block would run, or be done by a person, so that a warning is needed.
        findings: where warnings go.
    """
    if not any(isinstance(block, Fence | List) for block in blocks[1:]):
        return blocks
    result: list[Block] = []
    for block in blocks:
        before = result[-1] if result else None
        if isinstance(before, Text) and isinstance(block, Fence | List) and _is_sample(block, before):
            if is_step(block):
                how = "To run it, write run behind the language of its block, or add {run} to its item."
                findings.warn(before.line, f"What follows is a sample, so it is kept as text and does not run. {how}")
            result.append(Text(block.line, block.end, SAMPLE, block.source))
        else:
            result.append(block)
    return result


def _is_sample(block: Fence | List, before: Text) -> bool:
    if before.kind != "paragraph":
        return False
    if isinstance(block, Fence):
        options = fence_options(block)
        if options.run or options.language in {"inputs", "task", "env", "phase", "prompt", "action", "http"}:
            return False
    elif _SAYS_RUN.search(block.source) is not None:
        return False
    words = read_title(before.content.replace("\n", " "), {}).text.strip()
    return is_sample(words) or (
        isinstance(block, Fence) and words[-1:] not in {".", ":", "!", "?"} and is_sample(f"{words}:")
    )


def fold_marks(blocks: list[Block]) -> dict[int, list[FoldMark]]:
    """The places where folded text begins and ends, by the number of the block that holds them.

    Folded text without an end goes to the next heading. What begins and ends in one block has nothing in it.
    """
    found: dict[int, list[tuple[int, FoldMark]]] = {}
    opened: list[tuple[int, int, str]] = []
    for number, block in enumerate(blocks):
        if not isinstance(block, Text) or block.kind != "html_block" or "details" not in block.source.lower():
            continue
        tags = list(_DETAILS.finditer(block.source))
        for at, tag in enumerate(tags):
            if not tag[1]:
                end = tags[at + 1].start() if at + 1 < len(tags) else len(block.source)
                name = _name(block.source[tag.end() : end], blocks[number + 1 : number + 2])
                opened.append((number, at, name))
            elif opened:
                first, place, name = opened.pop()
                if first != number:
                    found.setdefault(first, []).append((place, FoldMark(True, name)))
                    found.setdefault(number, []).append((at, FoldMark(False)))
    for first, place, name in reversed(opened):
        heading = (number for number in range(first + 1, len(blocks)) if isinstance(blocks[number], Heading))
        found.setdefault(first, []).append((place, FoldMark(True, name)))
        found.setdefault(next(heading, len(blocks)), []).append((0, FoldMark(False)))
    return {number: [mark for _, mark in sorted(marks, key=lambda entry: entry[0])] for number, marks in found.items()}


def kind_of_folded(name: str) -> Kind | None:
    """What folded text is, by its name. None: it is read like the text around it."""
    return Kind.TEXT if shows_output(name) else kind_of(name)


def rest_of(block: Text) -> Text | None:
    """What a block of HTML holds besides the marks of folded text. None if it is nothing."""
    source = _DETAILS.sub("", _SUMMARY.sub("", block.source))
    return replace(block, source=source.strip("\n")) if _TAG.sub("", source).strip() else None


def with_folded_text(
    blocks: list[Block], findings: Findings, keeps: Callable[[FoldMark], bool] = lambda mark: mark.is_text
) -> list[Block]:
    """The blocks, with one text in place of folded text that is not part of the steps around it.

    Args:
        blocks: the blocks of a document or an item.
        findings: where warnings go.
        keeps: whether the folded text that begins at a mark is text.
    """
    marks = fold_marks(blocks)
    if not any(keeps(mark) for places in marks.values() for mark in places):
        return blocks
    result: list[Block] = []
    folded: list[Block] = []
    opened: list[bool] = []
    for number, block in enumerate(blocks):
        outside = not any(opened)
        for mark in marks.get(number, ()):
            if mark.opens:
                opened.append(keeps(mark))
            elif opened:
                opened.pop()
        if isinstance(block, Heading) and not any(opened) and folded:
            result.append(_one_text(folded, findings))
            folded = []
            outside = True
        if outside and not any(opened):
            result.append(block)
            continue
        folded.append(block)
        if not any(opened):
            result.append(_one_text(folded, findings))
            folded = []
    return [*result, *([_one_text(folded, findings)] if folded else [])]


def _one_text(blocks: list[Block], findings: Findings) -> Text:
    return Text(blocks[0].line, blocks[-1].end, "html_block", joined(blocks, findings.lines))


def warn_of_fold(name: str, line: int, findings: Findings) -> None:
    """Say that the steps in a piece of folded text run like all others."""
    named = f"'{name}'" if name else "This text"
    findings.warn(
        line,
        f"{named} is folded, but its steps are steps of the plan. To keep a block as text, add run=no to it; to keep an "
        "item as text, add {run=no}.",
    )


def _name(source: str, following: list[Block]) -> str:
    summary = _SUMMARY.search(source)
    if summary is None and following and not _TAG.sub("", source).strip():
        after = following[0]
        if isinstance(after, Text) and after.kind == "html_block" and _NAMED_ELSEWHERE.match(after.source):
            summary = _SUMMARY.search(after.source)
    words = html.unescape(_TAG.sub("", summary[1])) if summary is not None else ""
    return " ".join(words.split()).strip("# ")
