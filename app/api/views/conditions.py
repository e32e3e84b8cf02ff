"""Converts conditions, and what follows from answers, to the API's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.conditions import Effect, KnownCondition, StoredCondition, condition_of, known
from app.domain.parameters import Parameter
from app.domain.plan import OutputCondition, PhaseDraft, TaskDraft
from signoff.schemas.json_value import JsonObject
from signoff.schemas.tasks import AnswerEffect, Condition


def condition(stored: JsonObject | None) -> Condition | None:
    """The condition of a row."""
    return _shown(condition_of(stored))


def drafted(item: TaskDraft | PhaseDraft, parameters: Mapping[str, Parameter]) -> Condition | None:
    """The condition of a task or a phase of a draft with these parameters."""
    return _shown(known(item.condition, parameters))


def _shown(condition: StoredCondition | None) -> Condition | None:
    if isinstance(condition, KnownCondition):
        return {
            "parameter": condition.parameter,
            "is": condition.values,
            "value": condition.value,
            "met": condition.met,
        }
    if isinstance(condition, OutputCondition):
        return {
            "task": condition.task,
            "output": condition.output,
            "is": condition.values,
            "is_not": condition.excluded,
        }
    return {"task": condition.task, "is": condition.values} if condition is not None else None


def answers(effects: Mapping[str, Sequence[Effect]]) -> dict[str, list[AnswerEffect]]:
    """What follows from each answer, by the key of the decision."""
    return {
        key: [AnswerEffect.model_validate(effect, from_attributes=True) for effect in listed]
        for key, listed in effects.items()
    }
