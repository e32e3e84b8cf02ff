"""Manual edits of a plan, applied to a draft. Pure; `validation.check_draft` checks the whole draft afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from app.domain.condition_edits import ConditionEdit, Ref
from app.domain.errors import Invalid
from app.domain.known import with_answer
from app.domain.limits import OwnLimits
from app.domain.plan import (
    ActionSpec,
    AgentId,
    Grant,
    Inputs,
    Key,
    LongText,
    Name,
    Note,
    PhaseDraft,
    PlanDraft,
    RelativePath,
    TaskDraft,
    field_path,
    slug,
)
from app.domain.texts import normalized
from signoff.schemas.json_value import JsonObject, JsonValue
from signoff.schemas.problems import Problem
from signoff.vocabulary import AfterFailure, LimitName, OnCrash, PhaseStrategy, RunsOn

MAX_EDITS = 10_000
DEFAULT_PHASE = "Tasks"

Position = Annotated[int, Field(ge=0, le=10_000, strict=True, description="From 0; None: last.")]
Retries = Annotated[int, Field(ge=0, le=100, strict=True)]
Seconds = Annotated[float, Field(gt=0, le=2_592_000, strict=True)]
Flag = Annotated[bool, Field(strict=True)]


class _Edit(BaseModel):
    # Most processes need few of these models, so each is built when it is first used.
    model_config = ConfigDict(extra="forbid", use_enum_values=True, validate_default=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _normalized(cls, value: JsonValue) -> JsonValue:
        return normalized(value)


class TaskFields(_Edit):
    """The fields of a task that can be changed. Omitted fields stay as they are."""

    title: Name | None = None
    description: LongText = ""
    agent_id: AgentId | None = None
    action: ActionSpec | None = None
    depends_on: list[Ref] = Field(default_factory=list[str], max_length=1000, description="Ids or keys.")
    inputs: Inputs = Field(default_factory=dict)
    expected_files: list[RelativePath] = Field(default_factory=list[str], max_length=1000)
    retries: Retries | None = None
    timeout_seconds: Seconds | None = None
    on_crash: OnCrash = OnCrash.RERUN
    after_failure: AfterFailure | None = None
    reads: list[Grant] = Field(default_factory=list[str], max_length=100)
    writes: list[Grant] = Field(default_factory=list[str], max_length=100)
    limits: OwnLimits = Field(default_factory=dict[LimitName, int])
    condition: ConditionEdit | None = None
    requires_approval: Flag = False


class NewTask(TaskFields):
    """A new task for the plan. Without `phase`, it goes into the last phase that has not started."""

    title: Name  # pyright: ignore[reportGeneralTypeIssues, reportIncompatibleVariableOverride] - required here
    key: Key | None = None


class AddTask(NewTask):
    """Add a task to the plan."""

    op: Literal["add_task"]
    phase: Ref | None = None
    position: Position | None = None


class UpdateTask(TaskFields):
    """Change fields of a task."""

    op: Literal["update_task"]
    task: Ref


class RemoveTask(_Edit):
    """Remove a task."""

    op: Literal["remove_task"]
    task: Ref


class MoveTask(_Edit):
    """Move a task to another phase, to another position, or both."""

    op: Literal["move_task"]
    task: Ref
    phase: Ref | None = None
    position: Position | None = None


class NewPhase(_Edit):
    """A new phase for the plan."""

    name: Name
    key: Key | None = None
    description: LongText = ""
    strategy: PhaseStrategy = PhaseStrategy.DAG
    position: Position | None = None
    requires_approval: Flag | None = Field(default=None, description="None: the project's auto_approve_phases decides.")
    condition: ConditionEdit | None = None
    runs_on: RunsOn = RunsOn.SUCCESS


class AddPhase(NewPhase):
    """Add a phase to the plan."""

    op: Literal["add_phase"]


class UpdatePhase(_Edit):
    """Change a phase. Omitted fields stay as they are."""

    op: Literal["update_phase"]
    phase: Ref
    name: Name | None = None
    description: LongText = ""
    strategy: PhaseStrategy = PhaseStrategy.DAG
    position: Position | None = None
    requires_approval: Flag | None = None
    condition: ConditionEdit | None = None
    runs_on: RunsOn = RunsOn.SUCCESS


class RemovePhase(_Edit):
    """Remove a phase and its tasks."""

    op: Literal["remove_phase"]
    phase: Ref


class AnswerQuestion(_Edit):
    """Answer a question of the plan. A later answer replaces an earlier one."""

    op: Literal["answer_question"]
    question: Note
    answer: Note


Edit = Annotated[
    AddTask | UpdateTask | RemoveTask | MoveTask | AddPhase | UpdatePhase | RemovePhase | AnswerQuestion,
    Field(discriminator="op"),
]
EDITS: TypeAdapter[list[Edit]] = TypeAdapter(list[Edit])


def parse_edits(values: object) -> list[Edit]:
    """Parse edits from JSON.

    Raises:
        Invalid: `details` names each field that is not valid.
    """
    try:
        edits = EDITS.validate_python(values)
    except ValidationError as error:
        raise _invalid("edits", error) from error
    if len(edits) > MAX_EDITS:
        message = f"A request may contain at most {MAX_EDITS:,} edits."
        raise Invalid(message, details=[Problem(field="edits", message=message)])
    return edits


def _invalid(where: str, error: ValidationError) -> Invalid:
    details: list[Problem] = []
    for item in error.errors(include_url=False, include_context=False):
        # In pydantic's location of a field, the name of the operation is between the edit's number and the field.
        path = field_path([part for part in item["loc"] if part not in _OPERATIONS])
        details.append(Problem(field=f"{where}.{path}".rstrip("."), message=item["msg"].removeprefix("Value error, ")))
    return Invalid(f"{details[0].field}: {details[0].message}", details=details)


_PHASE_FIELDS = {"name", "description", "strategy", "requires_approval", "condition", "runs_on"}
_OPERATIONS = frozenset(
    {
        "add_task",
        "update_task",
        "remove_task",
        "move_task",
        "add_phase",
        "update_phase",
        "remove_phase",
        "answer_question",
    }
)


class Editor:
    """Applies edits to a draft, one after the other.

    Args:
        draft: the draft to start from; it is not changed.
        keys: keys of the plan's tasks and phases, by id.
        open_phases: keys of the phases that have not started; None if the plan has not been started at all.

    Attributes:
        draft: the result so far.
        added: keys of the tasks that were added.
        tasks: keys of the tasks that were added or changed.
        phases: keys of the phases that were added or changed.
    """

    def __init__(self, draft: PlanDraft, keys: Mapping[str, str], open_phases: Sequence[str] | None = None) -> None:
        self.draft = draft.model_copy(deep=True)
        self._note_tasks()
        self.added: list[str] = []
        self.tasks: list[str] = []
        self.phases: list[str] = []
        self._keys = keys
        self._open_phases = open_phases

    def apply(self, edits: Sequence[Edit]) -> PlanDraft:
        """The draft after all of `edits`.

        Raises:
            Invalid: an edit cannot be applied, or names something that the plan does not have; `details` says which and why.
        """
        for number, edit in enumerate(edits):
            self._field = f"edits.{number}"
            try:
                self._apply(edit)
            except ValidationError as error:
                raise _invalid(self._field, error) from error
        return self.draft

    def _apply(self, edit: Edit) -> None:
        match edit:
            case AddTask():
                self._add_task(edit)
            case UpdateTask():
                self._update_task(edit)
            case RemoveTask():
                self._take_out(edit.task)
            case MoveTask():
                self._move_task(edit)
            case AddPhase():
                self._add_phase(edit)
            case UpdatePhase():
                self._update_phase(edit)
            case RemovePhase():
                self._remove_phase(edit)
            case AnswerQuestion():
                self._answer_question(edit)

    def _key(self, reference: str) -> str:
        return self._keys.get(reference, reference)

    def _phase(self, reference: str) -> PhaseDraft:
        key = self._key(reference)
        for phase in self.draft.phases:
            if phase.key == key:
                return phase
        raise self._refused("phase", f"The plan has no phase '{reference}'.")

    def _task(self, reference: str) -> tuple[PhaseDraft, int]:
        """The phase of a task, and its position there."""
        key = self._key(reference)
        known = self._phase_of.get(key)
        for phase in [known] if known is not None else self.draft.phases:
            for position, task in enumerate(phase.tasks):
                if task.key == key:
                    return phase, position
        raise self._refused("task", f"The plan has no task '{reference}'.")

    def _note_tasks(self) -> None:
        # The phase of each task, and how often each key is used: a plan may have thousands of tasks, and as many edits.
        self._used = Counter(task.key for task in self.draft.tasks())
        self._phase_of = {task.key: phase for phase in self.draft.phases for task in phase.tasks}

    def _take_out(self, reference: str) -> tuple[PhaseDraft, TaskDraft]:
        """Remove a task from its phase. Returns both."""
        phase, position = self._task(reference)
        task = phase.tasks.pop(position)
        self._used[task.key] -= 1
        if not self._used[task.key]:
            del self._used[task.key]
        # The draft can have another task with this key, which makes it invalid.
        self._phase_of.pop(task.key, None)
        return phase, task

    def _put(self, task: TaskDraft, phase: PhaseDraft, position: int | None) -> None:
        phase.tasks.insert(len(phase.tasks) if position is None else position, task)
        self._used[task.key] += 1
        if self._used[task.key] == 1:
            self._phase_of[task.key] = phase
        else:
            self._phase_of.pop(task.key, None)

    def _values(self, edit: TaskFields) -> JsonObject:
        """The fields that an edit sets, with ids replaced by keys."""
        values = edit.model_dump(include=set(TaskFields.model_fields) & edit.model_fields_set)
        if "depends_on" in values:
            values["depends_on"] = list(dict.fromkeys(self._key(name) for name in values["depends_on"]))
        return self._with_key(values)

    def _with_key(self, values: JsonObject) -> JsonObject:
        """The values, with the id in a condition replaced by a key."""
        condition = values.get("condition")
        if isinstance(condition, dict) and "task" in condition:
            values["condition"] = {**condition, "task": self._key(str(condition["task"]))}
        return values

    def _add_task(self, edit: AddTask) -> None:
        values = self._values(edit)
        values["key"] = edit.key or slug(edit.title, self._used)
        values["action"] = values.get("action") or {"type": "manual"}
        task = TaskDraft.model_validate(values)
        phase = self._phase(edit.phase) if edit.phase is not None else self._last_open_phase()
        self._put(task, phase, edit.position)
        self.added.append(task.key)
        self.tasks.append(task.key)

    def _last_open_phase(self) -> PhaseDraft:
        phases = self.draft.phases
        if self._open_phases is not None:
            known = set(self._open_phases) | set(self.phases)
            phases = [phase for phase in phases if phase.key in known]
        if phases:
            return phases[-1]
        phase = PhaseDraft(key=slug(DEFAULT_PHASE, {phase.key for phase in self.draft.phases}), name=DEFAULT_PHASE)
        self.draft.phases.append(phase)
        self.phases.append(phase.key)
        return phase

    def _update_task(self, edit: UpdateTask) -> None:
        phase, position = self._task(edit.task)
        values = self._values(edit)
        for name in ("title", "action"):
            if name in values and values[name] is None:
                raise self._no_null(name)
        changed = TaskDraft.model_validate(phase.tasks[position].model_dump() | values)
        phase.tasks[position] = changed
        self.tasks.append(changed.key)

    def _move_task(self, edit: MoveTask) -> None:
        phase, _ = self._task(edit.task)
        target = self._phase(edit.phase) if edit.phase is not None else phase
        _, task = self._take_out(edit.task)
        self._put(task, target, edit.position)
        self.tasks.append(task.key)

    def _add_phase(self, edit: AddPhase) -> None:
        key = edit.key or slug(edit.name, {phase.key for phase in self.draft.phases})
        values = self._with_key(edit.model_dump(include=_PHASE_FIELDS))
        phase = PhaseDraft.model_validate({**values, "key": key})
        position = len(self.draft.phases) if edit.position is None else edit.position
        self.draft.phases.insert(position, phase)
        self.phases.append(key)

    def _remove_phase(self, edit: RemovePhase) -> None:
        self.draft.phases.remove(self._phase(edit.phase))
        self._note_tasks()

    def _update_phase(self, edit: UpdatePhase) -> None:
        phase = self._phase(edit.phase)
        values = self._with_key(edit.model_dump(include=edit.model_fields_set & _PHASE_FIELDS))
        if "name" in values and values["name"] is None:
            raise self._no_null("name")
        changed = PhaseDraft.model_validate(phase.model_dump(exclude={"tasks"}) | values)
        changed.tasks = phase.tasks
        self._phase_of.update((task.key, changed) for task in changed.tasks if self._used[task.key] == 1)
        index = self.draft.phases.index(phase)
        self.draft.phases[index] = changed
        if edit.position is not None:
            self.draft.phases.insert(edit.position, self.draft.phases.pop(index))
        self.phases.append(changed.key)

    def _answer_question(self, edit: AnswerQuestion) -> None:
        try:
            self.draft = with_answer(self.draft, edit.question, edit.answer)
        except KeyError:
            raise self._refused("question", f"The plan does not ask '{edit.question}'.") from None

    def _no_null(self, field: str) -> Invalid:
        return self._refused(field, f"{field} cannot be null.")

    def _refused(self, field: str, message: str) -> Invalid:
        return Invalid(message, details=[Problem(field=f"{self._field}.{field}", message=message)])
