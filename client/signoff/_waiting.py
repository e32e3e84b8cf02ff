"""Rules for when a project has finished or waits for a person."""

from __future__ import annotations

from typing import Literal

from signoff.schemas.projects import Project
from signoff.vocabulary import Stage

# What `wait` waits for: the end of the project, or also any moment at which a person is needed.
Until = Literal["finished", "person"]

EVENT_TYPES: dict[Until, str] = {
    "finished": "project.*",
    "person": "project.*,plan.*,phase.*,decision.*,task.waiting",
}
_PERSON_STAGES = frozenset(
    {Stage.AWAITING_APPROVAL, Stage.AWAITING_PHASE_APPROVAL, Stage.AWAITING_DECISION, Stage.PAUSED}
)
_PERSON_REASONS = frozenset({"manual", "worker_lost", "decision", "after_failure", "agent_question", "signed_changed"})


def is_reached(project: Project, until: Until) -> bool:
    """Whether a project has reached the state that `until` describes."""
    return project.stage == Stage.FINISHED or (until == "person" and waits_for_person(project))


def waits_for_person(project: Project) -> bool:
    """Whether a project waits for a person: to approve, to decide, to do a task, or to end a pause."""
    waiting = (task.status == "waiting" and task.reason in _PERSON_REASONS for task in project.tasks)
    return project.stage in _PERSON_STAGES or any(waiting)
