"""Converts conditions, and what follows from answers, to the API's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from app.domain.conditions import Effect
from app.domain.plan import PhaseDraft, TaskDraft
from signoff.schemas.json_value import JsonObject
from signoff.schemas.tasks import AnswerEffect, Condition


def condition(stored: JsonObject | None) -> Condition | None:
    """The condition of a row."""
    return {"task": str(stored["task"]), "is": cast("list[str]", stored["is"])} if stored is not None else None


def drafted(item: TaskDraft | PhaseDraft) -> Condition | None:
    """The condition of a task or a phase of a draft."""
    return {"task": item.condition.task, "is": item.condition.values} if item.condition is not None else None


def answers(effects: Mapping[str, Sequence[Effect]]) -> dict[str, list[AnswerEffect]]:
    """What follows from each answer, by the key of the decision."""
    return {
        key: [AnswerEffect.model_validate(effect, from_attributes=True) for effect in listed]
        for key, listed in effects.items()
    }
