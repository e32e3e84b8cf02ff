"""The schema for a model's plan: like a plan draft, but with only the actions and agents that the model may use.

Tasks have numbers instead of keys. Counting is easy for a model, while it may misspell a key when it repeats it. `numbering`
makes the keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import reduce
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    WithJsonSchema,
    create_model,
)
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from app.domain.actions import Action
from app.domain.limits import OwnLimits
from app.domain.plan import (
    ON_PARAMETER,
    ON_TASK,
    ConditionValue,
    Grant,
    Inputs,
    LongText,
    Name,
    ParameterCondition,
    PlanDraft,
    RelativePath,
    kind_of_condition,
)
from app.domain.texts import normalized
from app.planning.model import numbering
from app.planning.model.numbering import NumberedPlan
from signoff.schemas.json_value import JsonValue
from signoff.schemas.problems import Problem
from signoff.vocabulary import AfterFailure, OnCrash, PhaseStrategy, RunsOn

# Far below the limits of a plan: a confused model would otherwise continue forever.
MAX_PHASES = 12
MAX_TASKS = 30
MAX_NUMBER = MAX_PHASES * MAX_TASKS
# Hints for servers that generate answers from the schema. They end a text or a list in which a model repeats itself. Answers
# are not checked against them. Longer content belongs in a file, or in several tasks; a script belongs in a command.
MAX_TEXT = 1000
MAX_LINE = 100
MAX_ITEMS = 8
FEW_PHASES = 5
MAX_REMARKS = 5
# Type checkers read the values of a Literal; here, the values are known only at run time.
# Types that are made at run time, as `create_model` takes them: no type checker knows them.
_Definitions = dict[str, Any]
_LITERAL: Any = Literal
Number = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
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
    model_config = ConfigDict(extra="ignore", use_enum_values=True)


class _NumberedCondition(_Lenient):
    """How another task must have ended, by the number of the task."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    task: Number
    values: list[ConditionValue] = Field(alias="is", min_length=1, max_length=50)


# What a task or phase may have a condition on, in the form that models use.
_Condition: Any = Annotated[
    Annotated[_NumberedCondition, Tag(ON_TASK)] | Annotated[ParameterCondition, Tag(ON_PARAMETER)],
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

    def draft(self, previous: PlanDraft | None = None) -> PlanDraft:
        """Convert to a plan draft. Tasks and phases that stay as in the previous plan keep their keys.

        Raises:
            ValidationError: the plan is not a valid draft.
        """
        values = self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        warnings = [f"Assumption: {text}" for text in values.pop("assumptions", [])]
        warnings += [f"Open question: {text}" for text in values.pop("questions", [])]
        return PlanDraft.model_validate(
            {**numbering.with_keys(cast("NumberedPlan", normalized(values)), previous), "warnings": warnings}
        )

    def problems(self) -> Iterator[Problem]:
        """Problems with the task numbers, which are not visible in a draft because a draft has keys."""
        for place, number in numbering.ambiguous(
            cast("NumberedPlan", self.model_dump(mode="json", exclude_unset=True))
        ):
            message = f"Several tasks have the number {number}, so it is ambiguous. Number the tasks 1, 2, 3, …"
            yield Problem(field=f"{place}.depends_on", message=message)


def plan_type(
    actions: Mapping[str, type[Action]], agents: Collection[str], *, whole: bool = False, long_commands: bool = False
) -> type[ModelPlan]:
    """Make the plan type for a model, with these actions and agents.

    Args:
        actions: the actions that tasks may use.
        agents: the agents that tasks may name.
        whole: include every field, so that a plan can be returned unchanged; otherwise, only common fields.
        long_commands: do not tell the model to keep commands short. A script in a command is signed as text.
    """
    base: Any = _Lenient if whole else _Bounded
    line: Any = Name if whole else Annotated[Name, Field(json_schema_extra={"maxLength": MAX_LINE})]
    kinds = [
        kind
        for name, action in sorted(actions.items())
        for kind in _action_types(name, action, whole=whole, bounded=not (whole or (long_commands and name == "shell")))
    ]
    action: Any = reduce(lambda first, second: first | second, kinds)
    task_fields: _Definitions = {
        "number": (Number, Field(description="1 for the first task of the plan, 2 for the next one, and so on.")),
        "title": (line, Field(description="What to do, as an imperative: Gather the metrics.")),
        "action": (action, Field(description="How to do it.")),
        "depends_on": (list[Number], _list("Numbers of the tasks that must finish before this one.")),
        "description": (LongText, Field(default="")),
        "inputs": (
            Inputs if whole else _ShortInputs,
            Field(default_factory=dict, description="Values that the task needs."),
        ),
        "expected_files": (list[RelativePath if whole else line], _list("Files that the task creates.")),
        "timeout_seconds": (float | None, Field(default=None, gt=0, le=2_592_000)),
        "on_crash": (
            OnCrash,
            Field(default=OnCrash.RERUN, description="Use `ask` for work that must not happen twice."),
        ),
        "after_failure": (AfterFailure | None, Field(default=None)),
    }
    phase_fields = _phase_fields(line)
    if len(agents) > 1:
        agent: Any = _LITERAL[tuple(sorted(agents))]
        task_fields["agent_id"] = (agent | None, Field(default=None, description="Agent that executes the task."))
    if whole:
        task_fields |= {name: (list[Grant], Field(default_factory=list)) for name in ("reads", "writes")}
        task_fields["limits"] = (OwnLimits, Field(default_factory=dict))
        task_fields["retries"] = (int | None, Field(default=None, ge=0, le=100))
        task_fields["requires_approval"] = (bool, Field(default=False))
        task_fields["condition"] = (_Condition | None, Field(default=None))
        phase_fields["condition"] = (_Condition | None, Field(default=None))
        phase_fields["runs_on"] = (RunsOn, Field(default=RunsOn.SUCCESS))
        phase_fields["description"] = (LongText, Field(default=""))
    task: Any = create_model("Task", __base__=base, **task_fields)
    phase_fields["tasks"] = (list[task], Field(min_length=1, max_length=MAX_TASKS))
    phase: Any = create_model("Phase", __base__=base, **phase_fields)
    plan_fields: _Definitions = {
        "phases": (
            list[phase],
            Field(min_length=1, max_length=MAX_PHASES, json_schema_extra=None if whole else {"maxItems": FEW_PHASES}),
        ),
        "assumptions": (list[line], _list("Assumptions that a person should check.", MAX_REMARKS)),
        "questions": (list[line], _list("Questions for a person to answer before signing the plan.", MAX_REMARKS)),
    }
    return create_model("Plan", __base__=ModelPlan, **plan_fields)


def _phase_fields(line: Any) -> _Definitions:
    """The fields of a phase that a model fills in, apart from its tasks."""
    return {
        "name": (line, Field(description="Name of the phase.")),
        "strategy": (
            PhaseStrategy,
            Field(description="`sequential`: one task after the other; `dag`: as `depends_on` says."),
        ),
        "requires_approval": (
            bool | None,
            Field(default=None, description="Whether a person must approve the phase before it starts."),
        ),
    }


def _list(description: str, hint: int | None = None) -> Any:
    extra: JsonDict | None = None if hint is None else {"maxItems": hint}
    return Field(default_factory=list, max_length=1000, description=description, json_schema_extra=extra)


def _action_types(name: str, action: type[Action], *, whole: bool, bounded: bool) -> Iterator[Any]:
    """One type for an action. If the action needs exactly one of several fields, one type for each of these fields."""
    fields = {
        field: info for field, info in action.fields_model.model_fields.items() if whole or field not in action.rare
    }
    base: Any = _Bounded if bounded else _Lenient
    one_of = [field for field in action.one_of if field in fields]
    for chosen in one_of or [None]:
        kind: _Definitions = {"type": (_LITERAL[name], Field(description=_first_line(action)))}
        for field, info in fields.items():
            if field == chosen:
                kind[field] = (_without_none(info.annotation), Field(min_length=1, description=info.description))
            elif field not in one_of:
                kind[field] = (info.annotation, info)
        yield create_model(
            f"{name.title().replace('_', '')}{(chosen or '').title()}Action",
            __base__=base,
            **kind,
        )


def _without_none(annotation: Any) -> Any:
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    return (
        reduce(lambda first, second: first | second, kinds)
        if kinds and type(None) in get_args(annotation)
        else annotation
    )


def _first_line(action: type[Action]) -> str:
    return (action.__doc__ or "").strip().splitlines()[0]
