"""What an item needs to know about its document, and how its blocks are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.planning.outline import fences, scripts
from app.planning.outline.blocks import Block, Fence, Item, List, Text
from app.planning.outline.findings import Findings
from app.planning.outline.parts import TaskParts
from app.planning.outline.programs import holds_commands
from app.planning.outline.titles import Head, read_head

_LIST_LINE = re.compile(
    r"^[ \t]*(?:>[ \t]?)*[ \t]*(?:```|~~~|(?:[-*+]|[0-9]{1,9}[.)])\s+(?:\[[ xX]\]|[^`\n]*`)|\$ )", re.MULTILINE
)

# A paragraph that is a command, or begins by saying to run one.
_SAID = re.compile(
    r"\s*(?:(?:(?:then|next|now|first|finally|please|and|again),?\s+){0,2}(?:run|execute|enter|type|issue|call)\s+)?"
    r"`([^`\n]+)`(?=[\s.,;:]|$)",
    re.IGNORECASE,
)
_CELL = re.compile(r"\|\s*`([^`\n]+)`\s*(?=\||$)", re.MULTILINE)


@dataclass(frozen=True)
class Context:
    """What an item needs to know about its document.

    Attributes:
        parallel: whether nothing in its phase waits for anything else there.
        back: whether the steps of its section take something back, or are for failures.
    """

    findings: Findings
    definitions: Mapping[str, str] = field(default_factory=dict[str, str])
    settings: scripts.Settings = field(default_factory=scripts.Settings)
    parallel: bool = False
    back: bool = False
    # What is known about items and lists, by their id: those around them ask again and again. Both are kept, so that no other
    # one gets the id.
    _heads: dict[int, tuple[Item, Head]] = field(default_factory=dict[int, tuple[Item, Head]])
    _steps: dict[int, tuple[List, bool]] = field(default_factory=dict[int, tuple[List, bool]])

    def head_of(self, item: Item) -> Head:
        """The title of an item, taken apart."""
        known = self._heads.get(id(item))
        if known is None:
            known = self._heads[id(item)] = item, read_head(item, self.definitions, self.findings)
        return known[1]

    def holds_steps(self, block: List, found: Callable[[List], bool]) -> bool:
        """Whether a list holds steps, as `found` says when it is asked first."""
        known = self._steps.get(id(block))
        if known is None:
            known = self._steps[id(block)] = block, found(block)
        return known[1]

    def with_shell(self, shell: str) -> Context:
        """The same for scripts that run in this shell."""
        same = shell == self.settings.shell
        return self if same else replace(self, settings=replace(self.settings, shell=shell))

    def with_variables(self, names: Iterable[str]) -> Context:
        """The same for scripts that have these variables as well."""
        known = self.settings.variables.union(names)
        if len(known) == len(self.settings.variables):
            return self
        return replace(self, settings=replace(self.settings, variables=known))


def warn_of_kept(block: Block, findings: Findings) -> None:
    """Point out text that a reader could take for steps: code by indentation, and steps in quotes or HTML."""
    if isinstance(block, Fence):
        scripts.warn_of_text(block, findings)
    elif isinstance(block, Text) and block.kind == "code_block":
        findings.warn(
            block.line, "Code by indentation is treated as text. To run it, put it into a block that starts with ```sh."
        )
    elif isinstance(block, Text) and block.kind == "paragraph":
        command = _SAID.match(block.content)
        if command is not None and holds_commands(command[1]):
            findings.warn(
                block.line,
                "The command in this paragraph is not run. To run it, make it an item of a list: 1. Title: `command`.",
            )
    elif isinstance(block, Text) and block.kind == "table" and _shows_commands(block.source):
        findings.warn(
            block.line, "A table is treated as text, and so are the commands in it. To run them, write a list of steps."
        )
    elif isinstance(block, Text) and block.kind in {"blockquote", "html_block"} and _LIST_LINE.search(block.source):
        kind = "A quote" if block.kind == "blockquote" else "HTML"
        findings.warn(block.line, f"{kind} is treated as text, and so are the steps and blocks in it.")


def _shows_commands(table: str) -> bool:
    """Whether a cell of a table holds a command and nothing else."""
    return any(" " in code and holds_commands(code) for code in _CELL.findall(table))


def read_fence(part: TaskParts, block: Fence, context: Context) -> str:
    """Give a task the action of a block. Return what its description shows of the block."""
    if not scripts.is_script(block):
        part.action = fences.read_action(block, context.findings)
        part.by_hand = part.action is None
        return ""
    script = _read_script(block, context, must_run=part.must_run)
    part.action, part.name, part.by_hand = script.action, script.name, script.action is None
    part.why_by_hand = script.by_hand
    return script.expected


def _read_script(block: Fence, context: Context, *, must_run: bool) -> scripts.Script:
    """Read a block of commands, and what a person sees of it."""
    script = scripts.read_script(block, context.settings, context.findings, must_run=must_run)
    if script.by_hand:
        script.expected = block.source
    elif script.expected:
        ticks = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", script.expected))])
        script.expected = f"Expected output:\n\n{ticks}text\n{script.expected}\n{ticks}"
    return script
