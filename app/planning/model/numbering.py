"""Converts between a model's plan, whose tasks have numbers, and a draft, whose tasks have keys.

A model refers to the output of task 3 as `${{ tasks.3.outputs.total }}`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Required, TypedDict, cast

from pydantic import Field

from app.domain.plan import PlanDraft, TaskDraft, slug
from signoff.schemas.json_value import JsonObject, JsonValue

# Far below the limits of a plan: a confused model would otherwise continue forever.
MAX_PHASES = 12
MAX_TASKS = 30
# The number of a task in a model's plan.
Number = Annotated[int, Field(ge=1, le=MAX_PHASES * MAX_TASKS)]
_NUMBERED = re.compile(r"(\$\{\{\s*tasks\.)([0-9]{1,9})(\.outputs\.)")
_ANY_NUMBERED = re.compile(r"\$\{\{\s*tasks\.([0-9]{1,9})\.outputs\.")
_KEYED = re.compile(r"(\$\{\{\s*tasks\.)([a-z][a-z0-9_-]{0,63})(\.outputs\.)")
_SHOWN = set(TaskDraft.model_fields) - {"key", "depends_on"}


class _Condition(TypedDict):
    task: int


class NumberedTask(TypedDict, total=False):
    """A task of a model's plan. It has more fields, which stay as they are."""

    number: Required[int]
    title: Required[str]
    description: str
    action: Required[JsonObject]
    inputs: JsonObject
    depends_on: list[int]
    expected_files: list[str]
    on_crash: str
    condition: _Condition


class NumberedPhase(TypedDict, total=False):
    """A phase of a model's plan. It has more fields, which stay as they are."""

    name: Required[str]
    strategy: str
    condition: _Condition
    tasks: Required[list[NumberedTask]]


@dataclass(frozen=True)
class Keyed:
    """A plan with keys, and the number that each of these keys stands for."""

    plan: dict[str, object]
    numbers: dict[str, int]


class NumberedPlan(TypedDict, total=False):
    """A model's plan."""

    summary: str
    assumptions: list[str]
    questions: list[str]
    phases: list[NumberedPhase]


def ambiguous(plan: NumberedPlan) -> Iterator[tuple[str, int]]:
    """Places where a plan refers to a number that several tasks share, with the number. Unused numbers may repeat."""
    phases = plan.get("phases", [])
    count = Counter(task["number"] for phase in phases for task in phase["tasks"])
    for place, phase in enumerate(phases):
        for index, task in enumerate(phase["tasks"]):
            used = set(task.get("depends_on", ()))
            used.update(
                condition["task"]
                for item in (phase, task)
                if (condition := item.get("condition")) and "task" in condition
            )
            if (other := task["action"].get("other_than")) is not None:
                used.add(cast("int", other))
            used.update(int(reference[1]) for reference in _ANY_NUMBERED.finditer(json.dumps(task)))
            for number in sorted(used):
                if count[number] > 1:
                    yield f"phases[{place}].tasks[{index}]", number


def with_keys(plan: NumberedPlan, previous: PlanDraft | None) -> Keyed:
    """Convert a numbered plan to a plan with keys.

    A task keeps its key from the previous plan if it has the same title, or if it is the only one with the same action. The
    names in a refined plan therefore stay the same. Any other key is made from the title. A number without a task gets an
    unused key, which the check of the draft then reports.
    """
    phases = plan.get("phases", [])
    tasks = [task for phase in phases for task in phase["tasks"]]
    before = previous.tasks() if previous is not None else []
    kept = _kept(tasks, before)
    # Keys of removed tasks are not reused: a new task would look like the removed one.
    taken = {task.key for task in before}
    keys: dict[int, str] = {}
    own: list[str] = []
    numbers: dict[str, int] = {}
    for index, task in enumerate(tasks):
        key = kept.get(index) or slug(task["title"], taken)
        taken.add(key)
        own.append(key)
        numbers[key] = task["number"]
        keys.setdefault(task["number"], key)

    def key_of(number: int) -> str:
        key = keys.get(number) or slug(f"task {number}", taken)
        numbers.setdefault(key, number)
        return key

    keyed = iter(own)
    made = [
        {
            **_with_condition_key(phase, key_of),
            "key": phase_key,
            "tasks": [_task_with_key(task, next(keyed), key_of) for task in phase["tasks"]],
        }
        for phase, phase_key in zip(phases, _phase_keys(phases, previous), strict=True)
    ]
    return Keyed({**plan, "phases": made}, numbers)


def with_numbers(draft: PlanDraft) -> dict[str, object]:
    """Convert a plan to the form that models use, to show it to a model. Fields with default values are omitted."""
    number = {task.key: index for index, task in enumerate(draft.tasks(), 1)}
    phases = [
        {
            **_with_number(phase.model_dump(mode="json", exclude={"key", "tasks"}, exclude_defaults=True), number),
            "strategy": phase.strategy,
            "tasks": [_numbered(task, number) for task in phase.tasks],
        }
        for phase in draft.phases
    ]
    known = {
        "assumptions": draft.assumptions,
        "questions": [item.question for item in draft.questions if item.answer is None],
        "answers": [item.model_dump() for item in draft.questions if item.answer is not None],
    }
    return {"summary": draft.summary, "phases": phases, **{name: items for name, items in known.items() if items}}


def _numbered(task: TaskDraft, number: dict[str, int]) -> dict[str, object]:
    values = _with_number(task.model_dump(mode="json", include=_SHOWN, exclude_defaults=True), number)

    def numbered(text: str) -> str:
        return _KEYED.sub(lambda reference: _with(reference, number.get(reference[2], reference[2])), text)

    fields = {name: _in_texts(value, numbered) for name, value in values.items()}
    other = task.action.fields().get("other_than")
    if isinstance(other, str) and other in number:
        fields["action"] = {**task.action.model_dump(mode="json"), "other_than": number[other]}
    return {
        "number": number[task.key],
        **fields,
        "depends_on": [number[key] for key in task.depends_on if key in number],
    }


def _with_number(values: JsonObject, number: dict[str, int]) -> JsonObject:
    """The fields of a task or a phase, with the number of the task in its condition."""
    condition = values.get("condition")
    if not isinstance(condition, dict) or "task" not in condition:
        return values
    return {**values, "condition": {**condition, "task": number[str(condition["task"])]}}


def _with_condition_key(values: NumberedTask | NumberedPhase, key_of: Callable[[int], str]) -> dict[str, object]:
    """The fields of a task or a phase, with the key of the task in its condition."""
    condition = values.get("condition")
    if not condition or "task" not in condition:
        return {**values}
    return {**values, "condition": {**condition, "task": key_of(condition["task"])}}


def _task_with_key(task: NumberedTask, key: str, key_of: Callable[[int], str]) -> dict[str, object]:
    def keyed(text: str) -> str:
        return _NUMBERED.sub(lambda reference: _with(reference, key_of(int(reference[2]))), text)

    values = {
        name: value for name, value in _with_condition_key(task, key_of).items() if name not in {"number", "depends_on"}
    }
    for name in ("inputs", "action"):
        if name in values:
            values[name] = _in_texts(cast("JsonValue", values[name]), keyed)
    other = task["action"].get("other_than")
    if isinstance(other, int):
        values["action"] = {**cast("JsonObject", values["action"]), "other_than": key_of(other)}
    return {
        **values,
        "key": key,
        "depends_on": list(dict.fromkeys(key_of(number) for number in task.get("depends_on", []))),
    }


def _with(reference: re.Match[str], name: str | int) -> str:
    return f"{reference[1]}{name}{reference[3]}"


def _kept(tasks: list[NumberedTask], before: list[TaskDraft]) -> dict[int, str]:
    """Keys from the previous plan by task position, matched by title, or else by an action that only one task has."""
    kept: dict[int, str] = {}
    free = list(before)
    for index, task in enumerate(tasks):
        same = [old for old in free if old.title == task["title"]]
        if same:
            kept[index] = same[0].key
            free.remove(same[0])
    others = {index: task["action"] for index, task in enumerate(tasks) if index not in kept}
    for index, action in others.items():
        same = [old for old in free if old.action.model_dump(mode="json") == action]
        if len(same) == 1 and list(others.values()).count(action) == 1:
            kept[index] = same[0].key
    return kept


def _phase_keys(phases: list[NumberedPhase], previous: PlanDraft | None) -> Iterator[str]:
    before = {phase.name: phase.key for phase in reversed(previous.phases)} if previous is not None else {}
    taken = set(before.values())
    for phase in phases:
        key = before.pop(phase["name"], None) or slug(phase["name"], taken)
        taken.add(key)
        yield key


def _in_texts(value: JsonValue, change: Callable[[str], str]) -> JsonValue:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_in_texts(item, change) for item in value]
    if isinstance(value, dict):
        return {name: _in_texts(item, change) for name, item in value.items()}
    return value
