"""Puts a step before each command that runs what a model writes: there, a person reads the file first."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from app.domain.errors import Invalid
from app.domain.file_paths import path_inside
from app.domain.plan import ActionSpec, PhaseDraft, PlanDraft, TaskDraft, slug
from app.domain.run_files import is_code
from app.domain.unseen import Unseen, find_unseen, steps_of
from app.domain.validation import Agents
from signoff.vocabulary import PhaseStrategy

MAX_SHOWN = 50
_INSTRUCTIONS = (
    "A language model has written {files}, and task '{key}' runs {it} next. Read {it}. Complete this step only if {it} may run. "
    "What you have read is what runs: if {it} changes after this, task '{key}' does not start, and you are asked."
)


def with_readings(draft: PlanDraft, agents: Agents, exists: Callable[[str], bool]) -> list[str]:
    """Add the missing steps to a plan. Returns a sentence about each of them.

    Args:
        draft: the plan, which is changed.
        agents: the agents that execute tasks.
        exists: whether a file is in the workspace.
    """
    added: list[str] = []
    for _ in draft.tasks():
        unseen = find_unseen(steps_of(draft), agents, exists=exists)
        found = next((item for item in unseen if all(map(_may_be_shown, item.paths))), None)
        if found is None:
            break
        reading = _add(draft, found)
        files = ", ".join(found.paths)
        added.append(
            f"Task '{found.step.key}' runs {files}, which a model may write. In the step '{reading.key}', which was added, a "
            "person reads it first."
        )
    return added


def restore_shown(draft: PlanDraft, previous: PlanDraft) -> None:
    """Let manual tasks that stay show the files that they showed before. A model may leave them out."""
    before = {task.key: task.action.fields().get("shows") for task in previous.tasks() if task.action.type == "manual"}
    for task in draft.tasks():
        fields = task.action.fields()
        if task.action.type == "manual" and before.get(task.key) and not fields.get("shows"):
            task.action = ActionSpec.model_validate({"type": "manual", **fields, "shows": before[task.key]})


def _add(draft: PlanDraft, found: Unseen) -> TaskDraft:
    phase, place = next(
        (phase, place) for phase in draft.phases for place, task in enumerate(phase.tasks) if task.key == found.step.key
    )
    runner = phase.tasks[place]
    reading = _reading(draft, phase, runner, found)
    phase.tasks.insert(place, reading)
    if phase.strategy == PhaseStrategy.PARALLEL:
        # Nothing else waits in this phase, as before.
        phase.strategy = PhaseStrategy.DAG
    if phase.strategy == PhaseStrategy.DAG:
        runner.depends_on = list(dict.fromkeys([*runner.depends_on, reading.key]))
    return reading


def _reading(draft: PlanDraft, phase: PhaseDraft, runner: TaskDraft, found: Unseen) -> TaskDraft:
    shows = _shown(draft, found)
    it = "it" if len(shows) == 1 else "them"
    name = posixpath.basename(found.paths[0])
    within = {task.key for task in phase.tasks}
    text = _INSTRUCTIONS.format(files=", ".join(shows), key=runner.key, it=it)
    in_order = phase.strategy == PhaseStrategy.SEQUENTIAL
    return TaskDraft(
        key=slug(f"read {name}", {task.key for task in draft.tasks()}),
        title=f"Read {name} before it runs"[:200],
        action=ActionSpec.model_validate({"type": "manual", "instructions": text, "shows": shows}),
        depends_on=[] if in_order else [key for key in found.writers if key in within],
        condition=runner.condition,
    )


def _shown(draft: PlanDraft, found: Unseen) -> list[str]:
    """The files that are run, and the other code that the same models write, which those files may use."""
    writers = [task for task in draft.tasks() if task.key in found.writers]
    code = [path for task in writers for path in map(posixpath.normpath, task.expected_files) if is_code(path)]
    return [path for path in dict.fromkeys([*found.paths, *code]) if _may_be_shown(path)][:MAX_SHOWN]


def _may_be_shown(path: str) -> bool:
    try:
        path_inside(path)
    except Invalid:
        return False
    return True
