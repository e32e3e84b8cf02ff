"""Turns one list item into its tasks. Usually it is one; an item with several blocks or with steps of its own is several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, cast

from app.domain.plan import ActionSpec, TaskDraft
from app.planning.outline import fences, scripts, sections
from app.planning.outline.blocks import ENV_FENCE, Block, Fence, Item, List, Text, joined
from app.planning.outline.findings import Findings
from app.planning.outline.parts import (
    MAX_TITLE_LENGTH,
    RUN,
    TaskParts,
    attribute_actions,
    extend_action,
    read_attributes,
    shortened,
    take_action_fields,
)
from app.planning.outline.titles import Head, label_of, link_lines, read_head

_LIST_LINE = re.compile(
    r"^[ \t]*(?:>[ \t]?)*[ \t]*(?:```|~~~|(?:[-*+]|[0-9]{1,9}[.)])\s+(?:\[[ xX]\]|[^`\n]*`)|\$ )", re.MULTILINE
)
# A longer title is not put in front of the titles of its steps.
_MAX_PREFIX = 100


@dataclass(frozen=True)
class Context:
    """What an item needs to know about its document."""

    findings: Findings
    definitions: Mapping[str, str] = field(default_factory=dict[str, str])
    settings: scripts.Settings = field(default_factory=scripts.Settings)

    def with_variables(self, names: Iterable[str]) -> Context:
        """The same for scripts that have these variables as well."""
        known = self.settings.variables.union(names)
        return replace(self, settings=replace(self.settings, variables=known))


@dataclass
class _Step:
    """A block or a nested list that is a step, and the text before it."""

    block: Fence | List
    before: list[Block]


def read_item(item: Item, context: Context, *, by_hand: bool = False) -> list[TaskParts]:
    """The tasks of an item, in order: each waits for the one before. Problems go into the context's findings.

    An empty list means that the item says `run=no`: it is text.

    Args:
        item: the item.
        context: the document.
        by_hand: whether a person does everything in it, because of the section that it is in.
    """
    findings = context.findings
    whole = next((block for block in item.blocks if isinstance(block, Fence) and block.language == "task"), None)
    if whole is not None and scripts.fence_options(whole).run is not False:
        return [_json_task(item, whole, findings)]
    head = read_head(item, context.definitions, context.findings)
    line, column = head.place(0)
    parts = TaskParts(line=line, column=column - head.begin)
    title = head.title
    if title.misshapen is not None:
        message = "These attributes are not valid. Write {#key name=value name=value} at the end of the line."
        findings.problem(*head.place(title.misshapen), message)
    read_attributes(title.attributes, parts, head.place, findings)
    run = parts.fields.pop(RUN, None)
    if run is False:
        return []
    return _Reader(head, parts, context, run=run is True, by_hand=by_hand).read()


def warn_of_kept(block: Block, findings: Findings) -> None:
    """Point out text that a reader could take for steps: code by indentation, and steps in quotes or HTML."""
    if isinstance(block, Fence):
        scripts.warn_of_text(block, findings)
    elif isinstance(block, Text) and block.kind == "code_block":
        findings.warn(
            block.line, "Code by indentation is treated as text. To run it, put it into a block that starts with ```sh."
        )
    elif isinstance(block, Text) and block.kind in {"blockquote", "html_block"} and _LIST_LINE.search(block.source):
        kind = "A quote" if block.kind == "blockquote" else "HTML"
        findings.warn(block.line, f"{kind} is treated as text, and so are the steps and blocks in it.")


def has_steps(block: List, context: Context, *, numbered: bool = True) -> bool:
    """Whether a nested list holds steps of its item. A list of plain words does only if it is numbered."""
    if numbered and block.start is not None:
        return True
    for item in block.items:
        head = read_head(item, context.definitions, Findings(""))
        attributes = bool(head.title.attributes) and head.title.misshapen is None
        if head.checkbox is not None or head.title.command is not None or attributes:
            return True
        for inner in head.rest:
            if isinstance(inner, Fence) and (scripts.is_action(inner) or inner.language == "task"):
                return True
            if isinstance(inner, List) and has_steps(inner, context):
                return True
    return any(
        isinstance(inner, Fence) and scripts.is_action(inner) for item in block.items for inner in item.blocks[:1]
    )


class _Reader:
    def __init__(self, head: Head, parts: TaskParts, context: Context, *, run: bool, by_hand: bool) -> None:
        self.head = head
        self.title = head.title
        self.rest = head.rest
        self.parts = parts
        self.context = context
        self.findings = context.findings
        self.run = run
        self.forced = by_hand and not run
        self.expected = ""
        self.given: dict[str, Any] = {}

    def read(self) -> list[TaskParts]:
        actions = attribute_actions(self.parts)
        if self.head.checkbox is not None:
            actions.append(ActionSpec(type="manual"))
            if self.head.checkbox != " ":
                self.findings.warn(
                    self.parts.line, "This checkbox is already ticked. The task still waits for a person."
                )
        conditional = not self.run and self._is_conditional()
        command = None if actions else self._command()
        by_hand = bool(actions and actions[-1].type == "manual") or ((self.forced or conditional) and not actions)
        if not by_hand and (command is not None or self._shows_script()):
            self._take_env()
        steps, after = self._steps(by_hand=by_hand, own=bool(actions) or command is not None)
        if not actions and command is None and _are_ways(steps):
            message = (
                "The blocks of this item are several ways to do it, so a person decides which one applies and runs it."
            )
            self.findings.warn(self.parts.line, message)
            by_hand = True
            steps, after = self._steps(by_hand=True, own=True)
        if conditional and not actions and not self.forced and (command is not None or self._shows_script()):
            self.findings.warn(
                self.parts.line,
                "A person decides about this step and does it, since it is not always done. It does not "
                "run by itself. To run it, add {run}.",
            )
        if by_hand and not actions:
            actions, command = [ActionSpec(type="manual")], None
            self.parts.by_hand = True
        if command is not None:
            actions.append(scripts.inline_action(command, self.context.settings))
            self._check_inline(command)
        self._one_action(actions, steps)
        return self._build(actions, steps, after, labeled=command is not None)

    def _command(self) -> str | None:
        """The inline code that runs. What does not run is pointed out, unless something else says what to do."""
        title = self.title
        found = title.command
        if self.run and found is None and len(title.codes) == 1:
            found = title.codes[0]
        if found is not None and not found.strip():
            return None
        if found is None or self.run or self.forced or self._is_conditional():
            return found
        why = sections.why_not_run(title.label, found)
        if why is None:
            return found
        self._warn_of_code(why, "To run it, add {run}.")
        return None

    def _is_conditional(self) -> bool:
        return sections.is_conditional(self.title.text) or sections.is_conditional(self.title.label)

    def _warn_of_code(
        self, why: str, how: str = "To run it, write Title: `command` at the end of the item, or add {run}."
    ) -> None:
        self.findings.warn(self.parts.line, f"The code in this line is not run: {why}. {how}")

    def _steps(self, *, by_hand: bool, own: bool) -> tuple[list[_Step], list[Block]]:
        steps: list[_Step] = []
        before: list[Block] = []
        inputs = False
        for block in self.rest:
            if isinstance(block, Fence):
                self._check_end(block)
            if (
                isinstance(block, Fence)
                and block.language == "inputs"
                and scripts.fence_options(block).run is not False
            ):
                if inputs:
                    column = self.findings.column_of(block.line, "inputs")
                    message = "This task already has an inputs block. Put all inputs into one block."
                    self.findings.problem(block.line, column, message)
                else:
                    self.parts.fields["inputs"] = fences.read_inputs(block, self.findings)
                inputs = True
            elif (isinstance(block, Fence) and scripts.is_action(block) and not by_hand) or (
                isinstance(block, List) and has_steps(block, self.context, numbered=not own)
            ):
                steps.append(_Step(block, before))
                before = []
            else:
                before.append(block)
        if not by_hand:
            for block in [*before, *(block for step in steps for block in step.before)]:
                warn_of_kept(block, self.findings)
        return steps, before

    def _take_env(self) -> None:
        """Read the block of variables. In an item that runs nothing, it shows the contents of a file."""
        found = [
            block
            for block in self.rest
            if isinstance(block, Fence)
            and block.language == ENV_FENCE
            and scripts.fence_options(block).run is not False
        ]
        for number, block in enumerate(found):
            place = (block.line, self.findings.column_of(block.line, ENV_FENCE))
            if number:
                message = "This task already has an env block. Put all variables into one block."
                self.findings.problem(*place, message)
            self.parts.fields["env"] = fences.read_env(block, self.findings)
            self.parts.places["env"] = place
        self.rest = [block for block in self.rest if block not in found]
        if found:
            self.context = self.context.with_variables(self.parts.fields["env"])

    def _check_end(self, fence: Fence) -> None:
        if not fence.closed:
            marks = "~~~" if fence.source.lstrip().startswith("~") else "```"
            message = f"This block has no end. Close it with {marks}, and indent all its lines to the text of its item."
            self.findings.problem(fence.line, self.findings.column_of(fence.line, marks), message)

    def _shows_script(self) -> bool:
        return any(isinstance(block, Fence) and scripts.is_action(block) for block in self.rest)

    def _check_inline(self, command: str) -> None:
        line, column = self.parts.line, self.parts.column
        for _, number, _ in self.head.lines:
            if number < len(self.findings.lines) and command in self.findings.lines[number]:
                line, column = number, self.findings.column_of(number, command)
        scripts.check_script(command, line, self.findings, self.context.settings.variables, offset=column)

    def _one_action(self, actions: list[ActionSpec], steps: list[_Step]) -> None:
        blocks = [step.block.language for step in steps if isinstance(step.block, Fence)]
        if len(actions) > 1 or (actions and blocks and actions[0].type in {"wait", "decision", "milestone"}):
            kinds = ", ".join([*(action.type for action in actions), *blocks])
            message = (
                f"This task has several actions ({kinds}), but a task can have only one. Split it into several items."
            )
            self.findings.problem(self.parts.line, self.parts.column, message)
            del steps[:]

    def _build(
        self, actions: list[ActionSpec], steps: list[_Step], after: list[Block], *, labeled: bool
    ) -> list[TaskParts]:
        # An item that starts with a list has no action of its own, unless its title says what to do.
        group = not actions and bool(steps) and isinstance(steps[0].block, List)
        text = self._text(labeled=labeled)
        result: list[TaskParts] = []
        if not group:
            self.given = take_action_fields(self.parts)
            self._check_single(actions, steps)
            after = self._own_task(actions, steps, after, text)
            result.append(self.parts)
            text = text or self.parts.title
        prefix = text.rstrip(" .:;,")
        for number, step in enumerate(steps, 2):
            result += self._step(step, prefix, number)
        if group:
            self._group(result, prefix, _paragraphs(self._full(text), link_lines(self.title)))
        if after and result:
            result[-1].description = _paragraphs(result[-1].description, self._texts(after))
        for before, part in pairwise(result):
            part.follows = [before]
        if len(result) > 1:
            result[0].ends_with = result[-1]
        return result

    def _check_single(self, actions: list[ActionSpec], steps: list[_Step]) -> None:
        """Refuse what is said about one command in an item that has several."""
        if len(actions) + len(steps) < 2:
            return
        for name, attribute in (("expect", "expect"), ("every_seconds", "every")):
            if name in self.given:
                message = (
                    f"'{attribute}' is for one command, but this item has several steps. Split it into several items."
                )
                self.findings.problem(*self.parts.places[name], message)

    def _text(self, *, labeled: bool) -> str:
        """The title: without the command that runs, unless it is nothing else."""
        title = self.title
        if labeled and title.label:
            return title.label
        return title.text if not labeled else " ".join((title.text or title.command or "").split())

    def _full(self, text: str) -> str:
        return text if len(text) > MAX_TITLE_LENGTH else ""

    def _own_task(self, actions: list[ActionSpec], steps: list[_Step], after: list[Block], text: str) -> list[Block]:
        """Make the task of the item itself, with its first block. Return the text that belongs to its other steps."""
        parts, title = self.parts, self.title
        parts.action = actions[0] if actions else None
        own: list[Block] = []
        if not actions and steps:
            first = steps.pop(0)
            own = first.before
            self._script(parts, first.block)
        elif steps:
            own, steps[0].before = steps[0].before, []
        below: list[Block] = []
        if not steps:
            below, after = after, []
        extend_action(parts, self.given, parts.places, self.findings)
        parts.description = _paragraphs(
            self._full(text), self._texts(own), self._texts(below), self.expected, link_lines(title)
        )
        text = text or _text_of(parts.action)
        if not text.strip():
            message = "This item has no title. Say in a few words what it does."
            self.findings.problem(parts.line, parts.column, message)
        parts.title = shortened(text)
        if parts.action is None and title.codes and not title.command and not self.forced:
            self._warn_of_code("it is part of a sentence")
        return after

    def _step(self, step: _Step, prefix: str, number: int) -> list[TaskParts]:
        before = self._texts(step.before)
        if isinstance(step.block, List):
            found: list[TaskParts] = []
            for item in step.block.items:
                found += read_item(item, self.context, by_hand=self.forced)
            for part in found:
                if part.whole is None and part.title and 0 < len(prefix) <= _MAX_PREFIX:
                    part.title = shortened(f"{prefix}: {part.title}")
            if found and found[0].whole is None:
                found[0].description = _paragraphs(before, found[0].description)
            return found
        label = label_of(step.before)
        title = f"{prefix}: {label}" if label else f"{prefix} ({number})"
        part = TaskParts(line=step.block.line, column=0, title=shortened(title), fields=dict(self.parts.fields))
        self._script(part, step.block)
        extend_action(part, self.given, self.parts.places, self.findings)
        part.description = _paragraphs(before if before.rstrip(":") != label else "", self.expected)
        return [part]

    def _script(self, part: TaskParts, block: Fence | List) -> None:
        self.expected = ""
        if not isinstance(block, Fence):
            return
        if not scripts.is_script(block):
            part.action = _own_action(block, self.findings)
            part.by_hand = part.action is None
            return
        script = read_block(block, self.context)
        part.action, part.name, part.by_hand, self.expected = (
            script.action,
            script.name,
            script.action is None,
            script.expected,
        )

    def _texts(self, blocks: list[Block]) -> str:
        return joined(blocks, self.findings.lines)

    def _group(self, steps: list[TaskParts], prefix: str, description: str) -> None:
        """An item that only holds steps. If other tasks can name it, it becomes a milestone after its steps."""
        parts = self.parts
        extra = [name for name in parts.fields if name != "depends_on"]
        if extra:
            named = ", ".join(extra)
            message = (
                f"An item that only holds steps takes no attributes but #key and after. Move to the steps: {named}."
            )
            self.findings.problem(parts.line, parts.column, message)
        if not steps:
            return
        if steps[0].whole is None:
            steps[0].description = _paragraphs(description, steps[0].description)
            steps[0].after = [*parts.after, *(key for key in steps[0].after if key not in parts.after)]
            if "depends_on" in parts.places:
                steps[0].places.setdefault("depends_on", parts.places["depends_on"])
        if parts.key is not None or "key" in parts.places:
            parts.title, parts.after, parts.action = shortened(prefix) or "-", [], ActionSpec(type="milestone")
            parts.fields.clear()
            steps.append(parts)


def _text_of(action: ActionSpec | None) -> str:
    """What an action does, as the title of a task that has none."""
    fields = action.fields() if action is not None else {}
    argv = cast("list[object]", fields.get("argv") or [""])
    text = fields.get("command") or fields.get("prompt") or fields.get("url") or argv[-1]
    return str(text).removeprefix(scripts.STRICT_SH)


def read_block(block: Fence, context: Context) -> scripts.Script:
    """Read a block of commands, and what a person sees of it."""
    script = scripts.read_script(block, context.settings, context.findings)
    if script.by_hand:
        script.expected = block.source
    elif script.expected:
        ticks = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", script.expected))])
        script.expected = f"Expected output:\n\n{ticks}text\n{script.expected}\n{ticks}"
    return script


def _own_action(fence: Fence, findings: Findings) -> ActionSpec | None:
    return fences.read_action(fence, findings)


def _json_task(item: Item, fence: Fence, findings: Findings) -> TaskParts:
    column = findings.column_of(fence.line, "task")
    parts = TaskParts(line=fence.line, column=column)
    if len(item.blocks) > 1:
        message = "A task block defines the whole task. Remove everything else from its item."
        findings.problem(fence.line, column, message)
    if not fence.closed:
        findings.problem(fence.line, column, "This block has no end. Close it with ```.")
    parts.whole = fences.read_model(TaskDraft, fence, findings)
    if parts.whole is not None:
        parts.key = parts.whole.key
    return parts


def _are_ways(steps: list[_Step]) -> bool:
    """Whether the text before the blocks of an item says that they are alternatives: "On Debian:", "On a Mac:"."""
    return sum(sections.kind_of(label_of(step.before)) == sections.Kind.ALTERNATIVE for step in steps) > 1


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
