"""Reads the steps of one section into its phase: which tasks they are, in which order, and which text belongs to which."""

from __future__ import annotations

import re
from dataclasses import replace

from app.domain.plan import ActionSpec
from app.planning.outline import fences, scripts
from app.planning.outline.asides import SAMPLE
from app.planning.outline.blocks import ENV_FENCE, Block, Fence, Item, List, Text, joined
from app.planning.outline.context import Context, read_fence, warn_of_kept
from app.planning.outline.growing_phase import DEFAULT_PHASE, Phase, append_text
from app.planning.outline.inline import read_title
from app.planning.outline.introductions import (
    EXCUSED,
    WAITS,
    Said,
    introduction,
    line_that_excuses,
    line_that_waits,
    said_above,
)
from app.planning.outline.items import is_text, read_item, warn_of_samples
from app.planning.outline.open_session import OpenSession
from app.planning.outline.parts import MAX_TITLE_LENGTH, TaskParts, shortened
from app.planning.outline.section import CONTINUED, Section
from app.planning.outline.sections import is_alternative, offers_ways
from app.planning.outline.shared_settings import SharedSettings
from app.planning.outline.steps import (
    WHICH,
    Steps,
    choose,
    is_released,
    release,
    release_choice,
    release_ways,
    with_choices,
)
from app.planning.outline.structure import is_contents, is_step
from signoff.vocabulary import PhaseStrategy, RunsOn

_PARALLEL, _SEQUENTIAL, _DAG = PhaseStrategy.PARALLEL, PhaseStrategy.SEQUENTIAL, PhaseStrategy.DAG

# Sentences before a block that say nothing about what it does.
_EMPTY_WORDS = re.compile(
    r"(?:(?:then|next|now|first|finally|to do (?:so|this|that)|for (?:this|that)|you can|please|and),?\s+)*"
    r"(?:(?:run|execute|use|enter|type|issue|do|try|with|by running|using|as follows|like (?:this|so)|"
    r"for example|example|e\.g\.?|"
    r"the following|this|and then|then|or|and)\b[\s,]*)"
    r"(?:(?:the|this|these|following|commands?|scripts?|below|in (?:a|your) (?:terminal|shell)|as follows|"
    r"like (?:this|so)|from the root|"
    r"one of|steps?)\b[\s,]*)*",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_AFTERWARDS = re.compile(r"\b(?:then|next|after(?:wards)?|finally|lastly|now|once)\b", re.IGNORECASE)


class SectionSteps:
    """Reads the steps of one section into its phase. Afterwards, `summary` has the text that belongs to the whole plan.

    `waits` is then the line of text that says that the next section must wait.

    Args:
        phase: the phase.
        section: the section; not that of the phase if it continues a numbered list of it.
        context: the document.
        plan: the settings that all tasks share.
        ordered: whether the document has steps that are in order.
        first: whether the phase is the first of the plan.
        by_hand: whether a person does all steps.
        session: the session that the steps before have opened.
        ends: whether no steps come after the section.
        waits: the line of the text before the section that says that its first step must wait.
    """

    def __init__(
        self,
        phase: Phase,
        section: Section,
        context: Context,
        plan: SharedSettings,
        *,
        ordered: bool,
        first: bool,
        by_hand: bool,
        session: OpenSession,
        ends: bool,
        waits: int | None,
    ) -> None:
        self.phase = phase
        self.section = section
        parallel = phase.section.strategy == _PARALLEL
        back = phase.section.runs_on != RunsOn.SUCCESS or section.takes_back
        self._outer = replace(context, parallel=parallel, back=back)
        self.context = self._outer
        self.findings = context.findings
        self.plan, self.ordered, self.first = plan, ordered, first
        self.by_hand = by_hand
        self.summary: list[str] = []
        self._bold = "" if section is phase.section else f"**{section.name}**"
        self._alone = sum(map(is_step, section.blocks)) == 1
        self._number = 0
        self._session = session
        self._ends = ends
        self.waits = waits
        self._blocks = sum(isinstance(block, Fence) and is_step(block) for block in section.blocks)
        self._ways = self._find_ways()

    def read(self) -> None:
        """Read all blocks of the section."""
        known = len(self.phase.tasks)
        before: list[Block] = []
        self._set_shared()
        for block in self.section.blocks:
            if isinstance(block, Fence) and block.language == ENV_FENCE and self._sets_env():
                self.section.shared.env.update(fences.read_env(block, self.findings))
                self._set_shared()
            elif (
                isinstance(block, Text)
                and block.kind == SAMPLE
                and self.phase.tasks
                and self.phase.tasks[-1].whole is None
            ):
                append_text(self.phase.tasks[-1], self._source([*before[-1:], block]))
                before = before[:-1]
            elif not is_step(block):
                if is_contents(block):
                    self.findings.warn(block.line, "These links to sections of the document are treated as text.")
                warn_of_kept(block, self.findings)
                if isinstance(block, List) and is_text(block):
                    warn_of_samples(block, self.findings)
                before.append(block)
            else:
                before = self._step(block, before)
                self._bold = self._bold if before else ""
        if before:
            waits = line_that_waits(before)
            self.waits = self.waits if waits is None else waits
            excused = line_that_excuses(before)
            last = self.phase.tasks[-1] if len(self.phase.tasks) > known else None
            if excused is not None and last is not None and not last.must_run and release(last):
                self.findings.warn(excused, EXCUSED)
            text = self._source(before)
            if len(self.phase.tasks) > known and self.phase.tasks[-1].whole is None:
                append_text(self.phase.tasks[-1], text)
            else:
                self.phase.description.append(text)

    def _set_shared(self) -> None:
        """What the next steps inherit: their shell, and the names of their variables."""
        shared = self.phase.section.shared.over(self.plan)
        self.context = self._outer.with_shell(shared.shell or "sh").with_variables(shared.env)

    def _sets_env(self) -> bool:
        """Whether a block of variables is for the steps below it. Otherwise, it shows the contents of a file."""
        return self.section is self.phase.section and not self.phase.tasks and not self.by_hand

    def _step(self, block: Block, before: list[Block]) -> list[Block]:
        """Read a list or a block. Return the text that belongs to what follows."""
        outer, said = self.by_hand, Said()
        if not self.by_hand:
            said = said_above(before, block, back=self.context.back, first=not self.phase.tasks)
            if said.only_first:
                self.waits, said = said.line, Said()
            elif said.warning:
                self.findings.warn(said.line, said.warning)
            self.by_hand = said.by_hand
        rest: list[Block] = []
        if isinstance(block, List):
            offered = not outer and offers_ways(introduction(before, block))
            rest = self._list(block, before, asks=said.asks, offered=offered)
        elif isinstance(block, Fence) and scripts.is_own(block):
            column = self.findings.column_of(block.line, block.language)
            message = "This block does not belong to a task. Indent it to the text of its list item."
            self.findings.problem(block.line, column, message)
        elif isinstance(block, Fence):
            self._block(block, before, asks=said.asks)
        self.by_hand = outer
        return rest

    def _list(self, block: List, before: list[Block], *, asks: bool, offered: bool) -> list[Block]:
        phase, section = self.phase, self.phase.section
        numbered = block.start is not None
        if numbered and self.context.parallel and len(block.items) > 1:
            message = (
                f"A numbered list runs in order, but phase '{section.name}' is parallel. "
                "Start its items with '- ', or remove '(parallel)'."
            )
            self.findings.problem(block.line, 0, message)
        groups: list[Steps] = []
        lead: list[Block] = []
        session = self._session if self._session.is_open else OpenSession(self.context)
        for number, item in enumerate(block.items, 1):
            inside = not self.by_hand and session.takes_item(item, last=number == len(block.items))
            waits = self.waits is not None
            group = read_item(item, self.context, by_hand=self.by_hand or inside, asks=asks or waits)
            if not group.tasks:
                before = self._put_item(item, group, groups, before)
                continue
            self._has_waited(group)
            if groups:
                self._put_text(group.tasks[0], before, own=True)
            else:
                lead = before
            before = []
            groups.append(group)
        if not groups:
            return before
        release_choice(groups, self.findings, offered=offered)
        attributes = any(group.tasks[0].places or group.tasks[0].whole is not None for group in groups)
        made = with_choices(groups, self.findings, parallel=self.context.parallel)
        self._put_text(made[0].tasks[0], lead)
        self._bold = ""
        for group in made:
            self._add(group, ordered=numbered)
        if numbered and block.start is not None:
            phase.last_number = block.start + len(block.items)
        elif not attributes and not section.explicit:
            self._warn_of_bullets(block, [group.tasks[0] for group in made])
        return before

    def _has_waited(self, group: Steps) -> None:
        """Say that a person releases a step because of the words above it, and note what it says of the next one."""
        if self.waits is not None and is_released(group.tasks[0]):
            self.findings.warn(self.waits, WAITS)
        self.waits = group.waits

    def _put_item(self, item: Item, group: Steps, groups: list[Steps], before: list[Block]) -> list[Block]:
        """Put an item without tasks where it belongs. Return the text before the next step."""
        text = "\n".join(text.rstrip() for text in self.findings.lines[item.line : item.end]).strip()
        if group.is_sample and groups and groups[-1].tasks[-1].whole is None:
            append_text(groups[-1].tasks[-1], text)
            return before
        return before if group.is_empty else [*before, Text(item.line, item.end, "item", text)]

    def _warn_of_bullets(self, block: List, started: list[TaskParts]) -> None:
        running = [
            part
            for part in started
            if part.action is not None
            and part.action.type in {"shell", "http"}
            and not part.fields.get("requires_approval")
        ]
        if len(running) < 2:
            return
        words = [part.title.split(" ", 1)[0].lower() for part in running]
        sequence = len(set(words)) == len(words) or any(_AFTERWARDS.search(part.title) for part in running)
        if self.ordered or sequence:
            self.findings.warn(
                block.line,
                f"The {len(running)} commands of this list start together. If they are meant in order, "
                f"number the items: 1., 2., 3.",
            )

    def _block(self, fence: Fence, before: list[Block], *, asks: bool) -> None:
        """A block outside of lists is a step, named by the heading or by the sentence before it."""
        self._number += 1
        title, above = self._title_of(fence, before)
        column = self.findings.column_of(fence.line, fence.language) if fence.language else 0
        part = TaskParts(fence.line, column, title=title, must_run=bool(scripts.fence_options(fence).run))
        inside = not self.by_hand and self._session.takes_block(
            fence, self._sentence(before)[0], last=self._number == self._blocks and self._ends
        )
        if (self.by_hand or inside) and not scripts.fence_options(fence).run:
            part.action, shown = ActionSpec(type="manual"), fence.source
        else:
            shown = read_fence(part, fence, self.context)
        ways = self._ways.get(id(fence), [])
        lead: list[Block] = []
        if asks or self.waits is not None:
            release(part)
        self._has_waited(Steps.of(part))
        if ways and fence is ways[0]:
            lead, above = above, []
        self._put_text(part, above, own=True)
        if shown:
            append_text(part, shown)
        if not ways:
            if not self.by_hand and is_alternative(self._sentence(before)[0]):
                release_ways([Steps.of(part)], self.findings)
            self._add(Steps.of(part), ordered=True)
            return
        self._chosen.append((self._sentence(before)[0], Steps.of(part)))
        self._lead = [*self._lead, *lead]
        if fence is ways[-1]:
            self._choose()

    def _find_ways(self) -> dict[int, list[Fence]]:
        """For each block that is one of several ways by the sentence before it ("On Debian:"): all of them."""
        self._chosen: list[tuple[str, Steps]] = []
        self._lead: list[Block] = []
        found: dict[int, list[Fence]] = {}
        group: list[Fence] = []
        before: list[Block] = []
        for block in self.section.blocks:
            if not is_step(block):
                before = [block]
                continue
            if isinstance(block, Fence) and not scripts.is_own(block) and is_alternative(self._sentence(before)[0]):
                group.append(block)
                found[id(block)] = group
            else:
                group = []
            before = []
        if self.by_hand or self.context.parallel:
            return {}
        return {fence: ways for fence, ways in found.items() if len(ways) > 1}

    def _choose(self) -> None:
        question = TaskParts(self._chosen[0][1].tasks[0].line, 0, title=WHICH)
        steps = choose(question, self._chosen, self.findings)
        self._put_text(question, self._lead)
        self._add(steps, ordered=True)
        self._chosen, self._lead = [], []

    def _title_of(self, fence: Fence, before: list[Block]) -> tuple[str, list[Block]]:
        """The title of a block, and the text before it that is not in the title."""
        name = self.section.name
        number = 0 if self._alone else self._number
        sentence, is_whole = self._sentence(before)
        unnamed = self.section.is_title or name == CONTINUED
        if name and (not number or not sentence) and not (unnamed and sentence):
            return shortened(name if number < 2 else f"{name} ({number})"), before
        if sentence:
            return shortened(sentence), before[:-1] if is_whole else before
        return shortened(scripts.first_command(fence)) or DEFAULT_PHASE, before

    def _sentence(self, before: list[Block]) -> tuple[str, bool]:
        """The sentence before a block that says what it does, and whether its paragraph holds nothing else."""
        last = before[-1] if before else None
        if not isinstance(last, Text) or last.kind != "paragraph":
            return "", False
        title = read_title(" ".join(line.strip() for line in last.content.split("\n")), self.context.definitions)
        sentence = _SENTENCES.split(title.text)[-1].rstrip(" :.")
        if _EMPTY_WORDS.fullmatch(sentence) or len(sentence) > MAX_TITLE_LENGTH:
            return "", False
        return sentence, sentence == title.text.rstrip(" :.") and not title.links

    def _put_text(self, part: TaskParts, before: list[Block], *, own: bool = False) -> None:
        """Give the text before a step to the step, or to the phase if it is the first."""
        phase, bold = self.phase, self._bold
        if not (bold or before):
            return
        text = "\n\n".join(piece for piece in (bold, self._source(before)) if piece)
        if not text:
            return
        if (not phase.tasks and not own and not bold) or part.whole is not None:
            if (not phase.section.name or phase.section.is_title) and self.first:
                self.summary.append(text)
            else:
                phase.description.append(text)
        else:
            part.description = f"{text}\n\n{part.description}" if part.description else text

    def _add(self, steps: Steps, *, ordered: bool) -> None:
        """Put the tasks of one step into the phase, in order behind what it waits for."""
        phase, first = self.phase, steps.tasks[0]
        if phase.section.strategy == _DAG:
            if first.whole is None:
                first.follows = [*(phase.open or phase.gate)] if ordered else [*phase.gate]
        else:
            # The phase has an order. Only what comes after a choice says more: it starts if any of the ways has ended.
            ordered = phase.section.strategy == _SEQUENTIAL
            first.follows = phase.gate if first.whole is None else []
            for part in steps.tasks:
                part.follows = [*part.follows] if ordered and len(part.follows) > 1 else []
        if ordered:
            self._warn_of_skipped(first, first.follows or phase.tasks[-1:])
        phase.tasks += steps.tasks
        if ordered:
            phase.gate, phase.open = steps.ends, []
        else:
            phase.open += steps.ends

    def _warn_of_skipped(self, task: TaskParts, before: list[TaskParts]) -> None:
        """Point out a step that only waits for steps with conditions: it is skipped if all of them are."""
        says_itself = task.whole is not None or task.after or "condition" in task.fields
        if before and not says_itself and all("condition" in part.fields for part in before):
            self.findings.warn(
                task.line,
                f"This step waits for '{before[-1].title}', which has a condition: if that step is skipped, so is this "
                "one. If it should start in both cases, add 'after' with the key of an earlier step.",
            )

    def _source(self, blocks: list[Block]) -> str:
        return joined(blocks, self.findings.lines)
