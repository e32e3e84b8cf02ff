"""Rules for when a project has finished or waits for a person."""

from __future__ import annotations

from typing import Literal

from signoff import vocabulary
from signoff.schemas.projects import Project
from signoff.vocabulary import Stage, TaskStatus

# What `wait` waits for: the end of the project, or also any moment at which a person is needed.
Until = Literal["finished", "person"]

EVENT_TYPES: dict[Until, str] = {
    "finished": "project.*",
    "person": "project.*,plan.*,phase.*,decision.*,task.waiting",
}
_PERSON_STAGES = frozenset(
    {
        Stage.AWAITING_APPROVAL,
        Stage.CHANGES_REQUESTED,
        Stage.AWAITING_PHASE_APPROVAL,
        Stage.AWAITING_DECISION,
        Stage.PAUSED,
    }
)


def is_reached(project: Project, until: Until) -> bool:
    """Whether a project has reached the state that `until` describes."""
    return project.stage == Stage.FINISHED or (until == "person" and waits_for_person(project))


def waits_for_person(project: Project) -> bool:
    """Whether a project waits for a person: to approve, to change the plan, to decide, to do a task, or to end
    a pause."""
    return project.stage in _PERSON_STAGES or any(
        task.status == TaskStatus.WAITING and vocabulary.waits_for_person(task.reason, task.due_at)
        for task in project.tasks
    )
