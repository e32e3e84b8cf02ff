"""Follows the steps of a document. What comes after a step such as `ssh HOST` is typed into that session, so a person does it."""

from __future__ import annotations

from app.planning.outline import scripts
from app.planning.outline.attributes import KEY
from app.planning.outline.blocks import Block, Fence, Item, List
from app.planning.outline.context import Context
from app.planning.outline.sessions import Opened, enters, leaves_session, opens_session
from app.planning.outline.titles import Head

_FOR_ANY_TASK = frozenset({KEY, "after", "if"})


class OpenSession:
    """The session that the steps read so far have opened, if they have."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._opened: Opened | None = None
        self._line = 0
        self._level = 0

    @property
    def is_open(self) -> bool:
        """Whether a session is open."""
        return self._opened is not None

    def takes_item(self, item: Item, *, last: bool) -> bool:
        """Whether a person does the next item of a list, because it opens a session or is meant for the open one.

        Args:
            item: the item.
            last: whether nothing comes after it that could be meant for a session.
        """
        head = self._context.head_of(item)
        # Who writes what only a command can have means that it runs.
        if head.title.attributes and any(name not in _FOR_ANY_TASK for name, _, _ in head.title.attributes):
            return False
        if self._opened is not None:
            return self._is_inside(head.title.text, head.title.command, item.line, runs=_runs(head))
        texts = [head.title.command or "", *(_scripts(head.rest) if head.rest else ())]
        if head.title.command is None and len(texts) == 1 and enters(head.title.text):
            return not last and self._open(Opened(head.title.text[:60], last=True, takes_shell=True), item.line)
        return self._opens(texts, item.line, last=last)

    def takes_block(self, fence: Fence, words: str, *, last: bool) -> bool:
        """The same for a block outside of lists. `words`: the sentence above it."""
        if scripts.fence_options(fence).run:
            return False
        if self._opened is not None:
            return self._is_inside(words, scripts.script_of(fence), fence.line, runs=True)
        return self._opens(_scripts([fence]), fence.line, last=last)

    def enter(self, words: str, level: int) -> None:
        """Go into another section. A session stays open in the sections below and beside the one that opened it."""
        if self._opened is None:
            self._level = level
        elif level < self._level or not self._opened.takes_shell or leaves_session(words, None):
            self._opened, self._level = None, level

    def _opens(self, texts: list[str], line: int, *, last: bool) -> bool:
        for number, text in enumerate(texts):
            opened = opens_session(text) if text else None
            # A block with more lines is a session of its own.
            if opened is not None and opened.last:
                if last and number == len(texts) - 1:
                    return False
                return self._open(opened, line)
        return False

    def _open(self, opened: Opened, line: int) -> bool:
        self._opened, self._line = opened, line
        self._context.findings.warn(
            line,
            f"'{opened.command}' opens a session, so a person does this step, and those after it until the session is "
            "left. To run it here, add {run} to its item, or run behind the language of its block.",
        )
        return True

    def _is_inside(self, words: str, command: str | None, line: int, *, runs: bool) -> bool:
        opened = self._opened
        if opened is None:
            return False
        if leaves_session(words, command):
            self._opened = None
            return leaves_session("", command)
        if runs:
            self._context.findings.warn(
                line,
                f"'{opened.command}' in line {self._line + 1} opens a session, and this step is meant for it, so a person does "
                "it. To run it here, add {run} to its item, or run behind the language of its block.",
            )
        return True


def _runs(head: Head) -> bool:
    return head.title.command is not None or any(isinstance(block, Fence | List) for block in head.rest)


def _scripts(blocks: list[Block]) -> list[str]:
    """The scripts of the blocks that run, in order. A list stands for one that opens nothing."""
    found: list[str] = []
    for block in blocks:
        if isinstance(block, Fence) and scripts.is_script(block) and scripts.is_action(block):
            found.append(scripts.script_of(block))
        elif isinstance(block, List):
            found.append("")
    return found
