"""Reads a whole description as a plan draft."""

from __future__ import annotations

import re
from collections.abc import Container
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from app.domain.conditions import objections_to
from app.domain.errors import Invalid
from app.domain.parameters import Parameter, variable_of
from app.domain.plan import MAX_TASKS, ActionSpec, PhaseDraft, PlanDraft, TaskDraft
from app.domain.validation import Objection, no_objection
from app.planning.outline import scripts
from app.planning.outline.attributes import resolved
from app.planning.outline.blocks import Block, Document, Fence, Heading, Item, List, Text, read_blocks
from app.planning.outline.collection import paused_collection
from app.planning.outline.context import Context
from app.planning.outline.findings import Findings
from app.planning.outline.front_matter import FrontMatter, take_front_matter
from app.planning.outline.growing_phase import DEFAULT_PHASE, Phase
from app.planning.outline.inline import with_links
from app.planning.outline.items import read_item
from app.planning.outline.keys import Keys
from app.planning.outline.lost_between import LostBetween
from app.planning.outline.meaning import check_meaning
from app.planning.outline.parts import Answer, TaskParts, shortened
from app.planning.outline.phases import PhaseReader
from app.planning.outline.placeholders import with_variables
from app.planning.outline.prose import read_steps, split_lead
from app.planning.outline.section import Section
from app.planning.outline.structure import divide, is_step
from signoff.vocabulary import PhaseStrategy

WHAT_TO_WRITE = (
    "The description is empty, so there is nothing to plan. Write what to do: a list with one item per task, "
    "or a few sentences such as 'Gather metrics, write a summary, email it'."
)
MAX_NAMED = 10


def read_outline(description: str, *, has_model: bool, objection: Objection = no_objection) -> PlanDraft:
    """Make the plan that `description` defines.

    Args:
        description: Markdown, as described in docs/plans.md.
        has_model: whether tasks without a command or request go to a model.
        objection: returns why a path may not be granted to a task.

    Raises:
        Invalid: `plan_invalid`; `details` has every problem with its line and column, counted from 1.
    """
    findings = Findings(description, objection)
    findings.check_characters()
    if not description.strip():
        findings.problem(0, 0, WHAT_TO_WRITE)
        findings.raise_if_any()
    with paused_collection():
        return _read(findings, has_model=has_model)


def _read(findings: Findings, *, has_model: bool) -> PlanDraft:
    """The plan of a description. Everything else that is made for it is gone before the garbage collector looks for it."""
    document, front = _document(findings)
    _limit(sum(len(block.items) for block in document.blocks if isinstance(block, List)), findings)
    return DocumentReader(findings, document, front, has_model=has_model).read()


def read_with_parameters(description: str, *, has_model: bool, objection: Objection = no_objection) -> PlanDraft | None:
    """The plan of a description whose only problems are placeholders, with a parameter or a secret in place of each.

    None if it has no placeholders, or one that cannot be replaced. For the arguments, see `read_outline`.

    Raises:
        Invalid: `plan_invalid`: it has other problems.
    """
    findings = Findings(description, objection)
    document, front = _document(findings)
    with suppress(Invalid):
        DocumentReader(findings, document, front, has_model=has_model).read()
    replaced = with_variables(findings.lines, findings.placeholders)
    if replaced is None:
        return None
    draft = read_outline(replaced.text, has_model=has_model, objection=objection)
    for task in draft.tasks():
        task.inputs |= replaced.inputs_of(scripts.text_of(task.action))
    missing = {name.lower(): Parameter(description=f"In place of {text}") for name, text in replaced.parameters.items()}
    return draft.model_copy(update={"parameters": {**draft.parameters, **missing}})


def is_prose(description: str) -> bool:
    """Whether a description is plain prose that does not define tasks or phases."""
    document, _ = _document(Findings(description))
    return _is_prose(document.blocks)


def first_heading(description: str) -> str:
    """The title of a description: what its front matter or its first heading of level 1 says; empty if there is none."""
    document, front = _document(Findings(description))
    headings = (block.text for block in document.blocks if isinstance(block, Heading) and block.level == 1)
    return next(headings, front.title)


def _document(findings: Findings) -> tuple[Document, FrontMatter]:
    front = take_front_matter(findings)
    document = read_blocks(findings.lines)
    for block in document.outdented:
        findings.warn(block.line, block.message)
    return document, front


def _is_prose(blocks: list[Block]) -> bool:
    return (
        not any(
            is_step(block)
            or isinstance(block, List)
            or (isinstance(block, Heading) and block.level > 1)
            or (isinstance(block, Fence) and block.language == "phase")
            for block in blocks
        )
        and sum(isinstance(block, Heading) for block in blocks) < 2
    )


class DocumentReader:
    """Reads a document into phases. Its problems and warnings go into `findings`.

    Args:
        findings: the lines of the document, and what is found in them.
        document: its blocks.
        front: its front matter.
        has_model: whether a model can do what the document gives no action for.
    """

    def __init__(self, findings: Findings, document: Document, front: FrontMatter, *, has_model: bool) -> None:
        self.findings = findings
        self.blocks = document.blocks
        self.front = front
        shell = front.shared.shell or "sh"
        variables = frozenset(map(variable_of, front.parameters)).union(front.shared.env)
        self.context = Context(findings, document.definitions, scripts.Settings(shell, variables))
        self.has_model = has_model
        self.title = front.title
        self.summary: list[str] = []
        self.phases: list[Phase] = []

    def read(self) -> PlanDraft:
        """Return the plan of the document."""
        if _is_prose(self.blocks):
            self._prose()
        else:
            self.place()
        if not any(phase.tasks for phase in self.phases):
            message = (
                "There are no tasks. Write each task as a list item, a line that starts with '- ' or '1. ', or as a block that "
                "starts with ```sh."
            )
            self.findings.problem(self.blocks[0].line if self.blocks else 0, 0, message)
        phases = self.build()
        self._check_conditions(phases)
        self.findings.raise_if_any()
        self._warn_of_lost_state(phases)
        summary = self._with_links("\n\n".join(self.summary)) or self.title
        self._warn_of_people()
        try:
            return PlanDraft(
                summary=summary,
                warnings=self.findings.warnings,
                parameters={**self.front.parameters, **self.findings.asked},
                phases=phases,
            )
        except ValidationError as error:
            self.findings.invalid(error, 0, {})
            self.findings.raise_if_any()
            raise

    def place(self) -> None:
        """Assign every block to its phase or task."""
        sections = divide(self.blocks, self.findings)
        reader = PhaseReader(self.context, self.front.shared)
        reader.read(sections)
        self.summary, self.phases = reader.summary, reader.phases
        titles = [section.name for section in sections if section.is_title]
        self.title = titles[0] if titles else self.title

    def build(self) -> list[PhaseDraft]:
        """The phases, with keys for all phases and tasks."""
        phase_keys = self._keys(
            [(phase.section.key, phase.section.line, phase.section.column) for phase in self.phases], "phase"
        )
        tasks = [task for phase in self.phases for task in phase.tasks]
        task_keys = self._keys(
            [(task.key, *task.places.get("key", (task.line, task.column))) for task in tasks], "task"
        )
        _limit(len(tasks), self.findings)
        names = {id(part): part.key for part in tasks if part.key is not None}
        names |= {id(part): task_keys.make(part.name or part.title) for part in tasks if part.key is None}
        ends = {part.key: [names[id(end)] for end in part.ends_with] for part in tasks if part.key is not None}
        self._resolve_conditions(task_keys.taken)
        result: list[PhaseDraft] = []
        for phase in self.phases:
            section = phase.section
            shared = section.shared.over(self.front.shared)
            name = section.path if section.name and not section.is_title else DEFAULT_PHASE
            key = section.key or phase_keys.make(name if re.search("[A-Za-z0-9]", name) else "phase")
            drafts: list[TaskDraft] = []
            for part in phase.tasks:
                after = [names[id(earlier)] for earlier in part.follows if id(earlier) in names]
                if part.after:
                    own = self._known(part, task_keys.taken)
                    after += [key for key in own if key not in after]
                    more = dict.fromkeys(end for key in own for end in ends.get(key, ()))
                    after += [end for end in more if end not in after and end != names[id(part)]]
                if part.answer is not None:
                    part.fields.setdefault("condition", _condition(part.answer, names))
                part.description = self._with_links(part.description)
                task = make_task(part, names[id(part)], after, has_model=self.has_model, findings=self.findings)
                if task is not None and part.whole is None:
                    task = shared.apply(task)
                drafts += [] if task is None else [task]
            if section.answer is not None:
                section.condition = _condition(section.answer, names)
            result += self._phase(phase, key, name, drafts)
        return result

    def _phase(self, phase: Phase, key: str, name: str, tasks: list[TaskDraft]) -> list[PhaseDraft]:
        section = phase.section
        fields: dict[str, Any] = {
            "key": key,
            "name": name
            if section.explicit and "\n" in name
            else shortened(name)
            if len(name) > 200 and not section.explicit
            else name,
            "description": self._with_links("\n\n".join(phase.description)),
            "strategy": section.strategy,
            "requires_approval": section.requires_approval,
            "condition": section.condition,
            "runs_on": section.runs_on,
        }
        try:
            return [PhaseDraft(**fields, tasks=tasks)]
        except ValidationError as error:
            self.findings.invalid(error, section.line, section.places, section.column)
            return []

    def _keys(self, given: list[tuple[str | None, int, int]], kind: str) -> Keys:
        keys = Keys()
        for key, line, column in given:
            if key is not None and not keys.give(key):
                self.findings.problem(line, column, f"The {kind} key '{key}' is used more than once.")
        return keys

    def _known(self, part: TaskParts, keys: set[str]) -> list[str]:
        for name in part.after:
            if name not in keys:
                place = part.places.get("depends_on", (part.line, part.column))
                self.findings.problem(*place, f"'after' names the key '{name}', but no task has it.")
        return [name for name in part.after if name in keys]

    def _resolve_conditions(self, keys: set[str]) -> None:
        """Find out whether each `if` names a task or a parameter. Report those about a parameter that cannot be."""
        parameters = self.front.parameters
        for item in [part for phase in self.phases for part in (phase.section, *phase.tasks)]:
            condition = resolve(item, parameters)
            if condition is not None and "parameter" in condition:
                name, values = condition["parameter"], condition["is"]
                for message in objections_to(name, values, parameters, keys):
                    self.findings.problem(*item.places.get("condition", (item.line, item.column)), f"if: {message}")

    def _check_conditions(self, phases: list[PhaseDraft]) -> None:
        """Report the conditions that name no task."""
        parts = [part for phase in self.phases for part in phase.tasks]
        keys = {part.key for part in parts} | {task.key for phase in phases for task in phase.tasks}
        sections = [phase.section for phase in self.phases]
        found = [(part.fields.get("condition"), part.places, part.line, part.column) for part in parts]
        found += [(section.condition, section.places, section.line, section.column) for section in sections]
        for condition, places, line, column in found:
            if isinstance(condition, dict) and "task" in condition and condition["task"] not in keys:
                message = f"'if' names the key '{condition['task']}', but no task has it."
                self.findings.problem(*places.get("condition", (line, column)), message)

    def _warn_of_lost_state(self, phases: list[PhaseDraft]) -> None:
        """Point out what a step sets and a later one needs, although it is gone by then."""
        seen = LostBetween()
        for task in (task for phase in phases for task in phase.tasks):
            found = self.findings.scripts.get(scripts.text_of(task.action))
            if found:
                for line, message in seen.read(found.pop(0), has_folder="cwd" in task.action.fields()):
                    self.findings.warn(line, message)

    def _with_links(self, text: str) -> str:
        """Text whose references to link definitions are links of their own."""
        definitions = self.context.definitions
        return with_links(text, definitions) if definitions and "[" in text else text

    def _prose(self) -> None:
        texts: list[Text] = []
        for block in self.blocks:
            if isinstance(block, Text) and block.kind == "paragraph":
                texts.append(block)
            elif isinstance(block, Heading):
                self.title = block.text
            else:
                self.summary.append(block.source)
                if isinstance(block, Fence):
                    scripts.warn_of_text(block, self.findings)
        if not texts:
            return
        lead, rest = split_lead(texts[0].content)
        section = Section(texts[0].line, name=shortened(lead), strategy=PhaseStrategy.SEQUENTIAL)
        phase = Phase(section)
        self.phases.append(phase)
        self.title = self.title or lead
        skipped = texts[0].content[: len(texts[0].content) - len(rest)].count("\n")
        paragraphs = [(texts[0].line + skipped, rest), *((text.line, text.content) for text in texts[1:])]
        steps = [step for line, text in paragraphs for step in read_steps(text, line)]
        _limit(len(steps), self.findings)
        for step in steps:
            item = Item(step.line, step.line + 1, [Text(step.line, step.line + 1, "paragraph", step.text, step.text)])
            for part in read_item(item, self.context).tasks:
                part.title = part.title[:1].upper() + part.title[1:] if step.text[:1] != "`" else part.title
                phase.tasks.append(part)

    def _warn_of_people(self) -> None:
        tasks = [part for phase in self.phases for part in phase.tasks]
        undecided = [part.title for part in tasks if part.action is None and part.whole is None and not part.by_hand]
        if not undecided or self.has_model:
            return
        named = ", ".join(f"'{title}'" for title in undecided[:MAX_NAMED])
        more = f" and {len(undecided) - MAX_NAMED} more" if len(undecided) > MAX_NAMED else ""
        self.findings.warn(
            None,
            f"A person must do {len(undecided)} of {len(tasks)} tasks, because they have no command or request and "
            f"no model is configured: {named}{more}.",
        )


def resolve(item: TaskParts | Section, parameters: Container[str]) -> dict[str, Any] | None:
    """Find out whether the `if` of a task or a section names a task or a parameter. Return the condition."""
    condition = item.fields.get("condition") if isinstance(item, TaskParts) else item.condition
    if condition is None:
        return None
    condition = resolved(condition, parameters)
    if isinstance(item, TaskParts):
        item.fields["condition"] = condition
    else:
        item.condition = condition
    return condition


def make_task(part: TaskParts, key: str, after: list[str], *, has_model: bool, findings: Findings) -> TaskDraft | None:
    """The task that an item or a block stands for. None if it has a problem, which goes into `findings`."""
    if part.whole is not None:
        return part.whole
    action = part.action
    if action is None and has_model and not part.by_hand:
        prompt = f"{part.title}\n\n{part.description}" if part.description else part.title
        action = ActionSpec.model_validate({"type": "agent", "prompt": prompt})
    fields: dict[str, Any] = {"title": part.title or "-", "description": part.description, **part.fields}
    try:
        task = TaskDraft(key=key, action=action or ActionSpec(type="manual"), depends_on=after, **fields)
    except ValidationError as error:
        findings.invalid(error, part.line, part.places, part.column)
        return None
    check_meaning(task, part, findings)
    return task


def _condition(answer: Answer, names: dict[int, str]) -> dict[str, Any]:
    return {"task": names[id(answer.question)], "is": [answer.value]}


def _limit(tasks: int, findings: Findings) -> None:
    if tasks > MAX_TASKS:
        findings.problem(0, 0, f"The description has {tasks} tasks; the limit is {MAX_TASKS}.")
        findings.raise_if_any()
