"""Rules for when a project has finished or waits for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signoff import vocabulary
from signoff.vocabulary import ProjectStatus, Stage, TaskStatus

if TYPE_CHECKING:
    from signoff.fields import Until
    from signoff.schemas.projects import Project

EVENT_TYPES: dict[Until, str] = {
    "finished": "project.*",
    "approved": "project.*",
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
    if project.stage == Stage.FINISHED:
        return True
    match until:
        case "finished":
            return False
        case "person":
            return waits_for_person(project)
        case "approved":
            # An edit of a run waits for an approval of its own.
            return project.status == ProjectStatus.RUNNING and project.stage != Stage.AWAITING_APPROVAL


def waits_for_person(project: Project) -> bool:
    """Whether a project waits for a person: to approve, to change the plan, to decide, to do a task, or to end
    a pause."""
    return project.stage in _PERSON_STAGES or any(
        task.status == TaskStatus.WAITING and vocabulary.waits_for_person(task.reason, task.due_at)
        for task in project.tasks
    )
