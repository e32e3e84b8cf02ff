"""Decisions that two different people must answer: what a plan says about it, and the problems with it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.conditions import DECISION
from app.domain.plan import PlanDraft, TaskDraft
from signoff.schemas.problems import Problem
from signoff.vocabulary import DecidedBy


def others_of(draft: PlanDraft) -> dict[str, list[str]]:
    """For each decision that two people share, by key: the decisions that whoever answers it must not have answered."""
    found: dict[str, list[str]] = {}
    for task in draft.tasks():
        if (named := _named(task)) is not None:
            found.setdefault(task.key, []).append(named)
            found.setdefault(named, []).append(task.key)
    return {key: list(dict.fromkeys(others)) for key, others in found.items()}


def problems_of(draft: PlanDraft) -> Iterator[Problem]:
    """The problems with the decisions that ask for another person."""
    tasks = {task.key: task for task in draft.tasks()}
    for number, phase in enumerate(draft.phases):
        for index, task in enumerate(phase.tasks):
            named = _named(task)
            why = _objection(task, tasks.get(named), named) if named is not None else None
            if why is not None:
                field = f"phases[{number}].tasks[{index}].action.other_than"
                yield Problem(field=field, message=f"Task '{task.key}': other_than names '{named}', {why}")


def _named(task: TaskDraft) -> str | None:
    named = task.action.fields().get("other_than") if task.action.type == DECISION else None
    return named if isinstance(named, str) else None


def _objection(task: TaskDraft, other: TaskDraft | None, named: str) -> str | None:
    if other is None:
        return "which does not exist. Name another decision of the plan by its key."
    if other is task:
        return "which is the decision itself. Name another decision."
    if other.action.type != DECISION:
        return "which is not a decision. Name another decision."
    fields = other.action.fields()
    if fields.get("by") == DecidedBy.MODEL:
        return "which a model answers first. Remove by=model there, so that a person answers."
    if fields.get("default") is not None:
        return "which has a default answer. Remove it, so that a person answers."
    return None
