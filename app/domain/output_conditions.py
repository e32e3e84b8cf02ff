"""Conditions on outputs: how a value is compared, and what a plan may ask for. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.actions import Actions
from app.domain.plan import OutputCondition, PlanDraft, TaskDraft
from app.domain.references import as_text
from signoff.schemas.json_value import JsonValue
from signoff.schemas.problems import Problem

_ANSWER = "answer"


def meets(condition: OutputCondition, value: JsonValue) -> bool:
    """Whether an output with this value meets a condition. Values compare as text, without spaces and line breaks around it."""
    text = as_text(value).strip()
    return text in condition.values if condition.values else text not in condition.excluded


def problems_of(draft: PlanDraft, actions: Actions) -> Iterator[Problem]:
    """The conditions on outputs that a task never has."""
    tasks = {task.key: task for task in draft.tasks()}
    for number, phase in enumerate(draft.phases):
        where, about = f"phases[{number}]", f"Phase '{phase.key}'"
        found = [(where, about, phase.condition)]
        found += [(f"{where}.tasks[{at}]", f"Task '{task.key}'", task.condition) for at, task in enumerate(phase.tasks)]
        for place, about, condition in found:
            if isinstance(condition, OutputCondition) and condition.task in tasks:
                why = _objection(condition, tasks[condition.task], actions)
                if why is not None:
                    yield Problem(field=f"{place}.condition", message=f"{about}: {why}")


def _objection(condition: OutputCondition, watched: TaskDraft, actions: Actions) -> str | None:
    action = actions.get(watched.action.type)
    if action is None:
        return None
    names = action.output_names(watched.action.fields())
    if names is not None and _ANSWER in names and condition.output == _ANSWER:
        return f"a condition on an answer names the decision only: {condition.task}:yes (without '.answer')."
    if names is None or condition.output in names:
        return None
    known = ", ".join(names) or "none"
    return (
        f"the condition names the output '{condition.output}' of '{condition.task}', which a task of type {watched.action.type} "
        f"does not have; its outputs: {known}."
    )
