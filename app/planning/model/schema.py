"""The shape that a model fills: the plan draft's own, with only the actions and agents that it may use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from app.domain.actions import Action
from app.domain.plan import AfterFailure, Inputs, Key, Name, OnCrash, PhaseStrategy, PlanDraft, TaskDraft

# Far below what a plan may have: a model that has lost the thread goes on for ever.
MOST_PHASES = 12
MOST_TASKS = 30
# Type checkers read what stands in the brackets of a Literal; here it is known at run time only.
_LITERAL: Any = Literal


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", use_enum_values=True)


class ModelPlan(_Lenient):
    """Base of the plans that `plan_type` makes."""

    summary: str = Field(max_length=2000, description="What the plan does, in two or three sentences.")
    assumptions: list[str] = Field(
        default_factory=list[str], max_length=10, description="What was taken for granted, for a person to check."
    )
    questions: list[str] = Field(
        default_factory=list[str], max_length=10, description="What a person should be asked before the plan is signed."
    )

    def draft(self) -> PlanDraft:
        """The plan as every planner gives it.

        Raises:
            ValidationError: it does not fit into one.
        """
        values = self.model_dump(mode="json", exclude={"assumptions", "questions"}, exclude_none=True)
        warnings = [f"Assumption: {text}" for text in self.assumptions]
        warnings += [f"Open question: {text}" for text in self.questions]
        return PlanDraft.model_validate({**values, "warnings": warnings})


def plan_type(actions: Mapping[str, type[Action]], agents: Collection[str]) -> type[ModelPlan]:
    """The type of the plans that a model may make of these actions, for these agents."""
    kinds = [_action_type(name, action) for name, action in sorted(actions.items())]
    agent: Any = _LITERAL[tuple(sorted(agents))]
    action: Any = reduce(lambda first, second: first | second, kinds)
    task_fields: dict[str, Any] = {
        "key": (Key, Field(description="Short name, unique in the plan: gather_metrics.")),
        "title": (Name, Field(description="What is done, as an order: Gather the metrics.")),
        "description": (str, Field(default="", max_length=4000)),
        "action": (action, Field(description="How it is done.")),
        "agent_id": (agent | None, Field(default=None, description="Who does it.")),
        "depends_on": (
            list[Key],
            Field(default_factory=list, max_length=MOST_TASKS, description="Keys of tasks before it."),
        ),
        "inputs": (Inputs, Field(default_factory=dict, description="Outputs of other tasks that it needs.")),
        "expected_files": (
            list[str],
            Field(default_factory=list, max_length=20, description="Files that it makes."),
        ),
        "timeout_seconds": (float | None, Field(default=None, gt=0, le=2_592_000)),
        "on_crash": (OnCrash, Field(default=OnCrash.RERUN, description="`ask` for what must not happen twice.")),
        "after_failure": (AfterFailure | None, Field(default=None)),
    }
    task: Any = create_model("Task", __base__=_Lenient, **task_fields)
    phase_fields: dict[str, Any] = {
        "key": (Key, Field(description="Short name, unique among the phases.")),
        "name": (Name, Field(description="What the phase is about.")),
        "strategy": (PhaseStrategy, Field(default=PhaseStrategy.DAG)),
        "requires_approval": (
            bool | None,
            Field(default=None, description="Whether a person approves it before it starts."),
        ),
        "tasks": (list[task], Field(min_length=1, max_length=MOST_TASKS)),
    }
    phase: Any = create_model("Phase", __base__=_Lenient, **phase_fields)
    plan_fields: dict[str, Any] = {"phases": (list[phase], Field(min_length=1, max_length=MOST_PHASES))}
    return create_model("Plan", __base__=ModelPlan, **plan_fields)


def _action_type(name: str, action: type[Action]) -> Any:
    kind: Any = _LITERAL[name]
    base: Any = action.fields_model
    return create_model(
        f"{name.title().replace('_', '')}Action", __base__=base, type=(kind, Field(description=_first_line(action)))
    )


def drawn_from(draft: PlanDraft) -> dict[str, Any]:
    """A plan as a model would give it, to show it one: without what is as usual."""
    kept_task = set(TaskDraft.model_fields) - {"retries"}
    phases = [
        {
            **phase.model_dump(mode="json", exclude={"tasks"}, exclude_defaults=True),
            "tasks": [task.model_dump(mode="json", include=kept_task, exclude_defaults=True) for task in phase.tasks],
        }
        for phase in draft.phases
    ]
    return {"summary": draft.summary, "phases": phases}


def _first_line(action: type[Action]) -> str:
    return (action.__doc__ or "").strip().splitlines()[0]
