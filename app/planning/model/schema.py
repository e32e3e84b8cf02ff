"""The shape that a model fills: the plan draft's own, with only the actions and agents that it may use.

Tasks are numbered, not keyed: a number that counts up is hard to get wrong, while names have to be made up twice alike.
`numbering` makes the keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import reduce
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema, create_model
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from app.domain.actions import Action
from app.domain.errors import Problem
from app.domain.limits import OwnLimits
from app.domain.plan import AfterFailure, Grant, Inputs, LongText, Name, OnCrash, PhaseStrategy, PlanDraft, RelativePath
from app.planning.model import numbering

# Far below what a plan may have: a model that has lost the thread goes on for ever.
MAX_PHASES = 12
MAX_TASKS = 30
MAX_NUMBER = MAX_PHASES * MAX_TASKS
# Hints for servers that make answers by the schema, and no rules for answers: they end a text or a list in which a model goes
# round in circles. What is longer belongs into a file, or into several tasks.
MAX_TEXT = 1000
MAX_LINE = 100
MAX_ITEMS = 8
FEW_PHASES = 5
MAX_REMARKS = 5
# Type checkers read what stands in the brackets of a Literal; here it is known at run time only.
_LITERAL: Any = Literal
Number = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
# Values may be any JSON, but few are more than a text.
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


class _Bounded(_Lenient):
    """Tells servers that make answers by the schema where each text and list has to end; answers are not held to it."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        _bound(handler.resolve_ref_schema(schema))
        return schema


def _bound(value: Any) -> None:
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            _bound(item)
    elif isinstance(value, dict):
        schema = cast("dict[str, Any]", value)
        for part in schema.values():
            _bound(part)
        if schema.get("type") == "string" and not schema.keys() & {"enum", "const", "pattern"}:
            schema["maxLength"] = min(schema.get("maxLength", MAX_TEXT), MAX_TEXT)
        if schema.get("type") == "array":
            schema["maxItems"] = min(schema.get("maxItems", MAX_ITEMS), MAX_ITEMS)


class ModelPlan(_Lenient):
    """Base of the plans that `plan_type` makes."""

    summary: str = Field(
        max_length=2000,
        description="What the plan does, in one or two sentences.",
        json_schema_extra={"maxLength": 400},
    )

    def draft(self, previous: PlanDraft | None = None) -> PlanDraft:
        """The plan as every planner gives it; what is as it was in the plan before keeps its key.

        Raises:
            ValidationError: it does not fit into one.
        """
        values = self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        warnings = [f"Assumption: {text}" for text in values.pop("assumptions", [])]
        warnings += [f"Open question: {text}" for text in values.pop("questions", [])]
        return PlanDraft.model_validate({**numbering.with_keys(values, previous), "warnings": warnings})

    def problems(self) -> Iterator[Problem]:
        """What is wrong with the numbers themselves, which a draft, having keys, no longer shows."""
        for place, number in numbering.ambiguous(self.model_dump(mode="json", exclude_unset=True)):
            message = f"Task {number} is meant, but several tasks have the number {number}: number them 1, 2, 3, …"
            yield Problem(field=f"{place}.depends_on", message=message)


def plan_type(actions: Mapping[str, type[Action]], agents: Collection[str], *, whole: bool = False) -> type[ModelPlan]:
    """The type of the plans that a model may make of these actions, for these agents.

    Args:
        actions: what tasks may do.
        agents: who may be named.
        whole: show every field, so that a plan can be given back unchanged; else only those often needed.
    """
    base: Any = _Lenient if whole else _Bounded
    line: Any = Name if whole else Annotated[Name, Field(json_schema_extra={"maxLength": MAX_LINE})]
    kinds = [kind for name, action in sorted(actions.items()) for kind in _action_types(name, action, whole=whole)]
    action: Any = reduce(lambda first, second: first | second, kinds)
    task_fields: dict[str, Any] = {
        "number": (Number, Field(description="1 for the first task of the plan, 2 for the next one, and so on.")),
        "title": (line, Field(description="What is done, as an order: Gather the metrics.")),
        "action": (action, Field(description="How it is done.")),
        "depends_on": (list[Number], _list("Numbers of tasks that must be done before.")),
        "description": (LongText, Field(default="")),
        "inputs": (Inputs if whole else _ShortInputs, Field(default_factory=dict, description="Values that it needs.")),
        "expected_files": (list[RelativePath if whole else line], _list("Files that it makes.")),
        "timeout_seconds": (float | None, Field(default=None, gt=0, le=2_592_000)),
        "on_crash": (OnCrash, Field(default=OnCrash.RERUN, description="`ask` for what must not happen twice.")),
        "after_failure": (AfterFailure | None, Field(default=None)),
    }
    phase_fields: dict[str, Any] = {
        "name": (line, Field(description="What the phase is about.")),
        "strategy": (PhaseStrategy, Field(description="`sequential`: one task after the other; `dag`: by depends_on.")),
        "requires_approval": (
            bool | None,
            Field(default=None, description="Whether a person approves it before it starts."),
        ),
    }
    if len(agents) > 1:
        agent: Any = _LITERAL[tuple(sorted(agents))]
        task_fields["agent_id"] = (agent | None, Field(default=None, description="Who does it."))
    if whole:
        task_fields |= {name: (list[Grant], Field(default_factory=list)) for name in ("reads", "writes")}
        task_fields["limits"] = (OwnLimits, Field(default_factory=dict))
        task_fields["retries"] = (int | None, Field(default=None, ge=0, le=100))
        phase_fields["description"] = (LongText, Field(default=""))
    task: Any = create_model("Task", __base__=base, **task_fields)
    phase_fields["tasks"] = (list[task], Field(min_length=1, max_length=MAX_TASKS))
    phase: Any = create_model("Phase", __base__=base, **phase_fields)
    plan_fields: dict[str, Any] = {
        "phases": (
            list[phase],
            Field(min_length=1, max_length=MAX_PHASES, json_schema_extra=None if whole else {"maxItems": FEW_PHASES}),
        ),
        "assumptions": (list[line], _list("What was taken for granted, for a person to check.", MAX_REMARKS)),
        "questions": (list[line], _list("What to ask a person before the plan is signed.", MAX_REMARKS)),
    }
    return create_model("Plan", __base__=ModelPlan, **plan_fields)


def _list(description: str, hint: int | None = None) -> Any:
    extra: JsonDict | None = None if hint is None else {"maxItems": hint}
    return Field(default_factory=list, max_length=1000, description=description, json_schema_extra=extra)


def _action_types(name: str, action: type[Action], *, whole: bool) -> Iterator[Any]:
    """One type for an action, or one for each field of which it wants exactly one."""
    fields = {
        field: info for field, info in action.fields_model.model_fields.items() if whole or field not in action.rare
    }
    base: Any = _Lenient if whole else _Bounded
    one_of = [field for field in action.one_of if field in fields]
    for chosen in one_of or [None]:
        kind: dict[str, Any] = {"type": (_LITERAL[name], Field(description=_first_line(action)))}
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
