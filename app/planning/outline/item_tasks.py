"""Makes the tasks of one list item. Usually it is one; an item with several blocks or with steps of its own is several."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from app.domain.plan import ActionSpec
from app.planning.outline import scripts
from app.planning.outline.blocks import Block, Fence, Item, List, joined
from app.planning.outline.context import Context, read_fence
from app.planning.outline.inline import Title, read_title
from app.planning.outline.introductions import WAITS, Said, line_that_waits, said_above
from app.planning.outline.open_session import OpenSession
from app.planning.outline.parts import MAX_TITLE_LENGTH, TaskParts, extend_action, shortened, take_action_fields
from app.planning.outline.sections import is_alternative, offers_ways
from app.planning.outline.steps import (
    WHICH,
    Steps,
    by_worker,
    choose,
    is_released,
    release,
    release_choice,
    release_ways,
    with_choices,
)
from app.planning.outline.titles import label_of, link_lines

# A longer title is not put in front of the titles of its steps.
_MAX_PREFIX = 100
# The places of what an item says about the question which of its ways applies.
_OF_A_QUESTION = frozenset({"key", "depends_on", "condition"})


_WORDS = re.compile(r"\w")
_MARKERS = re.compile(r"^\s*(?:(?:[-*+>|]|[0-9]{1,9}[.)])\s*)+(?:\[[ xX]\]\s+)?")


@dataclass
class ItemStep:
    """A block or a nested list that is a step, and the text before it."""

    block: Fence | List
    before: list[Block]


class ItemTasks:
    """Makes the tasks of an item. Afterwards, `released` says whether a person releases one that the item itself runs.

    Args:
        title: its title.
        parts: what its attributes say.
        context: the document.
        nested: reads an item of a nested list. The words above the list may say that a person decides about it, or does it.
        labeled: whether the title ends with the command of the item.
        run: whether its author says that it runs, whatever the words in it say.
    """

    def __init__(
        self,
        title: Title,
        parts: TaskParts,
        context: Context,
        nested: Callable[[Item, Said], Steps],
        *,
        labeled: bool,
        run: bool,
    ) -> None:
        self.title = title
        self.parts = parts
        self.context = context
        self.findings = context.findings
        self.nested = nested
        self.labeled = labeled
        self.run = run
        self.fields: dict[str, Any] = {}
        self.places = parts.places
        self.given: dict[str, Any] = {}
        self.asks_which = False
        self.all_released = False
        self.released = False

    def build(
        self, actions: list[ActionSpec], steps: list[ItemStep], after: list[Block], *, released: bool, runs: bool
    ) -> Steps:
        """The tasks, each behind the one before.

        Args:
            actions: what the item does besides its steps.
            steps: its steps.
            after: the text below its last step.
            released: whether a person releases what runs.
            runs: whether anything in the item may run.
        """
        self.all_released = released
        waits = line_that_waits(after)
        # An item that starts with a list has no action of its own, unless its title says what to do.
        group = not actions and bool(steps) and isinstance(steps[0].block, List)
        text = self._text()
        result = Steps()
        if not group:
            self.given = take_action_fields(self.parts)
            self._check_single(actions, steps)
            if not actions and not self.context.parallel and _ways_from(0, steps):
                self._own_question(text)
            else:
                after = self._own_task(actions, steps, after, text, runs=runs)
                result.add(Steps.of(self.parts))
                text = text or self.parts.title
        prefix = text.rstrip(" .:;,")
        self._add_steps(result, steps, prefix, released=released)
        if released and not group:
            self._release(self.parts)
        if group:
            self._group(result, prefix, _paragraphs(self._full(text), link_lines(self.title)))
        if after and result.tasks:
            last = result.tasks[-1]
            last.description = _paragraphs(last.description, self._texts(after))
        if len(result.tasks) > 1:
            result.tasks[0].ends_with = result.ends
        if result.tasks and by_worker(result.tasks[-1]):
            result.waits = waits
        return result

    def _add_steps(self, result: Steps, steps: list[ItemStep], prefix: str, *, released: bool) -> None:
        """Append the steps behind the item's own task. Blocks side by side that are several ways are one choice."""
        number = 0
        while number < len(steps):
            ways = _ways_from(number, steps)
            if not ways:
                found = self._step(steps[number], prefix, number + 2)
                if released and isinstance(steps[number].block, Fence):
                    self._release(found.tasks[0])
                elif not self.run and _is_lone_way(steps[number]):
                    release_ways([found], self.findings)
                _append(result, found)
                number += 1
                continue
            # What stands above the first of the ways is about all of them.
            above, ways[0].before = self._texts(ways[0].before[:-1]), ways[0].before[-1:]
            made = [self._step(step, prefix, number + 2) for step in ways]
            if released:
                for way in made:
                    self._release(way.tasks[0])
            if self.context.parallel:
                made[0].tasks[0].description = _paragraphs(above, made[0].tasks[0].description)
                release_ways(made, self.findings)
                for way in made:
                    _append(result, way)
            else:
                own = self.asks_which and not result.tasks
                title = shortened(f"{prefix}: {WHICH}" if len(prefix) <= _MAX_PREFIX else WHICH)
                question = self.parts if own else TaskParts(ways[0].block.line, 0, title=title)
                question.description = _paragraphs(question.description, above)
                labels = [label_of(step.before) for step in ways]
                _append(result, choose(question, list(zip(labels, made, strict=True)), self.findings))
            number += len(ways)

    def _release(self, task: TaskParts) -> None:
        self.released = release(task) or self.released

    def _own_question(self, text: str) -> None:
        """Make the item's own task the question which of its ways applies. Its attributes are those of the ways."""
        parts = self.parts
        self.asks_which = True
        self.fields = {name: value for name, value in parts.fields.items() if name != "condition"}
        parts.fields = {name: value for name, value in parts.fields.items() if name == "condition"}
        parts.places = {name: place for name, place in parts.places.items() if name in _OF_A_QUESTION}
        parts.title = shortened(f"{text.rstrip(' .:;,?')}: {WHICH}" if text else WHICH)
        parts.description = _paragraphs(self._full(text), link_lines(self.title))

    def _check_single(self, actions: list[ActionSpec], steps: list[ItemStep]) -> None:
        """Refuse what is said about one command in an item that has several."""
        if len(actions) + len(steps) < 2:
            return
        for name, attribute in (("expect", "expect"), ("every_seconds", "every")):
            if name in self.given:
                message = (
                    f"'{attribute}' is for one command, but this item has several steps. Split it into several items."
                )
                self.findings.problem(*self.parts.places[name], message)

    def _text(self) -> str:
        """The title: without the command that runs, unless it is nothing else."""
        title = self.title
        if self.labeled and title.label:
            return title.label
        return title.text if not self.labeled else " ".join((title.text or title.command or "").split())

    def _full(self, text: str) -> str:
        return text if len(text) > MAX_TITLE_LENGTH else ""

    def _own_task(
        self, actions: list[ActionSpec], steps: list[ItemStep], after: list[Block], text: str, *, runs: bool
    ) -> list[Block]:
        """Make the task of the item itself, with its first block. Return the text that belongs to its other steps."""
        parts, title = self.parts, self.title
        parts.action = actions[0] if actions else None
        self.fields = dict(parts.fields)
        own: list[Block] = []
        expected = ""
        if not actions and steps:
            first = steps.pop(0)
            own = first.before
            if isinstance(first.block, Fence):
                expected = self._read(parts, first.block, first.before, first=True)
        elif steps and not self._is_about(steps[0]):
            own, steps[0].before = steps[0].before, []
        below: list[Block] = []
        if not steps:
            below, after = after, []
        extend_action(parts, self.given, self.places, self.findings)
        parts.description = _paragraphs(
            self._full(text), self._texts(own), self._texts(below), expected, link_lines(title)
        )
        text = text or _text_of(parts.action) or _first_words([*own, *below])
        if not text.strip():
            message = "This item has no title. Say in a few words what it does."
            self.findings.problem(parts.line, parts.column, message)
        parts.title = shortened(text)
        if parts.action is None and title.codes and not title.command and runs:
            message = (
                "The code in this line is not run: it is part of a sentence. To run it, write Title: `command` at the "
                "end of the item, or add {run}."
            )
            self.findings.warn(parts.line, message)
        return after

    def _step(self, step: ItemStep, prefix: str, number: int) -> Steps:
        before = self._texts(step.before)
        if isinstance(step.block, List):
            said = self._said(step.before, step.block, first=False)
            items, lead = self._items(step.block, said)
            before = _paragraphs(before, lead)
            release_choice(items, self.findings, offered=offers_ways(label_of(step.before) or prefix))
            found = Steps()
            for one in with_choices(items, self.findings, parallel=self.context.parallel):
                _append(found, one)
            for part in found.tasks:
                if part.whole is None and part.title and 0 < len(prefix) <= _MAX_PREFIX:
                    part.title = shortened(f"{prefix}: {part.title}")
            if found.tasks and found.tasks[0].whole is None:
                found.tasks[0].description = _paragraphs(before, found.tasks[0].description)
            return found
        label = label_of(step.before)
        title = f"{prefix}: {label}" if label else f"{prefix} ({number})"
        part = TaskParts(line=step.block.line, column=0, title=shortened(title), fields=dict(self.fields))
        part.must_run = self.parts.must_run
        expected = self._read(part, step.block, step.before, first=False)
        extend_action(part, self.given, self.places, self.findings)
        part.description = _paragraphs(before if before.rstrip(":") != label else "", expected)
        return Steps.of(part)

    def _items(self, block: List, said: Said) -> tuple[list[Steps], str]:
        """The steps of the items of a nested list, and the text before them. Other text goes to the step above."""
        groups: list[Steps] = []
        lead = ""
        waits = said.line if said.only_first else None
        session = OpenSession(self.context)
        for number, item in enumerate(block.items, 1):
            inside = session.takes_item(item, last=number == len(block.items))
            asks = waits is not None or (said.asks and not said.only_first)
            group = self.nested(item, replace(said, asks=asks, by_hand=said.by_hand or inside))
            if waits is not None and group.tasks and is_released(group.tasks[0]):
                self.findings.warn(waits, WAITS)
            waits = group.waits if group.tasks else waits
            if group.tasks:
                groups.append(group)
                continue
            if group.is_empty:
                continue
            text = "\n".join(line.rstrip() for line in self.findings.lines[item.line : item.end]).strip()
            if groups and groups[-1].tasks[-1].whole is None:
                last = groups[-1].tasks[-1]
                last.description = _paragraphs(last.description, text)
            else:
                lead = _paragraphs(lead, text)
        return groups, lead

    def _is_about(self, step: ItemStep) -> bool:
        """Whether the text above a step says when or where it is done, and so is not about the item's own command."""
        said = said_above(step.before, step.block, back=self.context.back, first=False)
        return _is_way(step) or bool(said.warning)

    def _said(self, before: list[Block], block: Fence | List, *, first: bool) -> Said:
        """What the words above a step say of it, with a warning."""
        said = Said() if self.run else said_above(before, block, back=self.context.back, first=first)
        if said.warning and not said.only_first and not (said.asks and self.all_released):
            self.findings.warn(said.line, said.warning)
        return said

    def _read(self, part: TaskParts, fence: Fence, before: list[Block], *, first: bool) -> str:
        """Give a task what a block does. Return what its description shows of the block."""
        said = self._said(before, fence, first=first)
        if said.by_hand:
            part.action, part.by_hand = ActionSpec(type="manual"), True
            return fence.source
        shown = read_fence(part, fence, self.context)
        if said.asks and release(part) and said.only_first and not self.all_released:
            self.findings.warn(said.line, said.warning)
        return shown

    def _texts(self, blocks: list[Block]) -> str:
        return joined(blocks, self.findings.lines) if blocks else ""

    def _group(self, steps: Steps, prefix: str, description: str) -> None:
        """An item that only holds steps. If other tasks can name it, it becomes a milestone after its steps."""
        parts = self.parts
        extra = [name for name in parts.fields if name != "depends_on"]
        if extra:
            named = ", ".join(extra)
            message = (
                f"An item that only holds steps takes no attributes but #key and after. Move to the steps: {named}."
            )
            self.findings.problem(parts.line, parts.column, message)
        if not steps.tasks:
            return
        first = steps.tasks[0]
        if first.whole is None:
            first.description = _paragraphs(description, first.description)
            first.after = [*parts.after, *(key for key in first.after if key not in parts.after)]
            if "depends_on" in parts.places:
                first.places.setdefault("depends_on", parts.places["depends_on"])
        if parts.key is not None or "key" in parts.places:
            parts.title, parts.after, parts.action = shortened(prefix) or "-", [], ActionSpec(type="milestone")
            parts.fields.clear()
            steps.add(Steps.of(parts))


def _append(steps: Steps, found: Steps) -> None:
    if found.tasks:
        steps.add(found)


def _ways_from(number: int, steps: list[ItemStep]) -> list[ItemStep]:
    """The steps from this one on that are several ways, by the text before them: "On Debian:", "On a Mac:"."""
    end = number
    while end < len(steps) and _is_way(steps[end]):
        end += 1
    return steps[number:end] if end - number > 1 else []


def _is_way(step: ItemStep) -> bool:
    return isinstance(step.block, Fence) and is_alternative(label_of(step.before))


def _is_lone_way(step: ItemStep) -> bool:
    return _is_way(step) and isinstance(step.block, Fence) and not scripts.fence_options(step.block).run


def _text_of(action: ActionSpec | None) -> str:
    """What an action does, as the title of a task that has none."""
    fields = action.fields() if action is not None else {}
    argv = cast("list[object]", fields.get("argv") or [""])
    text = fields.get("command") or fields.get("prompt") or fields.get("url") or argv[-1]
    return str(text).removeprefix(scripts.STRICT_SH)


def _first_words(blocks: list[Block]) -> str:
    """What an item without words of its own is about: the first command that it shows, or the first line of its text."""
    for block in blocks:
        if isinstance(block, Fence):
            return scripts.first_command(block)
        line = next((line for line in block.source.split("\n") if _WORDS.search(line)), "")
        if line:
            return read_title(_MARKERS.sub("", line), {}).text.strip()
    return ""


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))
