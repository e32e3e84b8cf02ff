"""The events of a project and the hash chain that seals them."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from app.domain.plan import canonical_json
from signoff.schemas.events import Event

GENESIS = "0" * 64


class EventType(StrEnum):
    """All types of events."""

    PROJECT_CREATED = "project.created"
    PROJECT_UPDATED = "project.updated"
    PROJECT_COMPLETED = "project.completed"
    PROJECT_FAILED = "project.failed"
    PROJECT_CANCELLED = "project.cancelled"
    PROJECT_DELETED = "project.deleted"
    PLAN_GENERATING = "plan.generating"
    PLAN_READY = "plan.ready"
    PLAN_FAILED = "plan.failed"
    PLAN_APPROVED = "plan.approved"
    PLAN_RETURNED = "plan.returned"
    PLAN_SUPERSEDED = "plan.superseded"
    RUN_STARTED = "run.started"
    RUN_PAUSED = "run.paused"
    RUN_RESUMED = "run.resumed"
    RUN_CANCELLING = "run.cancelling"
    RUN_LOST = "run.lost"
    PHASE_STARTED = "phase.started"
    PHASE_COMPLETED = "phase.completed"
    PHASE_FAILED = "phase.failed"
    PHASE_SKIPPED = "phase.skipped"
    PHASE_AWAITING_APPROVAL = "phase.awaiting_approval"
    PHASE_APPROVED = "phase.approved"
    TASK_CREATED = "task.created"
    TASK_STARTED = "task.started"
    TASK_PROGRESS = "task.progress"
    TASK_RETRYING = "task.retrying"
    TASK_COMPLETED = "task.completed"
    TASK_FAILED = "task.failed"
    TASK_CANCELLED = "task.cancelled"
    TASK_SKIPPED = "task.skipped"
    TASK_WAITING = "task.waiting"
    DECISION_REQUESTED = "decision.requested"
    DECISION_MADE = "decision.made"
    FILE_UPLOADED = "file.uploaded"


def chain_hash(previous: str, event: Event) -> str:
    """The hash that seals `event` and, through `previous`, everything before it."""
    return hashlib.sha256(previous.encode() + canonical_json(event.__dict__)).hexdigest()
