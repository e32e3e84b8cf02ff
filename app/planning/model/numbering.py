"""Converts between a model's plan, whose tasks have numbers, and a draft, whose tasks have keys.

A model refers to the output of task 3 as `${{ tasks.3.outputs.total }}`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

from app.domain.plan import PlanDraft, TaskDraft, slug

_NUMBERED = re.compile(r"(\$\{\{\s*tasks\.)([0-9]{1,9})(\.outputs\.)")
_ANY_NUMBERED = re.compile(r"\$\{\{\s*tasks\.([0-9]{1,9})\.outputs\.")
_KEYED = re.compile(r"(\$\{\{\s*tasks\.)([a-z][a-z0-9_-]{0,63})(\.outputs\.)")
_SHOWN = set(TaskDraft.model_fields) - {"key", "depends_on"}


def ambiguous(plan: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Places where a plan refers to a number that several tasks share, with the number. Unused numbers may repeat."""
    count = Counter(task["number"] for phase in plan["phases"] for task in phase["tasks"])
    for place, phase in enumerate(plan["phases"]):
        for index, task in enumerate(phase["tasks"]):
            used = set(task.get("depends_on", ()))
            used.update(item["condition"]["task"] for item in (phase, task) if "task" in (item.get("condition") or {}))
            used.update(int(reference[1]) for reference in _ANY_NUMBERED.finditer(json.dumps(task)))
            for number in sorted(used):
                if count[number] > 1:
                    yield f"phases[{place}].tasks[{index}]", number


def with_keys(plan: dict[str, Any], previous: PlanDraft | None) -> dict[str, Any]:
    """Convert a numbered plan to a plan with keys.

    A task keeps its key from the previous plan if it has the same title, or if it is the only one with the same action. The
    names in a refined plan therefore stay the same. Any other key is made from the title. A number without a task gets an
    unused key, which the check of the draft then reports.
    """
    tasks = [task for phase in plan["phases"] for task in phase["tasks"]]
    before = previous.tasks() if previous is not None else []
    kept = _kept(tasks, before)
    # Keys of removed tasks are not reused: a new task would look like the removed one.
    taken = {task.key for task in before}
    keys: dict[int, str] = {}
    own: list[str] = []
    for index, task in enumerate(tasks):
        key = kept.get(index) or slug(task["title"], taken)
        taken.add(key)
        own.append(key)
        keys.setdefault(task["number"], key)

    def key_of(number: int) -> str:
        return keys.get(number) or slug(f"task {number}", taken)

    keyed = iter(own)
    phases = [
        {
            **_with_condition_key(phase, key_of),
            "key": "",
            "tasks": [_task_with_key(task, next(keyed), key_of) for task in phase["tasks"]],
        }
        for phase in plan["phases"]
    ]
    _name_phases(phases, previous)
    return {**plan, "phases": phases}


def with_numbers(draft: PlanDraft) -> dict[str, Any]:
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
    return {"summary": draft.summary, "phases": phases}


def _numbered(task: TaskDraft, number: dict[str, int]) -> dict[str, Any]:
    values = _with_number(task.model_dump(mode="json", include=_SHOWN, exclude_defaults=True), number)
    fields = _in_texts(
        values,
        lambda text: _KEYED.sub(lambda reference: _with(reference, number.get(reference[2], reference[2])), text),
    )
    return {
        "number": number[task.key],
        **fields,
        "depends_on": [number[key] for key in task.depends_on if key in number],
    }


def _with_number(values: dict[str, Any], number: dict[str, int]) -> dict[str, Any]:
    """The fields of a task or a phase, with the number of the task in its condition."""
    condition: dict[str, Any] = values.get("condition") or {}
    if "task" not in condition:
        return values
    return {**values, "condition": {**condition, "task": number[condition["task"]]}}


def _with_condition_key(values: dict[str, Any], key_of: Callable[[int], str]) -> dict[str, Any]:
    """The fields of a task or a phase, with the key of the task in its condition."""
    condition: dict[str, Any] = values.get("condition") or {}
    if "task" not in condition:
        return values
    return {**values, "condition": {**condition, "task": key_of(condition["task"])}}


def _task_with_key(task: dict[str, Any], key: str, key_of: Callable[[int], str]) -> dict[str, Any]:
    values = {name: value for name, value in task.items() if name not in {"number", "depends_on"}}
    values = _with_condition_key(values, key_of)
    for name in ("inputs", "action"):
        if name in values:
            values[name] = _in_texts(
                values[name],
                lambda text: _NUMBERED.sub(lambda reference: _with(reference, key_of(int(reference[2]))), text),
            )
    return {
        **values,
        "key": key,
        "depends_on": list(dict.fromkeys(key_of(number) for number in task.get("depends_on", []))),
    }


def _with(reference: re.Match[str], name: str | int) -> str:
    return f"{reference[1]}{name}{reference[3]}"


def _kept(tasks: list[dict[str, Any]], before: list[TaskDraft]) -> dict[int, str]:
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


def _name_phases(phases: list[dict[str, Any]], previous: PlanDraft | None) -> None:
    before = {phase.name: phase.key for phase in reversed(previous.phases)} if previous is not None else {}
    taken = set(before.values())
    for phase in phases:
        phase["key"] = before.pop(phase["name"], None) or slug(phase["name"], taken)
        taken.add(phase["key"])


def _in_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_in_texts(item, change) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: _in_texts(item, change) for name, item in cast("dict[str, Any]", value).items()}
    return value
