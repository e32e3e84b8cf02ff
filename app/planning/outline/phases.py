"""Turns sections into phases: which tasks they hold, in which order, and what happens to the text between them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from app.domain.plan import ActionSpec
from app.planning.outline import fences, scripts
from app.planning.outline.blocks import ENV_FENCE, Block, Fence, List, Text, joined
from app.planning.outline.inline import read_title
from app.planning.outline.items import Context, read_block, read_item, warn_of_kept
from app.planning.outline.parts import MAX_TITLE_LENGTH, TaskParts, shortened
from app.planning.outline.sections import Kind, is_conditional, kind_of
from app.planning.outline.shared_settings import SharedSettings
from app.planning.outline.structure import (
    Section,
    heading_of,
    holds_steps,
    is_contents,
    is_step,
    shows_steps,
)
from signoff.vocabulary import PhaseStrategy

DEFAULT_PHASE = "Tasks"

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


@dataclass
class Phase:
    """A phase while it is read.

    Attributes:
        section: the section that it is made of.
        gate: the last tasks of what is in order so far. Whatever comes next waits for them.
        open: the last tasks of bulleted items since then, which only an ordered step waits for.
        last_number: the number that would continue the last numbered list.
    """

    section: Section
    description: list[str] = field(default_factory=list[str])
    tasks: list[TaskParts] = field(default_factory=list[TaskParts])
    gate: list[TaskParts] = field(default_factory=list[TaskParts])
    open: list[TaskParts] = field(default_factory=list[TaskParts])
    last_number: int | None = None


class PhaseReader:
    """Reads sections in the order of the text. Afterwards, `phases` and `summary` have everything that was read."""

    def __init__(self, context: Context, plan: SharedSettings) -> None:
        self.context = context
        self._settings = context.settings
        self._plan = plan
        self.findings = context.findings
        self.phases: list[Phase] = []
        self.summary: list[str] = []
        self._carried: list[str] = []
        self._ordered = False
        self._together: list[tuple[int, int]] = []
        self._asked: set[int] = set()

    def read(self, sections: list[Section]) -> None:
        """Read all sections of a document."""
        self._ordered = any(
            (isinstance(block, Fence) and is_step(block)) or (isinstance(block, List) and block.start is not None)
            for section in sections
            for block in section.blocks
        )  # fmt: skip
        for section in sections:
            section.inherit()
            self._check_ends(section)
            if holds_steps(section):
                self._with_steps(section)
            elif section.explicit and not section.is_title:
                self._empty_phase(section)
            else:
                self._text_section(section)
        if self._carried:
            (self.phases[-1].description if self.phases else self.summary).extend(self._carried)

    def _with_steps(self, section: Section) -> None:
        if section.kind in {Kind.ROLLBACK, Kind.TEXT}:
            self._kept_section(section)
            return
        if section.kind == Kind.ALTERNATIVE:
            self._ask(section)
        by_hand = section.kind is not None
        if by_hand and section.kind != Kind.ALTERNATIVE:
            self._warn_of_kind(section)
        phase = self._continued(section)
        if phase is None:
            phase = Phase(section)
            self.phases.append(phase)
            if self._carried:
                phase.description += self._carried
                self._carried = []
            if section.description:
                phase.description.append(section.description)
            before: list[Block] = []
            bold = ""
        else:
            before, bold = [], f"**{section.name}**"
        self._steps(phase, section, before, bold, by_hand=by_hand)

    def _continued(self, section: Section) -> Phase | None:
        """The phase whose numbered list this deeper section continues: `2.` after a heading follows `1.` before it."""
        first = next((block for block in section.blocks if is_step(block)), None)
        if section.explicit or section.kind is not None or not self.phases or not isinstance(first, List):
            return None
        last = self.phases[-1]
        above = section.parent
        while above is not None and above is not last.section and not (last.section.level == 0 and above.is_title):
            above = above.parent
        goes_on = first.start is not None and first.start > 1 and first.start == last.last_number
        return last if above is not None and goes_on and not self._carried else None

    def _empty_phase(self, section: Section) -> None:
        phase = Phase(section, self._carried)
        self._carried = []
        text = "\n\n".join(part for part in (section.description, self._source(section.blocks)) if part)
        phase.description += [text] if text else []
        self.phases.append(phase)
        for block in section.blocks:
            warn_of_kept(block, self.findings)

    def _text_section(self, section: Section) -> None:
        """A section without steps is text of its neighbors."""
        for block in section.blocks:
            if is_contents(block):
                self.findings.warn(block.line, "These links to sections of the document are treated as text.")
            warn_of_kept(block, self.findings)
        text = self._source(section.blocks)
        if not text:
            return
        if section.level == 0 or section.is_title:
            (self.summary if not self.phases else self._carried).append(text)
            return
        has_children = any(map(shows_steps, section.children))
        text = text if has_children else f"**{section.name}**\n\n{text}"
        (self._carried if self.phases or has_children else self.summary).append(text)

    def _kept_section(self, section: Section) -> None:
        if section.kind == Kind.ROLLBACK:
            message = (
                f"'{section.path}' does not run: it says how to go back. Its steps are kept as text. To "
                f"run them with the others, "
                "add {run} to the heading."
            )
        else:
            message = (
                f"'{section.path}' is treated as text, with the steps in it. To run them, add {{run}} to the heading."
            )
        self.findings.warn(section.line, message)
        # A quote is text by itself, so that the plan, printed as Markdown, stays the same plan.
        lines = f"**{section.path}**\n\n{self._source(section.blocks)}".split("\n")
        quoted = "\n".join(f"> {line}".rstrip() for line in lines)
        (self.phases[-1].description if self.phases else self._carried).append(quoted)

    def _warn_of_kind(self, section: Section) -> None:
        if section.kind == Kind.CHECKLIST:
            message = f"'{section.path}' is a checklist for a person: nothing in it runs. To run it, add {{run}} to the heading."
        else:
            message = (
                f"'{section.path}' is not always done, so a person decides about its steps and does them. "
                f"To run them, add {{run}} to "
                "the heading."
            )
        self.findings.warn(section.line, message)

    def _ask(self, section: Section) -> None:
        """Ask once which of several alternative sections applies."""
        first = section
        while first.parent is not None and first.parent.kind == Kind.ALTERNATIVE:
            first = first.parent
        if id(first) in self._asked:
            return
        group = [one for one in first.alternatives if shows_steps(one)]
        self._asked |= {id(one) for one in group}
        above = first.parent
        name = (
            f"{above.path}: which one applies?"
            if above is not None and above.name and not above.is_title
            else "Which one applies?"
        )
        phase = Phase(Section(first.line, name=name))
        self.phases.append(phase)
        options = list(dict.fromkeys(shortened(heading_of(one)) for one in group))
        part = TaskParts(first.line, 0, title="Which one applies?")
        part.action = ActionSpec.model_validate({"type": "decision", "options": options})
        part.description = "A person does the steps of the one that applies, and skips those of the others."
        phase.tasks.append(part)
        listed = ", ".join(f"'{option}'" for option in options[:10])
        self.findings.warn(
            first.line,
            f"These sections are alternatives: {listed}. The plan asks which one applies, and a person "
            f"does its steps. To run one of "
            "them with the others, add {run} to its heading.",
        )

    def _steps(self, phase: Phase, section: Section, before: list[Block], bold: str, *, by_hand: bool) -> None:
        first = len(phase.tasks)
        self._set_shared(phase)
        single = sum(1 for block in section.blocks if is_step(block)) == 1
        number = 0
        for block in section.blocks:
            if (
                isinstance(block, Fence)
                and block.language == ENV_FENCE
                and self._sets_env(phase, section, by_hand=by_hand)
            ):
                section.shared.env.update(fences.read_env(block, self.findings))
                self._set_shared(phase)
                continue
            if not is_step(block):
                if is_contents(block):
                    self.findings.warn(block.line, "These links to sections of the document are treated as text.")
                warn_of_kept(block, self.findings)
                before.append(block)
                continue
            hand = by_hand or self._is_conditional(before, block)
            if isinstance(block, List):
                before = self._list(phase, block, before, bold, by_hand=hand)
            elif isinstance(block, Fence):
                number += 1
                before = self._block(phase, section, block, before, bold, number if not single else 0, by_hand=hand)
            bold = bold if before else ""
        if before:
            text = self._source(before)
            if len(phase.tasks) > first and phase.tasks[-1].whole is None:
                _append(phase.tasks[-1], text)
            else:
                phase.description.append(text)

    def _set_shared(self, phase: Phase) -> None:
        """What the next steps inherit: their shell, and the names of their variables."""
        shared = phase.section.shared.over(self._plan)
        settings = replace(self._settings, shell=shared.shell or "sh")
        self.context = replace(self.context, settings=settings).with_variables(shared.env)

    @staticmethod
    def _sets_env(phase: Phase, section: Section, *, by_hand: bool) -> bool:
        """Whether a block of variables is for the steps below it. Otherwise, it shows the contents of a file."""
        return section is phase.section and not phase.tasks and not by_hand

    def _is_conditional(self, before: list[Block], step: Block) -> bool:
        """Whether the sentence above a list or block says that it is only sometimes done."""
        last = before[-1] if before else None
        if not isinstance(last, Text) or last.kind != "paragraph" or not last.content.rstrip().endswith(":"):
            return False
        text = read_title(last.content.replace("\n", " "), {}).text
        if not is_conditional(text):
            return False
        self.findings.warn(
            last.line,
            "What follows is not always done, so a person decides about it and does it. It does not run by itself.",
        )
        return isinstance(step, (List, Fence))

    def _list(self, phase: Phase, block: List, before: list[Block], bold: str, *, by_hand: bool) -> list[Block]:
        numbered = block.start is not None
        section = phase.section
        if numbered and section.strategy == PhaseStrategy.PARALLEL and len(block.items) > 1:
            message = (
                f"A numbered list runs in order, but phase '{section.name}' is parallel. "
                "Start its items with '- ', or remove '(parallel)'."
            )
            self.findings.problem(block.line, 0, message)
        started: list[TaskParts] = []
        attributes = False
        for item in block.items:
            group = read_item(item, self.context, by_hand=by_hand)
            if not group:
                text = self._item_text(item.line, item.end)
                before = [*before, Text(item.line, item.end, "item", text)]
                continue
            self._put_text(phase, group[0], before, bold)
            before, bold = [], ""
            self._add(phase, group, ordered=numbered)
            started.append(group[0])
            attributes = attributes or bool(group[0].places) or group[0].whole is not None
        if numbered and block.start is not None:
            phase.last_number = block.start + len(block.items)
        elif not attributes and not section.explicit:
            self._warn_of_bullets(block, started)
        return before

    def _item_text(self, line: int, end: int) -> str:
        lines = self.findings.lines[line:end]
        return "\n".join(text.rstrip() for text in lines).strip()

    def _warn_of_bullets(self, block: List, started: list[TaskParts]) -> None:
        running = [part for part in started if part.action is not None and part.action.type in {"shell", "http"}]
        if len(running) < 2:
            return
        words = [part.title.split(" ", 1)[0].lower() for part in running]
        sequence = len(set(words)) == len(words) or any(_AFTERWARDS.search(part.title) for part in running)
        if self._ordered or sequence:
            self.findings.warn(
                block.line,
                f"The {len(running)} commands of this list start together. If they are meant in order, "
                f"number the items: 1., 2., 3.",
            )

    def _block(
        self,
        phase: Phase,
        section: Section,
        fence: Fence,
        before: list[Block],
        bold: str,
        number: int,
        *,
        by_hand: bool,
    ) -> list[Block]:
        """A block outside of lists is a step, named by the heading or by the sentence before it."""
        if scripts.is_own(fence):
            column = self.findings.column_of(fence.line, fence.language)
            message = "This block does not belong to a task. Indent it to the text of its list item."
            self.findings.problem(fence.line, column, message)
            return []
        title, before = self._title_of(section, fence, before, number)
        part = TaskParts(
            fence.line, self.findings.column_of(fence.line, fence.language) if fence.language else 0, title=title
        )
        label = read_title(title, {}).text
        if not by_hand and number and kind_of(label) == Kind.ALTERNATIVE:
            by_hand = True
            self.findings.warn(
                fence.line, f"'{label}' is one of several ways, so a person decides about this block and runs it."
            )
        shown = ""
        if by_hand:
            part.action, shown = ActionSpec(type="manual"), fence.source
        elif scripts.is_script(fence):
            script = read_block(fence, self.context)
            part.action, part.name, part.by_hand, shown = (
                script.action,
                script.name,
                script.action is None,
                script.expected,
            )
        else:
            part.action = fences.read_action(fence, self.findings)
            part.by_hand = part.action is None
        self._put_text(phase, part, before, bold, own=True)
        if shown:
            _append(part, shown)
        self._add(phase, [part], ordered=phase.section.strategy == PhaseStrategy.DAG)
        return []

    def _title_of(self, section: Section, fence: Fence, before: list[Block], number: int) -> tuple[str, list[Block]]:
        """The title of a block, and the text before it that is not in the title. `number` is 0 for the only step."""
        name = section.name
        sentence, is_whole = self._sentence(before)
        if name and (not number or not sentence) and not (section.is_title and sentence):
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

    def _put_text(self, phase: Phase, part: TaskParts, before: list[Block], bold: str, *, own: bool = False) -> None:
        """Give the text before a step to the step, or to the phase if it is the first."""
        text = "\n\n".join(piece for piece in (bold, self._source(before)) if piece)
        if not text:
            return
        if (not phase.tasks and not own and not bold) or part.whole is not None:
            if (not phase.section.name or phase.section.is_title) and phase is self.phases[0]:
                self.summary.append(text)
            else:
                phase.description.append(text)
        else:
            part.description = f"{text}\n\n{part.description}" if part.description else text

    def _add(self, phase: Phase, group: list[TaskParts], *, ordered: bool) -> None:
        """Put the tasks of one step into the phase, in order behind what it waits for."""
        if phase.section.strategy != PhaseStrategy.DAG:
            for part in group:
                part.follows = []
        elif group[0].whole is None:
            group[0].follows = (phase.open or phase.gate) if ordered else phase.gate
            group[0].follows = list(group[0].follows)
        phase.tasks += group
        if ordered:
            phase.gate, phase.open = [group[-1]], []
        else:
            phase.open.append(group[-1])

    def _check_ends(self, section: Section) -> None:
        for block in section.blocks:
            if isinstance(block, Fence) and not block.closed:
                marks = "~~~" if block.source.lstrip().startswith("~") else "```"
                message = f"This block has no end, so it takes in everything below it. Close it with {marks}."
                self.findings.problem(block.line, self.findings.column_of(block.line, marks), message)

    def _source(self, blocks: list[Block]) -> str:
        return joined(blocks, self.findings.lines)


def _append(part: TaskParts, text: str) -> None:
    part.description = f"{part.description}\n\n{text}" if part.description else text
