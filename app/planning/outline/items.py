"""Reads what one list item is: a command, a task for a person, several steps, or text."""

from __future__ import annotations

import re
from functools import lru_cache

from app.domain.plan import ActionSpec, TaskDraft
from app.planning.outline import fences, scripts, sections
from app.planning.outline.blocks import ACTION_FENCE, ENV_FENCE, Block, Fence, Item, List
from app.planning.outline.context import Context, warn_of_kept
from app.planning.outline.elsewhere import ELSEWHERE, is_elsewhere, runs_elsewhere
from app.planning.outline.findings import Findings
from app.planning.outline.introductions import Said, line_that_excuses
from app.planning.outline.item_tasks import ItemStep, ItemTasks
from app.planning.outline.not_run import why_not_run
from app.planning.outline.outdented import ends_with_item
from app.planning.outline.parts import RUN, TaskParts, attribute_actions, read_attributes
from app.planning.outline.steps import Steps, is_released
from app.planning.outline.titles import Head, read_head

_SAMPLE = "This is a sample, so it is kept as text and does not run. To run it, add {run}."
# Something of each list whose items are all text, in lowercase.
_MAY_SAY_TEXT = re.compile(r"run=|example|instance|e\.g|sample|:[ \t]*(?:$|`)", re.MULTILINE)
_MAY_BE_EMPTY = re.compile(r"^\s*(?:[-*+]|[0-9]{1,9}[.)])\s*(?:\[[ xX]\])?\s*$", re.MULTILINE)
_PARTLY_QUOTED = re.compile(r"""(?<![\w-])([\w-]+)=([^\s"'{}]*["'][^"'{}]*["'][^\s{}]*)""")
_MAX_LOOKED_AT = 500
_HOW_TO_RUN = "To run it, write Title: `command` at the end of the item, or add {run}."
_RELEASED = (
    "so a person releases it before it runs, does it by hand, or skips it. To run it without being asked, add {run}."
)


def read_item(item: Item, context: Context, *, by_hand: bool = False, asks: bool = False) -> Steps:
    """The tasks of an item. Problems go into the context's findings. Without tasks, the item is text: it says `run=no`.

    Args:
        item: the item.
        context: the document.
        by_hand: whether a person does everything in it, because of the section that it is in.
        asks: whether a person releases what runs, because a sentence above it says that it is not always done.
    """
    findings = context.findings
    whole = next((block for block in item.blocks if isinstance(block, Fence) and block.language == "task"), None)
    if whole is not None and scripts.fence_options(whole).run is not False:
        return Steps.of(_json_task(item, whole, findings))
    head = context.head_of(item)
    line, column = head.place(0)
    if head.unknown:
        message = f"The braces around {head.unknown} are treated as text: they hold no attributes."
        findings.warn(head.lines[0][1], message)
    parts = TaskParts(line=line, column=column - head.begin)
    title = head.title
    if not head.source.strip() and not head.rest:
        findings.warn(item.line, "This item is empty, so it is left out.")
        return Steps(is_empty=True)
    if title.misshapen is not None:
        findings.problem(*head.place(title.misshapen), _misshapen(head.source[title.misshapen :]))
    if title.attributes:
        read_attributes(title.attributes, parts, head.place, findings)
    run = parts.fields.pop(RUN, None)
    parts.must_run = run is True or bool(parts.fields)
    if run is False:
        return Steps()
    if run is None and _is_sample(head):
        findings.warn(parts.line, _SAMPLE)
        return Steps(is_sample=True)
    return _Reader(head, parts, context, run=run is True, by_hand=by_hand, asks=asks).read()


def _is_sample(head: Head) -> bool:
    """Whether an item only shows something: "You should see:" above a block, "Expected output: `ok`"."""
    title = head.title
    said = sections.is_sample(title.text) or (title.command is not None and sections.is_sample(f"{title.label}:"))
    return said and head.checkbox is None and not title.attributes


def _misshapen(text: str) -> str:
    """What is wrong with braces that were meant as attributes: often, only a part of a value is in quotes."""
    partly_quoted = _PARTLY_QUOTED.search(text[:_MAX_LOOKED_AT])
    if partly_quoted is not None and partly_quoted[2][0] not in "\"'":
        name, value = partly_quoted[1], re.sub("[\"']", "", partly_quoted[2])
        return f'Put the whole value in quotes: {name}="{value}".'
    return "These attributes are not valid. Write {#key name=value name=value} at the end of the line."


def has_steps(block: List, context: Context, *, numbered: bool = True) -> bool:
    """Whether a nested list holds steps of its item. A list of plain words does only if it is numbered."""
    if is_text(block):
        return False
    return (numbered and block.start is not None) or context.holds_steps(
        block, lambda block: _has_steps(block, context)
    )


def _has_steps(block: List, context: Context) -> bool:
    for item in block.items:
        head = context.head_of(item)
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


def is_text(block: List) -> bool:
    """Whether all items of a list are text: they say `run=no`, only show something, or are empty."""
    return _may_be_text(block.source) and all(map(_says_text, block.items))


# Each list is asked several times, in a row or with those inside it.
@lru_cache(maxsize=64)
def _may_be_text(source: str) -> bool:
    return _MAY_SAY_TEXT.search(source.lower()) is not None or _MAY_BE_EMPTY.search(source) is not None


def warn_of_samples(block: List, findings: Findings) -> None:
    """Point out the items of a list of text that only show something, although a reader could run them."""
    for item in block.items:
        head = read_head(item, {}, findings)
        if _is_sample(head) and (head.title.codes or any(isinstance(inner, Fence) for inner in head.rest)):
            findings.warn(item.line, _SAMPLE)


def _says_text(item: Item) -> bool:
    head = read_head(item, {}, Findings(""))
    empty = not head.source.strip() and not head.rest
    return empty or _is_sample(head) or any(name == RUN and value == "no" for name, value, _ in head.title.attributes)


class _Reader:
    def __init__(self, head: Head, parts: TaskParts, context: Context, *, run: bool, by_hand: bool, asks: bool) -> None:
        self.head = head
        self.title = head.title
        self.rest = head.rest
        self.shows_script = any(isinstance(block, Fence) and scripts.is_action(block) for block in head.rest)
        self.parts = parts
        self.context = context
        self.findings = context.findings
        self.run = run
        sample = not run and not by_hand and sections.is_sample(self.title.text)
        if sample:
            self.findings.warn(parts.line, "This is a sample, so nothing of it runs. To run it, add {run}.")
        forbidden = not run and not by_hand and sections.forbids(self.title.text) and self.shows_script
        if forbidden:
            self.findings.warn(
                parts.line, "The words of this step say not to run it, so a person decides. To run it, add {run}."
            )
        self.elsewhere = not run and not by_hand and self._is_elsewhere(self.title.label or self.title.text)
        self.forced = (by_hand or sample or forbidden or self.elsewhere) and not run
        self.boxed = head.checkbox is not None
        self.conditional = not run and self._is_conditional()
        self.asks = (asks or self.conditional) and not self.forced and not run

    def read(self) -> Steps:
        if self.elsewhere and (self.title.command is not None or self.shows_script or self._has_steps()):
            self.findings.warn(self.parts.line, f"This step {ELSEWHERE}")
        actions = attribute_actions(self.parts)
        if self.head.checkbox not in {None, " "}:
            self.findings.warn(self.parts.line, "This checkbox is already ticked. The task still waits for a person.")
        command = None if actions else self._command()
        runs = command is not None or self._begins_with_script()
        by_person = self.boxed or (self.asks and not self._has_steps())
        if (self.boxed and actions) or (not actions and (self.forced or (by_person and not runs))):
            actions.append(ActionSpec(type="manual"))
        by_hand = bool(actions) and actions[-1].type == "manual"
        if by_hand:
            command = None
            self.parts.by_hand = True
        elif command is not None or self.shows_script:
            self._take_env()
        if command is not None and self._check_inline(command):
            command, by_hand, self.parts.by_hand = None, True, True
            actions.append(ActionSpec(type="manual"))
        shown = by_hand and (self.forced or not self.boxed)
        own = bool(actions) or self.boxed or command is not None
        steps, after = self._steps(by_hand=by_hand, shown=shown, own=own)
        labeled = command is not None
        if command is not None:
            actions.append(scripts.inline_action(command, self.context.settings))
        self._one_action(actions, steps)
        tasks = ItemTasks(self.title, self.parts, self.context, self._nested, labeled=labeled, run=self.run)
        excused = None if self.run or self.forced or self.boxed else line_that_excuses(after)
        released = (self.boxed or self.asks or excused is not None) and not self.run
        made = tasks.build(actions, steps, after, released=released, runs=not (self.forced or by_hand))
        self._warn_of_release(made, excused, released=tasks.released)
        made.line = self.parts.line
        # A checkbox is to be ticked, whatever else is. A condition says itself when a step applies.
        if not (self.run or self.forced or self.boxed or "condition" in self.parts.fields):
            made.words = (self.title.label if labeled else self.title.text).rstrip(" .:;,")
        return made

    def _is_elsewhere(self, words: str) -> bool:
        """Whether the words of the item say that it is for another machine. Without a command, only what begins so does."""
        for block in self.rest:
            fence = scripts.fence_options(block) if isinstance(block, Fence) else None
            # A block that says `action` or `run` says plainly what happens here.
            if fence is not None and (fence.run or (fence.language == ACTION_FENCE and fence.run is not False)):
                return False
        if is_elsewhere(words):
            return True
        runs = self.title.command is not None or self.shows_script or self._has_steps()
        return runs and runs_elsewhere(words, self._sources)

    def _sources(self) -> str:
        return "\n".join([self.title.command or "", *(block.source for block in self.rest)])

    def _nested(self, item: Item, said: Said) -> Steps:
        return read_item(item, self.context, by_hand=self.forced or said.by_hand, asks=self.asks or said.asks)

    def _command(self) -> str | None:
        """The inline code that runs. What does not run is pointed out, unless something else says what to do."""
        title = self.title
        found = title.command
        if self.run and found is None and len(title.codes) == 1:
            found = title.codes[0]
        if found is not None and not found.strip():
            return None
        if found is None or self.run or self.forced:
            return found
        why = why_not_run(title.label, found)
        if why is None:
            return found
        if not self.boxed:
            self._warn_of_code(why, "To run it, add {run}.")
        return None

    def _is_conditional(self) -> bool:
        words = [self.title.text, *filter(None, [self.title.label])]
        return any(map(sections.is_conditional, words)) or (
            not self.context.back and any(map(sections.is_way_back_step, words))
        )

    def _warn_of_code(self, why: str, how: str = _HOW_TO_RUN) -> None:
        self.findings.warn(self.parts.line, f"The code in this line is not run: {why}. {how}")

    def _warn_of_release(self, made: Steps, excused: int | None, *, released: bool) -> None:
        """Say why a person releases the item. `excused`: the line of the text that says that it is not always done."""
        if excused is not None and released:
            self.findings.warn(excused, f"These words say that the step is not always done, {_RELEASED}")
        elif self.conditional and (released or self._releases_nested(made)):
            words = self.title.label if sections.is_later(self.title.label) else self.title.text
            self.findings.warn(self.parts.line, f"This step is {sections.how_done(words)}, {_RELEASED}")
        elif self.boxed and released:
            self.findings.warn(self.parts.line, f"This step has a checkbox and a command, {_RELEASED}")

    def _releases_nested(self, made: Steps) -> bool:
        return "requires_approval" not in self.parts.places and any(is_released(task) for task in made.tasks)

    def _begins_with_script(self) -> bool:
        """Whether the first step of the item is a block that runs."""
        for block in self.rest:
            if isinstance(block, Fence) and scripts.is_action(block):
                return True
            if isinstance(block, List) and has_steps(block, self.context, numbered=not self.boxed):
                return False
        return False

    def _has_steps(self) -> bool:
        return bool(self.rest) and any(
            isinstance(block, List) and has_steps(block, self.context) for block in self.rest
        )

    def _steps(self, *, by_hand: bool, shown: bool, own: bool) -> tuple[list[ItemStep], list[Block]]:
        """The steps below the title, and the text after them. `shown`: a person does what the blocks say."""
        steps: list[ItemStep] = []
        before: list[Block] = []
        if not self.rest:
            return steps, before
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
            elif (isinstance(block, Fence) and scripts.is_action(block) and not shown) or (
                isinstance(block, List) and has_steps(block, self.context, numbered=not own)
            ):
                steps.append(ItemStep(block, before))
                before = []
            else:
                before.append(block)
        if not by_hand:
            for block in [*before, *(block for step in steps for block in step.before)]:
                warn_of_kept(block, self.findings)
                if isinstance(block, List) and is_text(block):
                    warn_of_samples(block, self.findings)
        return steps, before

    def _take_env(self) -> None:
        """Read the block of variables. In an item that runs nothing, it shows the contents of a file."""
        if not self.rest:
            return
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
        if not fence.closed and ends_with_item(fence.content, self.findings.lines[fence.end :]):
            self.findings.warn(fence.line, "This block has no end, so it ends with its item.")
        elif not fence.closed:
            marks = "~~~" if fence.source.lstrip().startswith("~") else "```"
            message = f"This block has no end. Close it with {marks}, and indent all its lines to the text of its item."
            self.findings.problem(fence.line, self.findings.column_of(fence.line, marks), message)

    def _check_inline(self, command: str) -> bool:
        """Find what could surprise in the command. Return whether a person has to do it instead."""
        line, column = self.parts.line, self.parts.column
        for _, number, _ in self.head.lines:
            if number < len(self.findings.lines) and command in self.findings.lines[number]:
                line, column = number, self.findings.column_of(number, command)
        why = scripts.check_script(
            command,
            line,
            self.findings,
            self.context.settings.variables,
            offset=column,
            must_run=self.parts.must_run,
        )
        return bool(why)

    def _one_action(self, actions: list[ActionSpec], steps: list[ItemStep]) -> None:
        blocks = [step.block.language for step in steps if isinstance(step.block, Fence)]
        if len(actions) > 1 or (actions and blocks and actions[0].type in {"wait", "decision", "milestone"}):
            kinds = ", ".join([*(action.type for action in actions), *blocks])
            message = (
                f"This task has several actions ({kinds}), but a task can have only one. Split it into several items."
            )
            self.findings.problem(self.parts.line, self.parts.column, message)
            del steps[:]


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
