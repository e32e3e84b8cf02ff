"""Finds the texts of a project that the tasks of a plan read. These texts are part of what is signed."""

from __future__ import annotations

from app.domain import references
from app.domain.actions import Actions, Mode
from app.domain.plan import PlanDraft, TaskDraft
from signoff.vocabulary import AfterFailure, DecidedBy, DecisionMode

# Names of the fields in `RunSettings`.
PROJECT_VALUES = ("project_name", "project_description")


def project_values_read(draft: PlanDraft, actions: Actions, decision_mode: str) -> set[str]:
    """Which of `name` and `description` a task can see, through a reference or because a model receives them."""
    read: set[str] = set()
    for task in draft.tasks():
        kind = actions.get(task.action.type)
        if kind is None or (kind.mode == Mode.ACTIVITY and kind.reads_project_name):
            read.add("name")
        if kind is not None and kind.reads_project_description:
            read.add("description")
        if _may_ask_model(task, kind.mode if kind is not None else None, decision_mode):
            read |= {"name", "description"}
        expressions = references.expressions([task.inputs, task.action.fields()])
        read |= {text.removeprefix("project.") for text in expressions if text in _REFERENCES}
    return read


_REFERENCES = frozenset({"project.name", "project.description"})


def _may_ask_model(task: TaskDraft, mode: Mode | None, decision_mode: str) -> bool:
    """Whether a model may answer a question about the task. Such a model receives the project's texts."""
    if mode == Mode.DECISION:
        return task.action.fields().get("by") == DecidedBy.MODEL
    return decision_mode == DecisionMode.AGENT and task.after_failure == AfterFailure.ASK
