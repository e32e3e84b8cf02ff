"""Reads what the words above a block or a list say of it: that it runs, that a person decides about it, or does it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.planning.outline import scripts
from app.planning.outline.blocks import Block, Fence, List, Text
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
)
from app.planning.outline.steps import is_another_way

# A longer text above a list is no time: "Friday 18:00 UTC".
_MAX_TIME = 40
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_ABOUT_A_BLOCK = (
    "so a person releases it before it runs, does it by hand, or skips it. To run it without being asked, write run behind the "
    "language of its block."
)
_ABOUT_A_LIST = (
    "so a person decides about it: each command is released, done by hand or skipped. To run one without being asked, "
    "add {run} to its item."
)


@dataclass(frozen=True, slots=True)
class Said:
    """What the words above a block or a list say of it.

    Attributes:
        asks: whether a person releases what it runs.
        by_hand: whether a person does it.
        warning: says so, and how to have it run; empty if the words say nothing of the kind.
    """

    asks: bool = False
    by_hand: bool = False
    warning: str = ""


def said_above(before: list[Block], block: Block, *, back: bool, first: bool) -> Said:
    """What the words above a block or a list say of it.

    Args:
        before: the text above it.
        block: the block or the list.
        back: whether to take something back is what the steps around it do, so that nobody is asked about it.
        first: whether no step is before it that it could be another way of.
    """
    words = introduction(before, block)
    is_fence = isinstance(block, Fence)
    if not words or (is_fence and scripts.fence_options(block).run):
        return Said()
    if introduces_elsewhere(words, block.source):
        return Said(by_hand=True, warning=f"What follows {ELSEWHERE}")
    another = is_fence and not first and is_another_way(words)
    if another or is_conditional(words) or (not back and is_way_back(words)):
        how = _ABOUT_A_BLOCK if is_fence else _ABOUT_A_LIST
        return Said(asks=True, warning=f"What follows is {how_done(words)}, {how}")
    why = ""
    if is_sample(words) or ends_with_sample(words):
        why = "What follows is a sample, so nothing of it runs."
    elif forbids(words):
        why = "The words above say not to run what follows, so a person decides."
    run = "write run behind the language of its block" if is_fence else "add {run} to its item"
    return Said(by_hand=True, warning=f"{why} To run it, {run}.") if why else Said()


def introduction(before: list[Block], block: Block) -> str:
    """The sentence that introduces a list or block: above a list, it ends with a colon. Empty if there is none."""
    last = before[-1] if before else None
    if not isinstance(last, Text) or last.kind != "paragraph":
        return ""
    text = read_title(last.content.replace("\n", " "), {}).text.strip()
    if text.endswith(":") or (isinstance(block, List) and len(text) <= _MAX_TIME and is_later(text)):
        return text
    return _SENTENCES.split(text)[-1] if isinstance(block, Fence) else ""
