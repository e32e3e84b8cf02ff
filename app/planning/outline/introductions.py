"""Reads what the words above a block or a list say of it: that it runs, that a person decides about it, or does it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.planning.outline import scripts
from app.planning.outline.blocks import Block, Fence, List, Text, blocks_of
from app.planning.outline.elsewhere import ELSEWHERE, introduces_elsewhere
from app.planning.outline.inline import read_title
from app.planning.outline.sections import (
    ends_with_sample,
    forbids,
    how_done,
    is_conditional,
    is_later,
    is_sample,
    is_way_back,
    may_match,
)
from app.planning.outline.sentences import MAY_EXCUSE, MAY_WAIT, says_not_always, says_to_wait
from app.planning.outline.steps import is_another_way

# A longer text above a list is not a time: "Friday 18:00 UTC".
_MAX_TIME = 40
_QUOTED = re.compile(r"^[ \t]*>[ \t]?(?:\[![A-Za-z]+\])?", re.MULTILINE)
_MARKER = re.compile(r"^\s*(?:[-*+]|[0-9]{1,9}[.)])\s+")
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_ABOUT_A_BLOCK = (
    "so a person releases it before it runs, does it by hand, or skips it. To run it without being asked, write run behind the "
    "language of its block."
)
_ABOUT_A_LIST = (
    "so a person decides about it: each command is released, done by hand or skipped. To run one without being asked, "
    "add {run} to its item."
)
WAITS = (
    "These words say to wait or to check something first, so a person releases the next step, does it by hand, or skips it. "
    "To run it without being asked, add {run} to its item, or run behind the language of its block."
)
EXCUSED = f"These words say that the step above is not always done, {_ABOUT_A_BLOCK}"


@dataclass(frozen=True, slots=True)
class Said:
    """What the words above a block or a list say of it.

    Attributes:
        asks: whether a person releases what it runs.
        only_first: whether that is only so for the first step of a list.
        by_hand: whether a person does it.
        warning: says so, and how to have it run; empty if the words say nothing of the kind.
        line: the line of the words.
    """

    asks: bool = False
    only_first: bool = False
    by_hand: bool = False
    warning: str = ""
    line: int = 0


def said_above(before: list[Block], block: Block, *, back: bool, first: bool) -> Said:
    """What the words above a block or a list say of it.

    Args:
        before: the text above it.
        block: the block or the list.
        back: whether to take something back is what the steps around it do, so that nobody is asked about it.
        first: whether no step is before it that it could be another way of.
    """
    if isinstance(block, Fence) and scripts.fence_options(block).run:
        return Said()
    words = introduction(before, block)
    said = _introduced(words, block, back=back, first=first) if words else Said()
    if said.warning:
        return replace(said, line=before[-1].line)
    if (line := line_that_waits(before)) is not None:
        return Said(asks=True, only_first=True, warning=WAITS, line=line)
    if (line := line_that_excuses(before)) is not None:
        return Said(asks=True, warning=f"What follows is not always done, {_how(block)}", line=line)
    return Said()


def _introduced(words: str, block: Block, *, back: bool, first: bool) -> Said:
    is_fence = isinstance(block, Fence)
    if introduces_elsewhere(words, block.source):
        return Said(by_hand=True, warning=f"What follows {ELSEWHERE}")
    another = is_fence and not first and is_another_way(words)
    if another or is_conditional(words) or (not back and is_way_back(words)):
        return Said(asks=True, warning=f"What follows is {how_done(words)}, {_how(block)}")
    why = ""
    if is_sample(words) or ends_with_sample(words):
        why = "What follows is a sample, so nothing of it runs."
    elif forbids(words) and not says_to_wait(words):
        why = "The words above say not to run what follows, so a person decides."
    run = "write run behind the language of its block" if is_fence else "add {run} to its item"
    return Said(by_hand=True, warning=f"{why} To run it, {run}.") if why else Said()


def _how(block: Block) -> str:
    return _ABOUT_A_BLOCK if isinstance(block, Fence) else _ABOUT_A_LIST


def line_that_waits(blocks: list[Block]) -> int | None:
    """The line of the text that says that what comes next must wait, such as "Do not continue if it is empty"."""
    return _line_that(says_to_wait, MAY_WAIT, blocks)


def line_that_excuses(blocks: list[Block]) -> int | None:
    """The line of the text that says that a step is not always done, such as "Skip this if it is empty"."""
    return _line_that(says_not_always, MAY_EXCUSE, blocks)


def holds_next(markdown: str) -> bool:
    """Whether a text says that what comes next must wait."""
    return may_match(MAY_WAIT, markdown) and line_that_waits(blocks_of(markdown)) is not None


def excuses(markdown: str) -> bool:
    """Whether a text says that the step that it is about is not always done."""
    return may_match(MAY_EXCUSE, markdown) and line_that_excuses(blocks_of(markdown)) is not None


def _line_that(says: Callable[[str], bool], hint: re.Pattern[str], blocks: list[Block]) -> int | None:
    """The line of the first text that says so. `hint` is what each such text contains."""
    for block in blocks:
        if not isinstance(block, Text | List) or not may_match(hint, block.source):
            continue
        if isinstance(block, List):
            said = any(map(says, _items(block)))
        else:
            said = block.kind in {"paragraph", "blockquote"} and says(_plain(block))
        if said:
            return block.line
    return None


def _items(block: List) -> list[str]:
    return [_MARKER.sub("", line) for line in block.source.split("\n")]


def _plain(text: Text) -> str:
    words = text.content if text.kind == "paragraph" else _QUOTED.sub("", text.source)
    return read_title(words.replace("\n", " "), {}).text


def introduction(before: list[Block], block: Block) -> str:
    """The sentence that introduces a list or block: above a list, it ends with a colon. Empty if there is none."""
    last = before[-1] if before else None
    if not isinstance(last, Text) or last.kind != "paragraph":
        return ""
    text = read_title(last.content.replace("\n", " "), {}).text.strip()
    if text.endswith(":") or (isinstance(block, List) and len(text) <= _MAX_TIME and is_later(text)):
        return text
    return _SENTENCES.split(text)[-1] if isinstance(block, Fence) else ""
