"""Differences between two versions of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.plan import PlanDraft
from signoff.schemas.json_value import JsonObject

Fields = JsonObject


@dataclass(frozen=True)
class Change:
    """The value of a field before and after."""

    field: str
    before: object
    after: object


@dataclass(frozen=True)
class Differences:
    """Keys of the added and removed phases or tasks, and the changes of those that are in both versions."""

    added: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    changed: dict[str, list[Change]] = field(default_factory=dict[str, list[Change]])


def compare_fields(before: Mapping[str, object], after: Mapping[str, object]) -> list[Change]:
    """The fields that differ, in the order of `before`, with new fields last."""
    names = list(dict.fromkeys([*before, *after]))
    return [Change(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


def compare_parameters(before: PlanDraft, after: PlanDraft) -> list[Change]:
    """Parameters that were added, removed or changed: each as a whole, with its value."""
    first, second = (
        {name: item.model_dump(mode="json") for name, item in draft.parameters.items()} for draft in (before, after)
    )
    return compare_fields(first, second)


def compare_assumptions(before: PlanDraft, after: PlanDraft) -> Differences:
    """Assumptions that were added or removed. An assumption is its own key."""
    return _compare(*({text: Fields() for text in draft.assumptions} for draft in (before, after)))


def compare_questions(before: PlanDraft, after: PlanDraft) -> Differences:
    """Questions that were added, removed or answered. A question is its own key."""
    return _compare(*({item.question: Fields(answer=item.answer) for item in d.questions} for d in (before, after)))


def compare_phases(before: PlanDraft, after: PlanDraft) -> Differences:
    """Phases that were added, removed or changed. `position` is the place of a phase in the plan."""
    return _compare(_phases(before), _phases(after))


def compare_tasks(before: PlanDraft, after: PlanDraft) -> Differences:
    """Tasks that were added, removed or changed. `phase` is the key of a task's phase."""
    return _compare(_tasks(before), _tasks(after))


def _compare(before: dict[str, Fields], after: dict[str, Fields]) -> Differences:
    differences = Differences(
        added=[key for key in after if key not in before], removed=[key for key in before if key not in after]
    )
    for key, fields in before.items():
        changes = compare_fields(fields, after[key]) if key in after else []
        if changes:
            differences.changed[key] = changes
    return differences


def _phases(draft: PlanDraft) -> dict[str, Fields]:
    return {
        phase.key: {**phase.model_dump(mode="json", exclude={"key", "tasks"}), "position": position}
        for position, phase in enumerate(draft.phases)
    }


def _tasks(draft: PlanDraft) -> dict[str, Fields]:
    return {
        task.key: {
            **{name: value for name, value in task.model_dump(mode="json").items() if name != "key"},
            "phase": phase.key,
        }
        for phase in draft.phases
        for task in phase.tasks
    }
