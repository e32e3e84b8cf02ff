"""Conditions of tasks and phases, and the answers that end a run: what a plan says, and what follows from how tasks ended.

Pure. `fate_of` is the only place that decides whether a task starts, is skipped or must wait.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

from app.domain import references
from app.domain.output_conditions import meets
from app.domain.parameters import Parameter, Value, is_value
from app.domain.plan import (
    ON_OUTPUT,
    ON_PARAMETER,
    Condition,
    OutputCondition,
    ParameterCondition,
    PhaseDraft,
    PlanDraft,
    TaskCondition,
    TaskDraft,
    kind_of_condition,
    slug,
    task_of,
)
from app.domain.states import FINISHED_TASK, SKIPPED_BY_PERSON
from signoff.schemas.json_value import JsonObject, JsonValue
from signoff.schemas.problems import Problem
from signoff.vocabulary import RunsOn, TaskStatus

DECISION = "decision"
# The answers that say no, in lower case. By default, they end the run.
NO_WORDS = ("no", "reject", "stop", "abort", "cancel")
STATUSES = (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.SKIPPED)

# Reasons of skipped tasks.
CONDITION_NOT_MET = "condition_not_met"
DEPENDENCY_FAILED = "dependency_failed"
DEPENDENCY_SKIPPED = "dependency_skipped"
OUTPUT_MISSING = "output_missing"
PHASE_FAILED = "phase_failed"
STOPPED_BY_ANSWER = "stopped_by_answer"
# A task with one of these reasons was not needed. What also waits for a task that completed starts nevertheless.
_NOT_NEEDED = frozenset({CONDITION_NOT_MET, DEPENDENCY_SKIPPED, OUTPUT_MISSING})

# For each decision (by key), the answers that end the run.
Stops = Mapping[str, Sequence[str]]


class Then(StrEnum):
    """What happens to a task that has not started."""

    WAIT = "wait"
    START = "start"
    SKIP = "skip"


@dataclass(frozen=True)
class Fate:
    """What happens to a task next. `reason` is why it is skipped."""

    then: Then
    reason: str = ""


@dataclass(frozen=True)
class Ended:
    """How far a task has come, as far as others depend on it.

    Attributes:
        status: its status.
        reason: the reason for its status, if there is one.
        answer: the answer, if it is a decision that was answered.
        stops: whether that answer ends the run.
        outputs: its outputs.
    """

    status: str
    reason: str | None = None
    answer: str | None = None
    stops: bool = False
    outputs: JsonObject = field(default_factory=dict[str, JsonValue])

    @property
    def open(self) -> bool:
        """Whether it may still change."""
        return self.status not in FINISHED_TASK

    @property
    def done(self) -> bool:
        """Whether it counts as done: it completed, or a person skipped it."""
        return self.status == TaskStatus.COMPLETED or self.reason == SKIPPED_BY_PERSON

    @property
    def not_needed(self) -> bool:
        """Whether it was skipped because the plan did not need it."""
        return self.status == TaskStatus.SKIPPED and self.reason in _NOT_NEEDED


class KnownCondition(ParameterCondition):
    """A condition on a parameter, with the value that the plan has. None: the plan has not asked for it yet."""

    value: Value | None = None

    @property
    def met(self) -> bool | None:
        """Whether it is met; None if the value is not known yet."""
        value = self.value
        return None if value is None else any(is_value(value, text) for text in self.values)


StoredCondition = TaskCondition | KnownCondition | OutputCondition


def condition_of(value: dict[str, Any] | None) -> StoredCondition | None:
    """A condition as it is stored."""
    if value is None:
        return None
    kinds: dict[str, type[StoredCondition]] = {ON_PARAMETER: KnownCondition, ON_OUTPUT: OutputCondition}
    return kinds.get(kind_of_condition(value), TaskCondition).model_validate(value)


def known(condition: Condition | None, parameters: Mapping[str, Parameter]) -> StoredCondition | None:
    """A condition of a plan, with the value of its parameter if it is about one."""
    if not isinstance(condition, ParameterCondition):
        return condition
    asked = parameters.get(condition.parameter)
    value = asked.value if asked is not None else None
    return KnownCondition.model_validate({**condition.model_dump(), "value": value})


def is_ruled_out(condition: StoredCondition | None) -> bool:
    """Whether the value of a parameter says, before anything runs, that a condition is not met."""
    return isinstance(condition, KnownCondition) and not condition.met


def is_met(condition: TaskCondition | OutputCondition, task: Ended) -> bool:
    """Whether a condition is met, once its task has ended."""
    if isinstance(condition, OutputCondition):
        there = task.done and not task.stops and condition.output in task.outputs
        return there and meets(condition, task.outputs[condition.output])
    answer = None if task.answer is None else task.answer.casefold()
    return any(value == task.status or value.casefold() == answer for value in condition.values)


def why_unmet(condition: TaskCondition | OutputCondition, task: Ended | None) -> str:
    """The reason with which a task or a phase is skipped, if the task that its condition is about does not meet it."""
    if task is not None and task.stops:
        return STOPPED_BY_ANSWER
    if isinstance(condition, TaskCondition) or task is None:
        return CONDITION_NOT_MET
    if not task.done:
        return DEPENDENCY_SKIPPED if task.not_needed else DEPENDENCY_FAILED
    return CONDITION_NOT_MET if condition.output in task.outputs else OUTPUT_MISSING


def fate_of(condition: StoredCondition | None, needs: Mapping[str, Ended]) -> Fate:
    """What happens to a task that has not started.

    Args:
        condition: its condition.
        needs: how far each task that it depends on has come, by key. A task of a condition is among them.
    """
    if is_ruled_out(condition):
        return Fate(Then.SKIP, CONDITION_NOT_MET)
    about = condition if isinstance(condition, TaskCondition | OutputCondition) else None
    watched = needs.get(about.task) if about is not None else None
    met = about is not None and watched is not None and not watched.open and is_met(about, watched)
    others = [task for key, task in needs.items() if key not in task_of(about)]
    for task in [*others, *([watched] if watched is not None and not met else [])]:
        if task.stops or task.reason == STOPPED_BY_ANSWER:
            return Fate(Then.SKIP, STOPPED_BY_ANSWER)
    if any(not (task.open or task.done or task.not_needed) for task in others):
        return Fate(Then.SKIP, DEPENDENCY_FAILED)
    if any(task.open for task in needs.values()):
        return Fate(Then.WAIT)
    if about is not None:
        return Fate(Then.START) if met else Fate(Then.SKIP, why_unmet(about, watched))
    skipped = bool(others) and all(task.not_needed for task in others)
    return Fate(Then.SKIP, DEPENDENCY_SKIPPED) if skipped else Fate(Then.START)


def stops_of(draft: PlanDraft) -> dict[str, list[str]]:
    """For each decision of a plan whose answer may end the run, the answers that do.

    By default, an answer that says no ends the run, unless a task reads the answer: then the author handles it.
    """
    read = {task for draft_task in draft.tasks() for task in _answers_read(draft_task)}
    found: dict[str, list[str]] = {}
    for task in draft.tasks():
        if task.action.type != DECISION:
            continue
        fields = task.action.fields()
        explicit, options = fields.get("stop"), _texts(fields.get("options"))
        if explicit is not None:
            found[task.key] = _texts(explicit)
        elif task.key not in read:
            found[task.key] = [answer for answer in options or NO_WORDS if says_no(answer)]
    return {key: answers for key, answers in found.items() if answers}


def says_no(answer: str) -> bool:
    """Whether an answer says no."""
    return answer.strip().casefold() in NO_WORDS


def ends_run(stops: Stops, key: str, answer: object) -> bool:
    """Whether this answer to a decision ends the run."""
    if not isinstance(answer, str):
        return False
    return answer.strip().casefold() in {text.strip().casefold() for text in stops.get(key, ())}


@dataclass(frozen=True)
class Effect:
    """What follows from an answer to a decision. `starts` and `skips` are keys of tasks and phases with a condition on it."""

    answer: str
    ends_run: bool
    starts: list[str]
    skips: list[str]


def effects_of(draft: PlanDraft, stops: Stops) -> dict[str, list[Effect]]:
    """For each decision of a plan, by key, what follows from each of its answers.

    A decision that takes any text has the answers that the plan mentions.
    """
    watching: dict[str, list[tuple[str, TaskCondition]]] = {}
    for phase in draft.phases:
        if is_ruled_out(known(phase.condition, draft.parameters)):
            continue
        for item in (phase, *phase.tasks):
            if isinstance(item.condition, TaskCondition):
                watching.setdefault(item.condition.task, []).append((item.key, item.condition))
    found: dict[str, list[Effect]] = {}
    for task in draft.tasks():
        if task.action.type == DECISION:
            about = watching.get(task.key, [])
            named = [value for _, condition in about for value in condition.values if value not in STATUSES]
            answers = _texts(task.action.fields().get("options")) or [*stops.get(task.key, ()), *named]
            found[task.key] = [_effect(task.key, answer, about, stops) for answer in dict.fromkeys(answers)]
    return found


def _effect(key: str, answer: str, about: Sequence[tuple[str, TaskCondition]], stops: Stops) -> Effect:
    ended = Ended(TaskStatus.COMPLETED, answer=answer)
    starts = [name for name, condition in about if is_met(condition, ended)]
    skips = [name for name, condition in about if not is_met(condition, ended)]
    return Effect(answer, ends_run(stops, key, answer), starts, skips)


def _answers_read(task: TaskDraft) -> Iterator[str]:
    for expression in references.expressions([task.inputs, task.action.fields()]):
        try:
            found = references.parse(expression)
        except ValueError:
            continue
        if found.kind == "task" and found.output == "answer":
            yield found.name


def _texts(value: Any) -> list[str]:
    items: list[Any] = cast("list[Any]", value) if isinstance(value, list) else []
    return [str(item).strip() for item in items]


def problems_of(draft: PlanDraft, number: int, phase_of: Mapping[str, int]) -> Iterator[Problem]:
    """The problems with the conditions of one phase and of its tasks.

    Args:
        draft: the plan.
        number: the position of the phase.
        phase_of: the position of each task's phase, by the task's key.
    """
    phase = draft.phases[number]
    where = f"phases[{number}]"
    actions = {task.key: task for task in draft.tasks()}
    if phase.runs_on == RunsOn.FAILURE and number == 0:
        message = f"Phase '{phase.key}' runs after a failure, but no phase is before it. Move it behind another phase."
        yield Problem(field=f"{where}.runs_on", message=message)
    if phase.runs_on == RunsOn.ALWAYS and phase.requires_approval:
        message = (
            f"Phase '{phase.key}' runs in any case (on=always), also after a cancel, so it cannot wait for an approval. "
            "Remove approval=yes (requires_approval)."
        )
        yield Problem(field=f"{where}.requires_approval", message=message)
    about = f"Phase '{phase.key}'"
    yield from _parameter_problems(phase.condition, draft, phase_of, f"{where}.condition", about)
    for key in task_of(phase.condition):
        there = phase_of.get(key)
        if there is None or there >= number:
            what = "does not exist" if there is None else "is not in an earlier phase"
            message = f"{about} has a condition on '{key}', which {what}."
            yield Problem(field=f"{where}.condition", message=message)
        elif isinstance(phase.condition, TaskCondition):
            yield from _value_problems(phase, phase.condition, actions, f"{where}.condition", about, earlier=True)
    for index, task in enumerate(phase.tasks):
        field, about = f"{where}.tasks[{index}].condition", f"Task '{task.key}'"
        yield from _parameter_problems(task.condition, draft, phase_of, field, about)
        if isinstance(task.condition, TaskCondition) and task.condition.task in actions:
            earlier = phase_of[task.condition.task] < number
            yield from _value_problems(phase, task.condition, actions, field, about, earlier=earlier)


def _parameter_problems(
    condition: Condition | None, draft: PlanDraft, tasks: Container[str], field: str, about: str
) -> Iterator[Problem]:
    if isinstance(condition, ParameterCondition):
        for message in objections_to(condition.parameter, condition.values, draft.parameters, tasks):
            yield Problem(field=field, message=f"{about}: {message}")


def objections_to(
    name: str, values: Sequence[str], parameters: Mapping[str, Parameter], tasks: Container[str]
) -> Iterator[str]:
    """Why a plan cannot have a condition that `name`, one of its parameters, has one of `values`, as sentences.

    `tasks` has the keys of the plan's tasks.
    """
    if name not in parameters:
        listed = ", ".join(parameters) or "none"
        yield f"the condition names the parameter '{name}', which the plan does not have; its parameters: {listed}."
        return
    if name in tasks:
        yield (
            f"'{name}' is a task and a parameter, so a condition on it is ambiguous. Give the task another key, such as "
            f"#{slug('run ' + name, ())}, or rename the parameter."
        )
    for value in values:
        try:
            parameters[name].accept(value)
        except ValueError as error:
            yield f"the parameter '{name}' can never be '{value}': {error}."


def _value_problems(
    phase: PhaseDraft,
    condition: TaskCondition,
    tasks: Mapping[str, TaskDraft],
    field: str,
    about: str,
    *,
    earlier: bool,
) -> Iterator[Problem]:
    watched = tasks[condition.task]
    options = _texts(watched.action.fields().get("options")) if watched.action.type == DECISION else []
    if watched.action.type != DECISION or options:
        known = [*options, *STATUSES]
        folded = {text.casefold() for text in options} | set(STATUSES)
        for value in condition.values:
            if value.casefold() not in folded:
                message = f"{about}: the condition on '{condition.task}' cannot be '{value}'; use {', '.join(known)}."
                yield Problem(field=field, message=message)
    if earlier and phase.runs_on == RunsOn.SUCCESS and set(condition.values) == {TaskStatus.FAILED}:
        message = (
            f"{about} would never run: after '{condition.task}' has failed, only phases with on=failure or on=always "
            "(runs_on) start."
        )
        yield Problem(field=field, message=message)
