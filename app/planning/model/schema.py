"""The schema for a model's plan: like a plan draft, but with only the actions and agents that the model may use.

Tasks have numbers instead of keys. Counting is easy for a model, while it may misspell a key when it repeats it. `numbering`
makes the keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    Tag,
    WithJsonSchema,
    create_model,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from app.domain.actions import Action
from app.domain.known import carried_over
from app.domain.limits import OwnLimits
from app.domain.plan import (
    ON_OUTPUT,
    ON_PARAMETER,
    ON_TASK,
    ConditionValue,
    Grant,
    Inputs,
    LongText,
    Name,
    OutputName,
    ParameterCondition,
    PlanDraft,
    RelativePath,
    kind_of_condition,
)
from app.domain.texts import PLAIN, normalized
from app.planning.model import numbering
from app.planning.model.action_types import LITERAL, Definitions, action_types, one_of
from app.planning.model.numbering import MAX_PHASES, MAX_TASKS, Number, NumberedPlan
from signoff.schemas.json_value import JsonValue
from signoff.schemas.problems import Problem
from signoff.vocabulary import AfterFailure, OnCrash, PhaseStrategy, RunsOn

# Hints for small models on servers that generate answers from the schema. They end a text or a list in which a model repeats
# itself. Answers are not checked against them. Longer content belongs in a file, or in several tasks.
MAX_TEXT = 1000
MAX_LINE = 100
MAX_ITEMS = 8
FEW_PHASES = 5
MAX_REMARKS = 5
_SETTLED = "Assumptions and questions of the current plan, word for word, that the change settles. Others stay."
Remark = Annotated[str, StringConstraints(min_length=1, max_length=1000), PLAIN]
# Values may be any JSON, but most are short strings.
_ShortInputs = Annotated[
    Inputs,
    WithJsonSchema(
        {
            "type": "object",
            "patternProperties": {"^[A-Za-z_][A-Za-z0-9_]{0,31}$": {"type": "string", "maxLength": 200}},
            "additionalProperties": False,
        }
    ),
]


class _Lenient(BaseModel):
    """A field that does not exist is ignored: a small model would not get rid of it."""

    model_config = ConfigDict(extra="ignore", use_enum_values=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, values: Any) -> Any:
        """Many models write `null` for a field that they leave out."""
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in cast("dict[str, Any]", values).items() if value is not None}


class _Strict(_Lenient):
    """A field that does not exist is refused: it would be missing in what a person signs."""

    model_config = ConfigDict(extra="forbid")


class _NumberedCondition(_Lenient):
    """How another task must have ended, by the number of the task."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    task: Number
    values: list[ConditionValue] = Field(alias="is", min_length=1, max_length=50)


class _NumberedOutputCondition(_Lenient):
    """What an output of another task must be, by the number of the task. It has either `is` or `is_not`."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    task: Number
    output: OutputName
    values: list[ConditionValue] = Field(alias="is", default_factory=list[str], max_length=50)
    excluded: list[ConditionValue] = Field(alias="is_not", default_factory=list[str], max_length=50)


# What a task or phase may have a condition on, in the form that models use: without parameters, and with them.
_OnTask: Any = Annotated[_NumberedCondition, Tag(ON_TASK)]
_OnOutput: Any = Annotated[_NumberedOutputCondition, Tag(ON_OUTPUT)]
_ConditionOnTask: Any = Annotated[
    _OnTask | _OnOutput, Discriminator(lambda value: ON_OUTPUT if kind_of_condition(value) == ON_OUTPUT else ON_TASK)
]
_Condition: Any = Annotated[
    _OnTask | _OnOutput | Annotated[ParameterCondition, Tag(ON_PARAMETER)],
    Discriminator(kind_of_condition),
]


class _Bounded(_Lenient):
    """Adds maximum lengths to the schema, for servers that generate answers from it. Answers are not checked against them."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        _bound(handler.resolve_ref_schema(schema))
        return schema


def _bound(schema: JsonValue) -> None:
    if isinstance(schema, list):
        for item in schema:
            _bound(item)
    elif isinstance(schema, dict):
        for part in schema.values():
            _bound(part)
        if schema.get("type") == "string" and not schema.keys() & {"enum", "const", "pattern"}:
            schema["maxLength"] = _at_most(schema.get("maxLength"), MAX_TEXT)
        if schema.get("type") == "array":
            schema["maxItems"] = _at_most(schema.get("maxItems"), MAX_ITEMS)


def _at_most(limit: JsonValue, maximum: int) -> int:
    return min(limit, maximum) if isinstance(limit, int) else maximum


class ModelPlan(_Lenient):
    """Base class of the plan types that `plan_type` makes."""

    summary: str = Field(
        max_length=2000,
        description="What the plan does, in one or two sentences.",
        json_schema_extra={"maxLength": 400},
    )

    @property
    def missing(self) -> Missing | None:
        """What the model needs to know before it can plan; None if it has made a plan."""
        reason = getattr(self, "cannot_plan", None)
        return Missing(reason, getattr(self, "questions", [])) if reason else None

    def keyed(self, previous: PlanDraft | None = None) -> numbering.Keyed:
        """The plan with keys instead of numbers. Tasks and phases that stay as in the previous plan keep their keys."""
        values = self.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude={"settled"})
        values["questions"] = [{"question": text} for text in values.pop("questions", [])]
        return numbering.with_keys(cast("NumberedPlan", normalized(values)), previous)

    def draft(self, previous: PlanDraft | None = None) -> PlanDraft:
        """Convert to a plan draft.

        Raises:
            ValidationError: the plan is not a valid draft.
        """
        return self.carried_over(PlanDraft.model_validate(self.keyed(previous).plan), previous)

    def carried_over(self, draft: PlanDraft, previous: PlanDraft | None) -> PlanDraft:
        """The draft of this plan with what the previous plan assumes and asks, apart from what this plan says is settled."""
        return carried_over(draft, previous or PlanDraft(), getattr(self, "settled", []))

    def problems(self) -> Iterator[Problem]:
        """Problems with the task numbers, which are not visible in a draft because a draft has keys."""
        for place, number in numbering.ambiguous(
            cast("NumberedPlan", self.model_dump(mode="json", exclude_unset=True))
        ):
            message = f"Several tasks have the number {number}, so it is ambiguous. Number the tasks 1, 2, 3, …"
            yield Problem(field=f"{place}.depends_on", message=message)


@dataclass(frozen=True)
class Missing:
    """Why a brief cannot be planned, and the questions whose answers are missing."""

    reason: str
    questions: list[str]


class _WholePlan(ModelPlan):
    """The plan of a model that knows the whole plan language. It can also say that it needs answers first."""

    model_config = ConfigDict(extra="forbid")

    cannot_plan: Remark | None = Field(
        default=None,
        description="Only if nothing useful can be planned before the questions are answered: why, in one sentence.",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        phases, questions = getattr(self, "phases", []), getattr(self, "questions", [])
        if self.cannot_plan is None and not phases:
            raise ValueError(
                "the plan has no phases; add at least one, or say in cannot_plan why nothing can be planned yet"
            )
        if self.cannot_plan is not None and phases:
            raise ValueError("cannot_plan and phases exclude each other; leave one of them out")
        if self.cannot_plan is not None and not questions:
            raise ValueError("list in questions what you need to know before you can plan")
        return self


def plan_type(
    actions: Mapping[str, type[Action]],
    agents: Collection[str],
    *,
    small: bool = False,
    refines: bool = False,
    has_parameters: bool = True,
) -> type[ModelPlan]:
    """Make the plan type for a model, with these actions and agents.

    Args:
        actions: the actions that tasks may use.
        agents: the agents that tasks may name.
        small: for a small model: only common fields, with hints that end a text in which it repeats itself.
        refines: include every field, so that a plan can be returned unchanged.
        has_parameters: whether the plan has parameters, on which a task may have a condition.
    """
    bounded = small and not refines
    base: Any = _Bounded if bounded else _Lenient if small else _Strict
    line: Any = Annotated[Name, Field(json_schema_extra={"maxLength": MAX_LINE})] if bounded else Name
    kinds = {
        tag: kind
        for name, action in sorted(actions.items())
        for tag, kind in action_types(name, action, base, whole=not bounded)
    }
    action = one_of(kinds)
    task_fields = _task_fields(line, action, bounded=bounded)
    phase_fields = _phase_fields(line)
    if len(agents) > 1 or not small:
        agent: Any = LITERAL[tuple(sorted(agents))]
        task_fields["agent_id"] = (agent | None, Field(default=None, description="Agent that executes the task."))
    if not bounded:
        condition = _Condition if has_parameters else _ConditionOnTask
        task_fields |= _rare_task_fields(condition)
        phase_fields |= _rare_phase_fields(condition)
    settled: Definitions = {}
    if refines:
        settled["settled"] = (list[str], _list(_SETTLED))
        # Models must not set limits, but they may return those that a task has.
        task_fields["limits"] = (OwnLimits, Field(default_factory=dict, description="Leave as it is."))
    task: Any = create_model("Task", __base__=base, **task_fields)
    phase_fields["tasks"] = (list[task], Field(min_length=1, max_length=MAX_TASKS))
    phase: Any = create_model("Phase", __base__=base, **phase_fields)
    remark: Any = line if bounded else Remark
    few = MAX_REMARKS if bounded else None
    plan_fields: Definitions = {
        "phases": _phases(phase, small=small, bounded=bounded),
        "assumptions": (list[remark], _list("Assumptions that a person should check.", few)),
        "questions": (list[remark], _list("Questions for a person to answer before signing the plan.", few)),
        **settled,
    }
    return create_model("Plan", __base__=ModelPlan if small else _WholePlan, **plan_fields)


def _phases(phase: Any, *, small: bool, bounded: bool) -> Any:
    if not small:
        return list[phase], Field(default_factory=list, max_length=MAX_PHASES)
    hint: JsonDict | None = {"maxItems": FEW_PHASES} if bounded else None
    return list[phase], Field(min_length=1, max_length=MAX_PHASES, json_schema_extra=hint)


def _task_fields(line: Any, action: Any, *, bounded: bool) -> Definitions:
    """The fields of a task that every model fills in."""
    return {
        "number": (Number, Field(description="1 for the first task of the plan, 2 for the next one, and so on.")),
        "title": (line, Field(description="What to do, as an imperative: Gather the metrics.")),
        "action": (action, Field(description="How to do it.")),
        "depends_on": (list[Number], _list("Numbers of the tasks that must finish before this one.")),
        "description": (LongText, Field(default="", description="What the title does not say. Mostly empty.")),
        "inputs": (
            _ShortInputs if bounded else Inputs,
            Field(default_factory=dict, description="Values that the task needs."),
        ),
        "expected_files": (list[line if bounded else RelativePath], _list("Files that the task creates.")),
        "timeout_seconds": (
            float | None,
            Field(default=None, gt=0, le=2_592_000, description="Seconds after which an attempt is stopped."),
        ),
        "on_crash": (
            OnCrash,
            Field(default=OnCrash.RERUN, description="Use `ask` for work that must not happen twice."),
        ),
        "after_failure": (
            AfterFailure | None,
            Field(default=None, description="After the last attempt: `ask` a person, or `fail`."),
        ),
    }


def _rare_task_fields(condition: Any) -> Definitions:
    return {
        "reads": (list[Grant], _list("Paths outside the workspace that its commands may read; the brief names them.")),
        "writes": (list[Grant], _list("Paths outside the workspace that its commands may change; likewise.")),
        "retries": (int | None, Field(default=None, ge=0, le=100, description="Attempts after a failed one.")),
        "requires_approval": (bool, Field(default=False, description="Whether a person must release it first.")),
        "condition": (
            condition | None,
            Field(default=None, description="If it is not met, the task is skipped. Also a dependency."),
        ),
    }


def _phase_fields(line: Any) -> Definitions:
    """The fields of a phase that every model fills in, apart from its tasks."""
    return {
        "name": (line, Field(description="Name of the phase.")),
        "strategy": (
            PhaseStrategy,
            Field(
                description="`sequential`: one task after the other; `parallel`: all at once; `dag`: as `depends_on` says."
            ),
        ),
        "requires_approval": (
            bool | None,
            Field(default=None, description="Whether a person must approve the phase before it starts."),
        ),
    }


def _rare_phase_fields(condition: Any) -> Definitions:
    return {
        "condition": (condition | None, Field(default=None, description="If it is not met, the phase is skipped.")),
        "runs_on": (
            RunsOn,
            Field(
                default=RunsOn.SUCCESS,
                description="`failure`: only after a failure before it; `always`: in any case, also after a cancel.",
            ),
        ),
        "description": (LongText, Field(default="", description="What the name does not say. Mostly empty.")),
    }


def _list(description: str, hint: int | None = None) -> Any:
    extra: JsonDict | None = None if hint is None else {"maxItems": hint}
    return Field(default_factory=list, max_length=1000, description=description, json_schema_extra=extra)
