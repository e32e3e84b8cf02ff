"""Finds what an answer lets run that cannot be taken back, and that no person is asked about after the answer.

A model may answer a question. Its answer alone never releases such a task.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.domain import graph
from app.domain.conditions import DECISION
from app.domain.lasting import lasting_effect
from app.domain.plan import PlanDraft, TaskDraft
from app.domain.validation import effective_dependencies, phase_graphs
from signoff.vocabulary import DecidedBy, RunsOn


class Released(NamedTuple):
    """A task that cannot be taken back, with what it does: the rest of a sentence that starts with the task."""

    key: str
    effect: str


def decided_by(task: TaskDraft) -> str:
    """Who answers a decision first, as a plan says it."""
    return str(task.action.fields().get("by") or DecidedBy.PERSON)


def deciders_of(draft: PlanDraft) -> dict[str, str]:
    """Who answers each decision of a plan first, by key."""
    return {task.key: decided_by(task) for task in draft.tasks() if task.action.type == DECISION}


class Releases:
    """What the answers to the questions of a plan let run, although it cannot be taken back."""

    def __init__(self, draft: PlanDraft) -> None:
        self._phases = draft.phases
        self._graphs = phase_graphs(draft)
        self._needs = [effective_dependencies(phase) for phase in draft.phases]
        self._places = {
            task.key: (number, index)
            for number, phase in enumerate(draft.phases)
            for index, task in enumerate(phase.tasks)
        }
        self._effects: dict[str, str | None] = {}

    def by(self, key: str) -> list[Released]:
        """The tasks that the answer to a question of this task releases.

        A task does not count if a person is asked before it starts, and after the answer: because it waits to be released,
        because its phase waits for an approval, or because a decision comes first that a person answers in any case.
        """
        if key not in self._places:
            return []
        place, position = self._places[key]
        certain = self._certain(key)
        found, asked = self._within(place, _after(self._graphs[place], [position]), certain)
        for number in range(place + 1, len(self._phases)):
            phase = self._phases[number]
            if asked:
                break
            if phase.runs_on != RunsOn.SUCCESS:
                continue
            if phase.requires_approval:
                # The gate of a phase with a condition may never be reached. The phases after it run nevertheless.
                asked = phase.condition is None
                continue
            more, asked = self._within(number, set(range(len(phase.tasks))), certain)
            found += more
        return found

    def _within(self, number: int, reached: set[int], certain: set[str]) -> tuple[list[Released], bool]:
        """What the answer releases among these tasks of a phase, and whether a person is asked in the phase in any case."""
        phase = self._phases[number]
        gates = [index for index in sorted(reached) if _asks_person(phase.tasks[index], certain)]
        confirmed = _after(self._graphs[number], gates)
        left = [phase.tasks[index] for index in sorted(reached - confirmed)]
        effects = [(task.key, self._effect(task)) for task in left if not task.requires_approval]
        return [Released(key, effect) for key, effect in effects if effect is not None], bool(gates)

    def _effect(self, task: TaskDraft) -> str | None:
        if task.key not in self._effects:
            self._effects[task.key] = lasting_effect(task.action.model_dump(mode="json"), task.on_crash)
        return self._effects[task.key]

    def _certain(self, key: str) -> set[str]:
        """The keys of the tasks that no condition can have skipped once the task `key` is done."""
        certain = {key}
        for phase, needs, dependencies in zip(self._phases, self._needs, self._graphs, strict=True):
            if phase.condition is not None or phase.runs_on != RunsOn.SUCCESS:
                continue
            for index in graph.topological_order(dependencies):
                if phase.tasks[index].condition is None and certain.issuperset(needs[index]):
                    certain.add(phase.tasks[index].key)
        return certain


def _asks_person(task: TaskDraft, certain: set[str]) -> bool:
    """Whether a person answers this decision in any case: it is never skipped, and no default takes the person's place."""
    if task.action.type != DECISION or task.key not in certain:
        return False
    return decided_by(task) == DecidedBy.PERSON and task.action.fields().get("default") is None


def _after(dependencies: Sequence[Sequence[int]], start: Sequence[int]) -> set[int]:
    """The nodes that depend on one of these nodes, directly or through others."""
    reverse = graph.dependents_of(dependencies)
    seen: set[int] = set()
    rest = list(start)
    while rest:
        for other in reverse[rest.pop()]:
            if other not in seen:
                seen.add(other)
                rest.append(other)
    return seen


def listed(released: Sequence[Released], most: int = 3) -> str:
    """The tasks as part of a sentence: "'push' (runs 'git push', …) and 2 more"."""
    shown = ", ".join(_each(released[:most]))
    more = len(released) - most
    return f"{shown} and {more} more" if more > 0 else shown


def _each(released: Sequence[Released]) -> Iterator[str]:
    return (f"'{task.key}', which {task.effect}" for task in released)
