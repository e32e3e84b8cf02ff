"""The words of the API that have a fixed set of values: statuses, stages, strategies and types of events."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class ProjectStatus(StrEnum):
    """The five statuses of a project that clients see."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Stage(StrEnum):
    """What a project is doing or waiting for, in more detail than its status."""

    DRAFT = "draft"
    PLANNING = "planning"
    AWAITING_APPROVAL = "awaiting_approval"
    CHANGES_REQUESTED = "changes_requested"
    EXECUTING = "executing"
    AWAITING_PHASE_APPROVAL = "awaiting_phase_approval"
    AWAITING_DECISION = "awaiting_decision"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    FINISHED = "finished"


class Via(StrEnum):
    """By which means the sender of a request was known."""

    KEY = "key"
    SESSION = "session"
    PROXY = "proxy"
    LINK = "link"
    LOOPBACK = "loopback"


class LinkStatus(StrEnum):
    """State of a link that lets one person sign one thing."""

    OPEN = "open"
    USED = "used"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Role(StrEnum):
    """What a person or a key may do. Every role may read."""

    VIEWER = "viewer"
    AUTHOR = "author"
    APPROVER = "approver"
    OPERATOR = "operator"
    ADMIN = "admin"


class Scope(StrEnum):
    """What an operation of the API needs. `anybody` needs no sign-in, `self` no role, and `link` a link to sign one thing."""

    ANYBODY = "anybody"
    SELF = "self"
    LINK = "link"
    READ = "read"
    AUTHOR = "author"
    APPROVE = "approve"
    OPERATE = "operate"
    ADMIN = "admin"


class PlanStatus(StrEnum):
    """Status of one plan version."""

    GENERATING = "generating"
    READY = "ready"
    APPROVED = "approved"
    SUPERSEDED = "superseded"
    DISCARDED = "discarded"
    FAILED = "failed"


class PhaseStatus(StrEnum):
    """Status of a phase."""

    PENDING = "pending"
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class TaskStatus(StrEnum):
    """Status of a task. A `waiting` task waits for a person, a timer or its next attempt."""

    PENDING = "pending"
    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class DecidedBy(StrEnum):
    """Who answers a decision: a person, or a model first. What the model is not sure of, a person answers."""

    PERSON = "person"
    MODEL = "model"


class PhaseStrategy(StrEnum):
    """The order in which the tasks of a phase run."""

    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"
    DAG = "dag"


class Strategy(StrEnum):
    """How a whole project runs. `LIMITS` defines each strategy in numbers."""

    PERFORMANCE = "performance"
    BALANCED = "balanced"
    ECONOMY = "economy"
    CAREFUL = "careful"


class RunsOn(StrEnum):
    """When a phase runs, by what has happened in the phases before it."""

    SUCCESS = "success"
    FAILURE = "failure"
    # After success, after failure and after a cancel.
    ALWAYS = "always"


class Outcome(StrEnum):
    """What a finished project's status alone does not say."""

    SKIPPED_FAILURES = "completed_with_skipped_failures"
    # A reviewer has rejected the plan, so the project is cancelled.
    REJECTED = "rejected"
    # What waited was not approved in time, so the project is cancelled.
    EXPIRED = "expired"


class OnCrash(StrEnum):
    """What happens to a task whose worker was lost while the task ran."""

    RERUN = "rerun"
    ASK = "ask"
    FAIL = "fail"


class AfterFailure(StrEnum):
    """What happens to a task whose last attempt failed."""

    ASK = "ask"
    FAIL = "fail"


class DecisionMode(StrEnum):
    """Who answers the decisions of a run."""

    AGENT = "agent"
    HUMAN = "human"


class WaitReason(StrEnum):
    """Why a task waits."""

    MANUAL = "manual"
    DECISION = "decision"
    TIMER = "timer"
    RETRY = "retry"
    AFTER_FAILURE = "after_failure"
    AGENT_QUESTION = "agent_question"
    # Something differs from what was signed.
    SIGNED_CHANGED = "signed_changed"
    WORKER_LOST = "worker_lost"
    # A person must release the task before it starts.
    RELEASE = "release"


_FOR_A_PERSON = frozenset(
    {
        WaitReason.MANUAL,
        WaitReason.DECISION,
        WaitReason.AFTER_FAILURE,
        WaitReason.AGENT_QUESTION,
        WaitReason.SIGNED_CHANGED,
        WaitReason.RELEASE,
    }
)


def waits_for_person(reason: str | None, due_at: str | None) -> bool:
    """Whether a waiting task waits for a person. After a lost worker it does only if no attempt is due."""
    return reason in _FOR_A_PERSON or (reason == WaitReason.WORKER_LOST and due_at is None)


class GateKind(StrEnum):
    """What waits for people's approval."""

    PLAN = "plan"
    PHASE = "phase"
    TASK = "task"
    # An edit of a running plan.
    EDIT = "edit"
    # A retry of a finished run.
    RETRY = "retry"
    # A task that no longer matches what was signed runs as it is.
    CHANGE = "change"


class InboxKind(StrEnum):
    """What waits for a person."""

    # A plan, or an edit of a running plan.
    PLAN = "plan"
    EDIT = "edit"
    # A plan to which a reviewer has requested changes: it waits for its author.
    CHANGES_REQUESTED = "changes_requested"
    # A phase at its gate.
    PHASE = "phase"
    # A task that a person must release, or do.
    RELEASE = "release"
    MANUAL = "manual"
    # What a task asks: a decision of the plan, what to do after a failure or a lost worker, an agent's own question, and whether
    # to run something that has changed since it was signed.
    DECISION = "decision"
    TASK_FAILED = "task_failed"
    WORKER_LOST = "worker_lost"
    AGENT = "agent"
    CHANGED = "changed"


class NotifyEvent(StrEnum):
    """What people may be told about."""

    WAITING = "waiting"
    FAILED = "failed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class NotificationStatus(StrEnum):
    """Status of a notification. One that is `obsolete` was not sent, because nothing waited any more."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    OBSOLETE = "obsolete"


class EventType(StrEnum):
    """The types of the events in a project's record."""

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
    PLAN_DISCARDED = "plan.discarded"
    PLAN_CHANGES_REQUESTED = "plan.changes_requested"
    PLAN_REJECTED = "plan.rejected"
    PLAN_COMMENTED = "plan.commented"
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
    GATE_OPENED = "gate.opened"
    FILE_UPLOADED = "file.uploaded"


LimitName = Literal["memory", "processes", "file_size", "open_files", "cpu_seconds"]


class ParameterType(StrEnum):
    """What values a parameter of a plan takes."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
