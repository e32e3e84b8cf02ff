"""What a new version of a plan keeps of the tasks that are done, so that correcting a failed task runs nothing twice."""

from __future__ import annotations

from collections.abc import Collection

from app.domain.plan import PlanDraft, canonical_json, task_of
from app.domain.validation import effective_dependencies
from signoff.vocabulary import RunsOn


def definitions(draft: PlanDraft) -> dict[str, bytes]:
    """For each task, by key, its definition, its phase and its dependencies, as comparable bytes."""
    return {
        task.key: canonical_json([phase.key, task.model_dump(mode="json"), sorted(needed)])
        for phase in draft.phases
        for task, needed in zip(phase.tasks, effective_dependencies(phase), strict=True)
    }


def kept_tasks(before: PlanDraft, after: PlanDraft, done: Collection[str]) -> frozenset[str]:
    """The keys of the tasks that need not run again in `after`.

    Kept is a task that is done, is the same in both versions, and depends on kept tasks only; its condition and that of its phase
    count as dependencies. Phases that follow a failure or clean up belong to each run. With other values for the plan's
    parameters, nothing is kept: every command sees them.

    Args:
        before: the version that ran.
        after: the version to run now.
        done: the keys of the tasks of `before` that completed or that a person skipped.
    """
    if before.parameters != after.parameters:
        return frozenset()
    old, new = definitions(before), definitions(after)
    of_each_run = {task.key for phase in after.phases if phase.runs_on != RunsOn.SUCCESS for task in phase.tasks}
    done = set(done) - of_each_run
    kept = {key for key in done if key in new and old.get(key) == new[key]}
    dependents: dict[str, list[str]] = {}
    for phase in after.phases:
        for task, needed in zip(phase.tasks, effective_dependencies(phase), strict=True):
            for key in [*needed, *task_of(phase.condition)]:
                dependents.setdefault(key, []).append(task.key)
    stack = [key for key in new if key not in kept]
    while stack:
        for key in dependents.get(stack.pop(), ()):
            if key in kept:
                kept.discard(key)
                stack.append(key)
    return frozenset(kept)
