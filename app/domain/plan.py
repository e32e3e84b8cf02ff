"""Plan drafts: what a planner makes and a person signs, and the digest that binds the two.

A draft refers to everything by key. Ids and run-time state are added when it is stored, and never enter the digest.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Container, Sequence
from typing import Annotated, Self, TypedDict, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    Tag,
    model_serializer,
    model_validator,
)

from app.domain.limits import OwnLimits
from app.domain.parameters import Parameter, ParameterName, Value, check_names
from app.domain.texts import PLAIN, storable
from signoff.schemas.json_value import JsonObject, JsonValue
from signoff.vocabulary import AfterFailure, DecisionMode, LimitName, OnCrash, PhaseStrategy, RunsOn, Strategy

MAX_PHASES = 500
MAX_TASKS = 10_000
MAX_NESTING = 100
KEY_PATTERN = r"^[a-z][a-z0-9_-]{0,63}$"
_KEY_WORDS = re.compile(r"[a-z0-9]+")
DEFAULT_AGENT = "default"  # Executes tasks that do not name an agent.


def _plain(value: JsonValue, depth: int = 0) -> JsonValue:
    """Refuse values that canonical JSON, a digest or a database cannot represent."""
    if depth > MAX_NESTING:
        raise ValueError(f"must not be nested deeper than {MAX_NESTING} levels")
    if isinstance(value, str):
        storable(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    elif isinstance(value, dict):
        for key, item in value.items():
            _plain(key, depth)
            _plain(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _plain(item, depth + 1)
    return value


Text = Annotated[str, PLAIN]
Json = Annotated[JsonValue, AfterValidator(_plain)]
Key = Annotated[str, StringConstraints(pattern=KEY_PATTERN)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200), PLAIN]
LongText = Annotated[str, StringConstraints(max_length=100_000), PLAIN]
Note = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True), PLAIN]
OutputName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
AgentId = Annotated[str, StringConstraints(min_length=1, max_length=64), PLAIN]
Parameters = Annotated[dict[ParameterName, Parameter], AfterValidator(check_names)]
Inputs = dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")], Json]


def _grantable(path: str) -> str:
    parts = path.split("/")
    if not path.startswith("/") or path == "/" or any(part in {"", ".", ".."} for part in parts[1:]):
        raise ValueError("must be an absolute path below /, without . or .. and without a slash at the end")
    return path


Grant = Annotated[str, StringConstraints(min_length=2, max_length=1024), PLAIN, AfterValidator(_grantable)]
RelativePath = Annotated[str, StringConstraints(min_length=1, max_length=1024), PLAIN]


_OMITTED_IF_EMPTY = frozenset(
    {"reads", "writes", "limits", "requires_approval", "parameters", "assumptions", "questions"}
)


def _without_unset(values: JsonObject, names: tuple[str, ...]) -> JsonObject:
    return {name: value for name, value in values.items() if value is not None or name not in names}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", use_enum_values=True, validate_default=True)


class ActionSpec(BaseModel):
    """What a task does: a `type`, and the fields of that action. The action itself checks its fields."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, StringConstraints(min_length=1, max_length=64), PLAIN]

    @model_validator(mode="after")
    def _plain_fields(self) -> Self:
        for name, value in (self.model_extra or {}).items():
            storable(name)
            if isinstance(value, str):
                storable(value)
            else:
                _plain(value, 1)
        return self

    def fields(self) -> JsonObject:
        """All fields except the type."""
        return dict(self.model_extra or {})


ConditionValue = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), PLAIN]


class TaskCondition(_Strict):
    """A condition on how another task ended. It is also a dependency on that task.

    Each value of `is` is a status (`completed`, `failed` or `skipped`) or, if the task is a decision, one of its answers. The
    condition is met if one of the values applies.
    """

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    task: Key
    values: list[ConditionValue] = Field(alias="is", min_length=1, max_length=50)


class ParameterCondition(_Strict):
    """A condition on the value of a parameter of the plan. It is met if the value is one of those in `is`.

    The value is part of what is signed, so everybody knows before the approval whether the condition is met.
    """

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    parameter: ParameterName
    values: list[ConditionValue] = Field(alias="is", min_length=1, max_length=50)


class OutputCondition(_Strict):
    """A condition on an output of another task, compared as text. It is also a dependency on that task.

    It is met if the output is one of those in `is` or, if the condition has `is_not` instead, none of those. A task that
    completes without the output fails.
    """

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    task: Key
    output: OutputName
    values: list[ConditionValue] = Field(alias="is", default_factory=list[str], max_length=50)
    excluded: list[ConditionValue] = Field(alias="is_not", default_factory=list[str], max_length=50)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if bool(self.values) == bool(self.excluded):
            raise ValueError("a condition on an output has either 'is' or 'is_not', with at least one value")
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, serialize: SerializerFunctionWrapHandler) -> JsonObject:
        return {name: value for name, value in serialize(self).items() if value}


ON_TASK, ON_PARAMETER, ON_OUTPUT = "on_task", "on_parameter", "on_output"


def kind_of_condition(value: object) -> str:
    """Which kind of condition a value is, or is meant to be."""
    if isinstance(value, ParameterCondition) or (isinstance(value, dict) and "parameter" in value):
        return ON_PARAMETER
    about_output = isinstance(value, OutputCondition) or (isinstance(value, dict) and "output" in value)
    return ON_OUTPUT if about_output else ON_TASK


Condition = Annotated[
    Annotated[TaskCondition, Tag(ON_TASK)]
    | Annotated[ParameterCondition, Tag(ON_PARAMETER)]
    | Annotated[OutputCondition, Tag(ON_OUTPUT)],
    Discriminator(kind_of_condition),
]


def task_of(condition: TaskCondition | ParameterCondition | OutputCondition | None) -> list[str]:
    """The key of the task that a condition is about, if it is about one."""
    return [condition.task] if isinstance(condition, TaskCondition | OutputCondition) else []


def field_path(location: Sequence[int | str]) -> str:
    """Where a field of a plan is, from the location in one of pydantic's errors."""
    return ".".join(str(part) for part in location if part not in {ON_TASK, ON_PARAMETER, ON_OUTPUT})


def _no_limits() -> dict[LimitName, int]:
    return {}


class TaskDraft(_Strict):
    """One task of a plan."""

    key: Key
    title: Name
    description: LongText = ""
    agent_id: AgentId | None = None
    action: ActionSpec
    depends_on: list[Key] = Field(default_factory=list, max_length=MAX_TASKS)
    inputs: Inputs = Field(default_factory=dict)
    expected_files: list[RelativePath] = Field(default_factory=list, max_length=1000)
    retries: int | None = Field(default=None, ge=0, le=100, description="None: the action's default.")
    timeout_seconds: float | None = Field(
        default=None, gt=0, le=2_592_000, description="None: the task sets no time limit."
    )
    on_crash: OnCrash = OnCrash.RERUN
    after_failure: AfterFailure | None = Field(default=None, description="None: the project's decision_mode decides.")
    reads: list[Grant] = Field(
        default_factory=list, max_length=100, description="Paths outside the workspace that its commands may read."
    )
    writes: list[Grant] = Field(
        default_factory=list,
        max_length=100,
        description="Paths outside the workspace that its commands may change.",
    )
    limits: OwnLimits = Field(
        default_factory=_no_limits,
        description="Resource limits for its commands, which replace the worker's settings.",
    )
    condition: Condition | None = Field(default=None, description="If it is not met, the task is skipped.")
    requires_approval: bool = Field(default=False, description="Whether a person must release the task first.")

    @model_serializer(mode="wrap")
    def _without_later_fields(self, serialize: SerializerFunctionWrapHandler) -> JsonObject:
        """Omit unset fields that were added later, so that the digests of older plans stay the same."""
        values = _without_unset(serialize(self), ("after_failure", "condition"))
        return {name: value for name, value in values.items() if value or name not in _OMITTED_IF_EMPTY}


class PhaseDraft(_Strict):
    """One phase: a group of tasks that run in the order given by `strategy`."""

    key: Key
    name: Name
    description: LongText = ""
    strategy: PhaseStrategy = PhaseStrategy.DAG
    requires_approval: bool | None = Field(default=None, description="None: the project's auto_approve_phases decides.")
    condition: Condition | None = Field(default=None, description="If it is not met, the phase is skipped.")
    runs_on: RunsOn = RunsOn.SUCCESS
    tasks: list[TaskDraft] = Field(default_factory=list[TaskDraft])

    @model_serializer(mode="wrap")
    def _without_later_fields(self, serialize: SerializerFunctionWrapHandler) -> JsonObject:
        """Omit unset fields that were added later, so that the digests of older plans stay the same."""
        values = _without_unset(serialize(self), ("condition",))
        return {name: value for name, value in values.items() if name != "runs_on" or value != RunsOn.SUCCESS}


class Question(_Strict):
    """What a planner wants to know before the plan is signed, and what a person has answered. Without an answer, it is open."""

    question: Note
    answer: Note | None = None


class PlanDraft(_Strict):
    """A whole plan, as a planner makes it."""

    summary: LongText = ""
    warnings: list[LongText] = Field(default_factory=list[str])
    assumptions: list[Note] = Field(default_factory=list[str], description="What the planner takes for granted.")
    questions: list[Question] = Field(default_factory=list[Question], description="What it asks, with the answers.")
    parameters: Parameters = Field(
        default_factory=dict, description="What is asked before the plan is made, with values."
    )
    phases: list[PhaseDraft] = Field(default_factory=list[PhaseDraft])

    @model_serializer(mode="wrap")
    def _without_later_fields(self, serialize: SerializerFunctionWrapHandler) -> JsonObject:
        """Omit unset fields that were added later, so that the digests of older plans stay the same."""
        return {name: value for name, value in serialize(self).items() if value or name not in _OMITTED_IF_EMPTY}

    def tasks(self) -> list[TaskDraft]:
        """All tasks, phase by phase."""
        return [task for phase in self.phases for task in phase.tasks]


class StoredSettings(TypedDict, total=False):
    """Stored `RunSettings`, as they are read without validating them."""

    strategy: Strategy
    decision_mode: DecisionMode
    auto_approve_phases: bool
    path: str | None
    agent_id: str | None
    project_name: str | None
    project_description: str | None
    parameters: dict[str, Value] | None


class RunSettings(_Strict):
    """The fields of a project that an approval covers in addition to the plan."""

    strategy: Strategy = Strategy.PERFORMANCE
    decision_mode: DecisionMode = DecisionMode.AGENT
    auto_approve_phases: bool = True
    path: str | None = None
    agent_id: str | None = None
    project_name: str | None = Field(default=None, description="The project's name, if a task of the plan reads it.")
    project_description: str | None = Field(
        default=None, description="The project's description, if a task of the plan reads it."
    )
    parameters: dict[str, Value] | None = Field(default=None, description="The values of the plan's parameters.")

    def stored(self) -> StoredSettings:
        """The settings as JSON."""
        return cast("StoredSettings", self.model_dump(mode="json"))

    @model_serializer(mode="wrap")
    def _without_later_fields(self, serialize: SerializerFunctionWrapHandler) -> JsonObject:
        """Omit unset fields that were added later, so that the digests of older plans stay the same."""
        return _without_unset(serialize(self), ("project_name", "project_description", "parameters"))


class Limits(BaseModel):
    """The limits that a project strategy sets for the scheduler."""

    max_parallel: int
    stop_at_first_failure: bool


LIMITS: dict[str, Limits] = {
    Strategy.PERFORMANCE: Limits(max_parallel=50, stop_at_first_failure=False),
    Strategy.BALANCED: Limits(max_parallel=8, stop_at_first_failure=False),
    Strategy.ECONOMY: Limits(max_parallel=2, stop_at_first_failure=False),
    Strategy.CAREFUL: Limits(max_parallel=1, stop_at_first_failure=True),
}


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: object) -> bytes:
    """`value` as UTF-8 JSON with sorted keys and no spaces. Equal values give equal bytes."""
    return _CANONICAL.encode(value).encode()


def digest_of(draft: PlanDraft, settings: RunSettings) -> str:
    """SHA-256, in hexadecimal, over what an approval covers."""
    return hashlib.sha256(canonical_json(covered_by(draft, settings))).hexdigest()


def covered_by(draft: PlanDraft, settings: RunSettings) -> JsonObject:
    """What an approval covers: what the plan assumes, asks for and does, and the run settings."""
    drafted = draft.model_dump(mode="json")
    # The run settings have the values of the parameters, the draft also says what each of them means.
    asked = {"parameter_definitions": drafted["parameters"]} if "parameters" in drafted else {}
    known = {name: drafted[name] for name in ("assumptions", "questions") if name in drafted}
    return {"phases": drafted["phases"], **known, **asked, **settings.model_dump(mode="json")}


def slug(title: str, taken: Container[str]) -> str:
    """A key made from a title: lower-case words joined by `_`, with a number if the key is taken."""
    base = "_".join(_KEY_WORDS.findall(title.lower()))[:56].strip("_") or "task"
    if not base[0].isalpha():
        base = f"t_{base}"
    key, number = base, 2
    while key in taken:
        key, number = f"{base}_{number}", number + 1
    return key
