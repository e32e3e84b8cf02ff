"""Reads a whole description as a plan draft."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from app.domain.errors import Invalid
from app.domain.plan import MAX_TASKS, ActionSpec, PhaseDraft, PlanDraft, TaskDraft, slug
from app.domain.validation import Objection, no_objection
from app.planning.outline.attributes import KEY, choice, condition, yes_or_no
from app.planning.outline.blocks import (
    ENV_FENCE,
    FENCES,
    PHASE_FENCE,
    Block,
    Fence,
    Heading,
    Item,
    List,
    Text,
    read_blocks,
)
from app.planning.outline.fences import read_env, read_model
from app.planning.outline.findings import Findings
from app.planning.outline.front_matter import FrontMatter, take_front_matter
from app.planning.outline.items import KEY_FORM, TaskParts, key_message, read_item, shortened, take_apart
from app.planning.outline.meaning import check_meaning
from app.planning.outline.prose import read_steps, split_lead
from app.planning.outline.shared_settings import SharedSettings, read_shared
from signoff.vocabulary import PhaseStrategy, RunsOn

WHAT_TO_WRITE = (
    "The description is empty, so there is nothing to plan. Write what to do: a list with one item per task, "
    "or a few sentences such as 'Gather metrics, write a summary, email it'."
)
DEFAULT_PHASE = "Tasks"
MAX_NAMED = 10

# The attributes of a phase: the field of `_Phase` that each sets, and how its value is read.
_PHASE_FIELDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "approval": ("requires_approval", yes_or_no),
    "if": ("condition", condition),
    "on": ("runs_on", choice(RunsOn)),
}
_STRATEGY = re.compile(r"(.*\S)\s*\((parallel|sequential|dag)\)", re.IGNORECASE)


@dataclass
class _Phase:
    line: int
    column: int
    name: str
    strategy: str = PhaseStrategy.DAG
    key: str | None = None
    requires_approval: bool | None = None
    condition: dict[str, Any] | None = None
    runs_on: str = RunsOn.SUCCESS
    columns: dict[str, int] = field(default_factory=dict[str, int])
    description: list[str] = field(default_factory=list[str])
    tasks: list[TaskParts] = field(default_factory=list[TaskParts])
    follows: dict[int, TaskParts] = field(default_factory=dict[int, TaskParts])
    last_number: int | None = None
    shared: SharedSettings = field(default_factory=SharedSettings)


class _Keys:
    """The keys of all phases or all tasks: first the written ones, then keys made from titles that avoid them."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self._next: dict[str, int] = {}

    def give(self, key: str) -> bool:
        """Reserve a written key. Return False if it is already taken."""
        new = key not in self.taken
        self.taken.add(key)
        return new

    def make(self, title: str) -> str:
        """A free key for a title. It continues from the last number, so that many equal titles take linear time."""
        base = key = slug(title, frozenset[str]())
        while key in self.taken:
            number = self._next.get(base, 2)
            key, self._next[base] = f"{base}_{number}", number + 1
        self.taken.add(key)
        return key


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
    front = take_front_matter(findings)
    if not description.strip():
        findings.problem(0, 0, WHAT_TO_WRITE)
    blocks = read_blocks(findings.lines)
    _limit(sum(len(block.items) for block in blocks if isinstance(block, List)), findings)
    return _Reader(findings, has_model=has_model, front=front).read(blocks)


def is_prose(description: str) -> bool:
    """Whether a description is plain prose that does not define tasks or phases."""
    findings = Findings(description)
    take_front_matter(findings)
    return _is_prose(read_blocks(findings.lines))


def _is_prose(blocks: list[Block]) -> bool:
    return all(isinstance(block, Text) or (isinstance(block, Heading) and block.level == 1) for block in blocks)


def read_single_task(markdown: str) -> TaskDraft | None:
    """The single task in `markdown`, as its own item defines it. None if there is not exactly one task."""
    findings = Findings(markdown)
    blocks = read_blocks(findings.lines)
    if len(blocks) != 1 or not isinstance(blocks[0], List) or len(blocks[0].items) != 1:
        return None
    try:
        parts = read_item(blocks[0].items[0], findings)
        findings.raise_if_any()
        task = _task(parts, parts.key or "", parts.after, has_model=False, findings=findings)
        findings.raise_if_any()
    except Invalid:
        return None
    return task


def read_single_phase(markdown: str) -> PhaseDraft | None:
    """The single phase in `markdown`, without tasks. None if there is anything else."""
    # A task is added after it, because a text may swallow what follows: a fence without an end does.
    findings = Findings(f"{markdown}\n\n- `true`\n")
    reader = _Reader(findings, has_model=False)
    reader.place(read_blocks(findings.lines))
    if reader.summary or reader.title or [len(phase.tasks) for phase in reader.phases] != [1]:
        return None
    try:
        phases = reader.build()
        findings.raise_if_any()
    except Invalid:
        return None
    return phases[0].model_copy(update={"tasks": []})


class _Reader:
    def __init__(self, findings: Findings, *, has_model: bool, front: FrontMatter | None = None) -> None:
        self.findings = findings
        self.front = front or FrontMatter()
        self.has_model = has_model
        self.title = ""
        self.summary: list[str] = []
        self.phases: list[_Phase] = []

    def read(self, blocks: list[Block]) -> PlanDraft:
        if _is_prose(blocks):
            self._prose(blocks)
        else:
            self.place(blocks)
        if not any(phase.tasks for phase in self.phases):
            message = "There are no tasks. Write each task as a list item: a line that starts with '- ' or '1. '."
            self.findings.problem(blocks[0].line if blocks else 0, 0, message)
        phases = self.build()
        keys = {part.key for phase in self.phases for part in phase.tasks} | {
            task.key for phase in phases for task in phase.tasks
        }
        for phase in self.phases:
            self._known_condition(phase.condition, phase.line, phase.columns.get("condition", phase.column), keys)
        self.findings.raise_if_any()
        summary = "\n\n".join(self.summary) or self.title
        self._warn_of_people()
        try:
            return PlanDraft(
                summary=summary, warnings=self.findings.warnings, parameters=self.front.parameters, phases=phases
            )
        except ValidationError as error:
            self.findings.invalid(error, 0, {})
            self.findings.raise_if_any()
            raise

    def place(self, blocks: list[Block]) -> None:
        """Assign every block to its phase or task."""
        for block in blocks:
            if isinstance(block, Heading):
                self._heading(block)
            elif isinstance(block, List):
                self._list(block)
            elif isinstance(block, Text):
                self._text(block.text)
            else:
                self._fence(block)

    def build(self) -> list[PhaseDraft]:
        """The phases, with keys for all phases and tasks."""
        phase_keys = self._keys([(phase.key, phase) for phase in self.phases], "phase")
        tasks = [task for phase in self.phases for task in phase.tasks]
        task_keys = self._keys([(task.key, task) for task in tasks], "task")
        names = {id(part): task_keys.make(part.title) for part in tasks if part.key is None}
        names |= {id(part): part.key for part in tasks if part.key is not None}
        result: list[PhaseDraft] = []
        for phase in self.phases:
            key = phase.key or phase_keys.make(phase.name if re.search("[A-Za-z0-9]", phase.name) else "phase")
            drafts: list[TaskDraft] = []
            for part in phase.tasks:
                after = self._known(part, task_keys.taken)
                before = phase.follows.get(id(part))
                if before is not None:
                    after = [names[id(before)], *(name for name in after if name != names[id(before)])]
                task = _task(part, names[id(part)], after, has_model=self.has_model, findings=self.findings)
                if task is not None and part.whole is None:
                    task = phase.shared.over(self.front.shared).apply(task, names_shell=part.names_shell)
                drafts += [] if task is None else [task]
            result += self._phase(phase, key, drafts)
        return result

    def _phase(self, phase: _Phase, key: str, tasks: list[TaskDraft]) -> list[PhaseDraft]:
        fields: dict[str, Any] = {
            "key": key,
            "name": phase.name,
            "description": "\n\n".join(phase.description),
            "strategy": phase.strategy,
            "requires_approval": phase.requires_approval,
            "condition": phase.condition,
            "runs_on": phase.runs_on,
        }
        try:
            return [PhaseDraft(**fields, tasks=tasks)]
        except ValidationError as error:
            self.findings.invalid(error, phase.line, phase.columns, phase.column)
            return []

    def _keys(self, parts: list[tuple[str | None, Any]], kind: str) -> _Keys:
        keys = _Keys()
        for key, part in parts:
            if key is not None and not keys.give(key):
                column = part.columns.get("key", part.column) if isinstance(part, TaskParts) else part.column
                self.findings.problem(part.line, column, f"The {kind} key '{key}' is used more than once.")
        return keys

    def _known(self, part: TaskParts, keys: set[str]) -> list[str]:
        for name in part.after:
            if name not in keys:
                column = part.columns.get("depends_on", part.column)
                self.findings.problem(part.line, column, f"'after' names the key '{name}', but no task has it.")
        self._known_condition(part.fields.get("condition"), part.line, part.columns.get("condition", part.column), keys)
        return [name for name in part.after if name in keys]

    def _known_condition(self, condition: Any, line: int, column: int, keys: Collection[str | None]) -> None:
        if isinstance(condition, dict) and condition["task"] not in keys:
            self.findings.problem(line, column, f"'if' names the key '{condition['task']}', but no task has it.")

    def _heading(self, heading: Heading) -> None:
        column = self.findings.column_of(heading.line, heading.text)
        if heading.level == 1 and not self.phases and not self.title and not self.summary:
            self.title = heading.text
        elif heading.level == 1:
            message = "A # heading is the plan's title, and may appear only once, at the top. Start a phase with ##."
            self.findings.problem(heading.line, column, message)
        elif heading.level == 2:
            self._phase_heading(heading, column)
        else:
            message = "Headings below ## have no meaning. Start a phase with ##, and write a task as a list item."
            self.findings.problem(heading.line, column, message)

    def _phase_heading(self, heading: Heading, column: int) -> None:
        title = take_apart(heading.text)
        match = _STRATEGY.fullmatch(title.text)
        phase = _Phase(line=heading.line, column=column, name=match[1] if match else title.text)
        phase.strategy = match[2].lower() if match else PhaseStrategy.DAG
        if title.misshapen is not None:
            message = "These attributes are not valid. Write {#key approval=yes} at the end of the line."
            self.findings.problem(heading.line, column + title.misshapen, message)
        for name, value, offset in title.attributes:
            message = None
            if name == KEY and not KEY_FORM.fullmatch(value or ""):
                message = key_message(value or "")
            elif name == KEY:
                phase.key = value
            elif name in _PHASE_FIELDS:
                message = self._phase_attribute(phase, name, value)
                phase.columns.setdefault(_PHASE_FIELDS[name][0], column + offset)
            else:
                message = read_shared(name, value, phase.shared)
            if message:
                self.findings.problem(heading.line, column + offset, message)
        if not phase.name:
            self.findings.problem(heading.line, column, "This phase has no name.")
            phase.name = "-"
        self.phases.append(phase)

    @staticmethod
    def _phase_attribute(phase: _Phase, name: str, value: str | None) -> str | None:
        """Apply one attribute to a phase. Return its problem, if it has one."""
        attribute, read = _PHASE_FIELDS[name]
        if attribute in phase.columns:
            return f"'{name}' appears twice."
        try:
            setattr(phase, attribute, read(value or ""))
        except ValueError as error:
            return f"'{name}' {error}." if str(error).startswith("must") else f"{name}: {error}."
        return None

    def _list(self, block: List) -> None:
        phase = self._current(block.line)
        numbered = block.start is not None
        if numbered and phase.strategy == PhaseStrategy.PARALLEL and len(block.items) > 1:
            message = (
                f"A numbered list runs in order, but phase '{phase.name}' is parallel. "
                "Start its items with '- ', or remove '(parallel)'."
            )
            self.findings.problem(block.line, 0, message)
        # A list that starts with the next number continues the list before it, regardless of the text between them.
        before = phase.tasks[-1] if numbered and block.start == phase.last_number else None
        for item in block.items:
            part = read_item(item, self.findings)
            if numbered and before is not None and part.whole is None and phase.strategy == PhaseStrategy.DAG:
                phase.follows[id(part)] = before
            phase.tasks.append(part)
            before = part
        phase.last_number = None if block.start is None else block.start + len(block.items)

    def _current(self, line: int) -> _Phase:
        if not self.phases:
            self.phases.append(_Phase(line=line, column=0, name=DEFAULT_PHASE))
        return self.phases[-1]

    def _text(self, text: str) -> None:
        (self.phases[-1].description if self.phases else self.summary).append(text)

    def _fence(self, fence: Fence) -> None:
        column = self.findings.column_of(fence.line, fence.language) if fence.language else 0
        if fence.language == PHASE_FENCE:
            draft = read_model(PhaseDraft, fence, self.findings)
            if draft is None:
                return
            if draft.tasks:
                self.findings.problem(
                    fence.line, column, "A phase block cannot contain tasks. Write them as list items."
                )
            fields = draft.model_dump(exclude={"tasks", "description"})
            description = [draft.description] if draft.description else []
            self.phases.append(_Phase(line=fence.line, column=column, description=description, **fields))
        elif fence.language == ENV_FENCE and self.phases and not self.phases[-1].tasks:
            self.phases[-1].shared.env.update(read_env(fence, self.findings))
        elif fence.language in FENCES:
            message = "This block does not belong to a task. Indent it to the text of its list item."
            self.findings.problem(fence.line, column, message)
        else:
            self._text("\n".join(self.findings.lines[fence.line : fence.end]))

    def _prose(self, blocks: list[Block]) -> None:
        texts: list[Text] = []
        for block in blocks:
            if isinstance(block, Text):
                texts.append(block)
            elif isinstance(block, Heading):
                self._heading(block)
        if not texts:
            return
        lead, rest = split_lead(texts[0].text)
        phase = _Phase(
            line=texts[0].line, column=0, name=shortened(lead) or DEFAULT_PHASE, strategy=PhaseStrategy.SEQUENTIAL
        )
        self.phases.append(phase)
        self.title = self.title or lead
        skipped = texts[0].text[: len(texts[0].text) - len(rest)].count("\n")
        paragraphs = [Text(texts[0].line + skipped, rest), *texts[1:]]
        steps = [step for text in paragraphs for step in read_steps(text.text, text.line)]
        _limit(len(steps), self.findings)
        for step in steps:
            part = read_item(Item(step.line, step.text, step.line, "", [], [], None), self.findings)
            part.title = part.title[:1].upper() + part.title[1:] if step.text[:1] != "`" else part.title
            phase.tasks.append(part)

    def _warn_of_people(self) -> None:
        tasks = [part for phase in self.phases for part in phase.tasks]
        undecided = [part.title for part in tasks if part.action is None and part.whole is None]
        if not undecided or self.has_model:
            return
        named = ", ".join(f"'{title}'" for title in undecided[:MAX_NAMED])
        more = f" and {len(undecided) - MAX_NAMED} more" if len(undecided) > MAX_NAMED else ""
        self.findings.warnings.append(
            f"A person must do {len(undecided)} of {len(tasks)} tasks, because they have no command or request and "
            f"no model is configured: {named}{more}."
        )


def _task(part: TaskParts, key: str, after: list[str], *, has_model: bool, findings: Findings) -> TaskDraft | None:
    if part.whole is not None:
        return part.whole
    action = part.action
    if action is None and has_model:
        prompt = f"{part.title}\n\n{part.description}" if part.description else part.title
        action = ActionSpec.model_validate({"type": "agent", "prompt": prompt})
    fields: dict[str, Any] = {"title": part.title or "-", "description": part.description, **part.fields}
    try:
        task = TaskDraft(key=key, action=action or ActionSpec(type="manual"), depends_on=after, **fields)
    except ValidationError as error:
        findings.invalid(error, part.line, part.columns, part.column)
        return None
    check_meaning(task, part, findings)
    return task


def _limit(tasks: int, findings: Findings) -> None:
    if tasks > MAX_TASKS:
        findings.problem(0, 0, f"The description has {tasks} tasks; the limit is {MAX_TASKS}.")
    findings.raise_if_any()
