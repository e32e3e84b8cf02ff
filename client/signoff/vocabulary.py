"""The words of the API that have a fixed set of values: statuses, stages and strategies."""

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
    EXECUTING = "executing"
    AWAITING_PHASE_APPROVAL = "awaiting_phase_approval"
    AWAITING_DECISION = "awaiting_decision"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    FINISHED = "finished"


class PlanStatus(StrEnum):
    """Status of one plan version."""

    GENERATING = "generating"
    READY = "ready"
    APPROVED = "approved"
    SUPERSEDED = "superseded"
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


LimitName = Literal["memory", "processes", "file_size", "open_files", "cpu_seconds"]
