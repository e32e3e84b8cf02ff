"""Turns sections into phases: which of them run, when, and what happens to the text between them."""

from __future__ import annotations

from app.planning.outline.blocks import Block, Fence, List, joined
from app.planning.outline.context import Context, warn_of_kept
from app.planning.outline.growing_phase import Phase
from app.planning.outline.introductions import line_that_waits
from app.planning.outline.open_session import OpenSession
from app.planning.outline.parts import Answer, TaskParts, shortened
from app.planning.outline.section import Section
from app.planning.outline.section_steps import SectionSteps
from app.planning.outline.sections import Kind, bans, is_later, is_retired, kind_of
from app.planning.outline.shared_settings import SharedSettings
from app.planning.outline.steps import WHICH, Steps, ask, ask_which
from app.planning.outline.structure import (
    heading_of,
    holds_steps,
    is_contents,
    is_step,
    shows_steps,
)
from signoff.vocabulary import RunsOn

_YES, _NO = "yes", "no"


class PhaseReader:
    """Reads sections in the order of the text. Afterwards, `phases` and `summary` have everything that was read."""

    def __init__(self, context: Context, plan: SharedSettings) -> None:
        self.context = context
        self._plan = plan
        self.findings = context.findings
        self.phases: list[Phase] = []
        self.summary: list[str] = []
        self._carried: list[str] = []
        self._ordered = False
        self._session = OpenSession(context)
        self._last: Section | None = None
        self._waits: int | None = None

    def read(self, sections: list[Section]) -> None:
        """Read all sections of a document."""
        self._ordered = any(
            (isinstance(block, Fence) and is_step(block)) or (isinstance(block, List) and block.start is not None)
            for section in sections
            for block in section.blocks
        )
        self._last = next((section for section in reversed(sections) if holds_steps(section)), None)
        for section in sections:
            self._session.enter(section.name, section.level)
            section.inherit()
            self._check_ends(section)
            self._check_condition(section)
            self._apply_kind(section)
            self._warn_of_place(section)
            if holds_steps(section):
                self._with_steps(section)
            elif section.explicit and section.run is not False and not section.is_title:
                self._empty_phase(section)
            else:
                self._text_section(section)
        if self._carried:
            (self.phases[-1].description if self.phases else self.summary).extend(self._carried)

    def _apply_kind(self, section: Section) -> None:
        """Say when the steps of a section run that are not simply done, and warn of it."""
        kind = section.kind
        if kind not in {Kind.ROLLBACK, Kind.ALTERNATIVE, Kind.CONDITIONAL, Kind.CHECKLIST} or not shows_steps(section):
            return
        if kind == Kind.ROLLBACK:
            self._after_failure(section)
        elif kind == Kind.ALTERNATIVE and not section.asked:
            self._ask_which(section)
        elif kind == Kind.CONDITIONAL:
            self._ask_whether(section)
        elif kind == Kind.CHECKLIST and (section.parent is None or section.parent.kind != kind):
            banned = bans(section.name) or (section.is_title and is_retired(section.name))
            what = "says not to do it, so a person decides" if banned else "is a checklist for a person"
            self.findings.warn(
                section.line, f"'{section.path}' {what}: nothing in it runs. To run it, add {{run}} to the heading."
            )

    def _warn_of_place(self, section: Section) -> None:
        """Say that a person does the steps of a section that are for another machine."""
        above = section.parent
        outside = above is None or not above.elsewhere
        if section.elsewhere and outside and section.kind not in {Kind.TEXT, Kind.CHECKLIST} and shows_steps(section):
            self.findings.warn(
                section.line,
                f"The steps of '{section.path}' are for another machine or user, so a person does them there: nothing in it "
                "runs. To run it here, add {run} to the heading.",
            )

    def _after_failure(self, section: Section) -> None:
        if section.runs_on == RunsOn.FAILURE:
            return
        if not self.phases:
            for part in section.all_below():
                part.kind = Kind.TEXT if part.run is None and not part.says_when else part.kind
            return
        section.runs_on = RunsOn.FAILURE
        released = section.requires_approval is not False
        section.requires_approval = released
        approved = ", and only once a person approves it" if released else ""
        written = "on=failure approval=yes" if released else "on=failure"
        self.findings.warn(
            section.line,
            f"'{section.path}' runs only after a failure{approved} ({written}). To run it with the others, add {{run}} to "
            "the heading; to keep it as text, add {run=no}.",
        )

    def _ask_which(self, section: Section) -> None:
        """Ask once which of several alternative sections applies."""
        group = [one for one in section.alternatives if shows_steps(one)]
        if len(group) < 2:
            return
        question = TaskParts(section.line, section.column, title=WHICH)
        self._question(section, question, "which one applies?")
        answers = ask_which(question, list(map(heading_of, group)), "add {run} to its heading", self.findings)
        for one, answer in zip(group, answers, strict=True):
            self._depend(one, answer)

    def _ask_whether(self, section: Section) -> None:
        """Ask whether a section applies that is not always done."""
        question = TaskParts(section.line, section.column, title=shortened(f"Does this apply? {heading_of(section)}"))
        self._question(section, question, f"{section.name}: does it apply?")
        answer, _ = ask(question, [_YES, _NO])
        self._depend(section, answer)
        why = "for later" if is_later(section.name) else "not always done"
        self.findings.warn(
            section.line,
            f"'{section.path}' is {why}, so the plan asks whether it applies, and skips it otherwise. To run it "
            "in any case, add {run} to the heading; to keep it as text, add {run=no}.",
        )

    @staticmethod
    def _depend(section: Section, answer: Answer) -> None:
        section.answer, section.condition, section.asked = answer, None, True

    def _question(self, section: Section, question: TaskParts, name: str) -> None:
        """Put a question into a phase of its own, which runs when the section around `section` does."""
        above = section.parent
        inside = above is not None and above.name and not above.is_title
        whole = f"{above.path}: {name}" if above is not None and inside else f"{name[:1].upper()}{name[1:]}"
        asking = Section(section.line, name=shortened(whole), condition=section.condition, answer=section.answer)
        asking.runs_on = section.runs_on
        phase = Phase(asking)
        phase.tasks = Steps.of(question).tasks
        self.phases.append(phase)

    def _check_condition(self, section: Section) -> None:
        above = section.parent
        if above is not None and above.answer is not None and section.condition is not None:
            place = section.places.get("condition", (section.line, section.column))
            message = (
                "The section around this one runs only after an answer, so this section cannot have a condition too. Move "
                "the condition to its steps, or add {run} to the heading of the section around it."
            )
            self.findings.problem(*place, message)

    def _with_steps(self, section: Section) -> None:
        if section.kind == Kind.TEXT:
            self._kept_section(section)
            return
        phase = self._continued(section)
        if phase is None:
            phase = Phase(section)
            self.phases.append(phase)
            phase.description += self._carried
            self._carried = []
            if section.description:
                phase.description.append(section.description)
        steps = SectionSteps(
            phase,
            section,
            self.context,
            self._plan,
            ordered=self._ordered,
            first=phase is self.phases[0],
            by_hand=section.kind == Kind.CHECKLIST or section.elsewhere,
            session=self._session,
            ends=section is self._last,
            waits=self._waits if section.kind is None else None,
        )
        steps.read()
        self._waits = steps.waits
        self.summary += steps.summary

    def _continued(self, section: Section) -> Phase | None:
        """The phase whose numbered list this deeper section continues: `2.` after a heading follows `1.` before it."""
        first = next((block for block in section.blocks if is_step(block)), None)
        if section.explicit or section.kind is not None or not self.phases or not isinstance(first, List):
            return None
        last = self.phases[-1]
        above = section.parent
        while above is not None and above is not last.section and not (last.section.level == 0 and above.is_title):
            above = above.parent
        continues = first.start is not None and first.start > 1 and first.start == last.last_number
        together = (section.answer, section.runs_on) == (last.section.answer, last.section.runs_on)
        return last if above is not None and continues and together and not self._carried else None

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
        waits = line_that_waits(section.blocks)
        self._waits = self._waits if waits is None else waits
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
        if kind_of(section.name) == Kind.ROLLBACK and section.run is None:
            message = (
                f"'{section.path}' does not run: no phase is before it that it could take back. Its steps are kept as text. "
                "To run it after a failure, move it behind the steps that can fail; to run it first, add {run} to the heading."
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

    def _check_ends(self, section: Section) -> None:
        for block in section.blocks:
            if isinstance(block, Fence) and not block.closed:
                marks = "~~~" if block.source.lstrip().startswith("~") else "```"
                message = f"This block has no end, so it takes in everything below it. Close it with {marks}."
                self.findings.problem(block.line, self.findings.column_of(block.line, marks), message)

    def _source(self, blocks: list[Block]) -> str:
        return joined(blocks, self.findings.lines)
