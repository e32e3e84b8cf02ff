"""The bodies of answers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from app.domain.errors import Problem
from app.domain.plan import DecisionMode, OnCrash, PhaseStrategy, Strategy
from app.domain.states import PhaseStatus, PlanStatus, ProjectStatus, Stage, TaskStatus


class ErrorBody(BaseModel):
    """Every error."""

    error: str
    code: str
    message: str
    status: int
    details: list[Problem]
    context: dict[str, Any]
    request_id: str


class ProjectSummary(BaseModel):
    """A project in a list."""

    id: str
    name: str
    description: str
    status: ProjectStatus
    stage: Stage
    strategy: Strategy
    created_at: str
    updated_at: str


class ProjectList(BaseModel):
    """A page of projects."""

    projects: list[ProjectSummary]
    total: int
    limit: int
    offset: int
    status_counts: dict[ProjectStatus, int]


class Failure(BaseModel):
    """Why something failed."""

    code: str
    message: str
    task_id: str | None = None


class TaskError(BaseModel):
    """Why a task failed."""

    type: str
    message: str


class LogInfo(BaseModel):
    """Where a task's log is, and its size."""

    bytes: int
    url: str


class Task(BaseModel):
    """A task with its state."""

    id: str
    project_id: str
    phase_id: str
    key: str
    title: str
    description: str
    status: TaskStatus
    reason: str | None
    position: int
    agent_id: str | None
    action: dict[str, Any]
    depends_on: list[str]
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    truncated: bool
    expected_files: list[str]
    retries: int
    timeout_seconds: float | None
    on_crash: OnCrash
    attempt: int
    started_at: str | None
    completed_at: str | None
    due_at: str | None
    duration_ms: int | None
    exit_code: int | None
    error: TaskError | None
    tokens: dict[Literal["input", "output"], int] | None
    log: LogInfo


class TaskList(BaseModel):
    """Tasks of a project, in the plan's order."""

    tasks: list[Task]
    total: int
    limit: int | None
    offset: int


class Phase(BaseModel):
    """A phase with its state."""

    id: str
    project_id: str
    key: str
    name: str
    description: str
    position: int
    strategy: PhaseStrategy
    status: PhaseStatus
    requires_approval: bool
    started_at: str | None
    completed_at: str | None
    task_counts: dict[TaskStatus | Literal["total"], int]


class PlanPhase(Phase):
    """A phase of a plan, with its tasks."""

    tasks: list[Task]


class NextPlan(BaseModel):
    """The version that is being made."""

    version: int
    status: PlanStatus


class PlanStats(BaseModel):
    """A plan in numbers; the critical path is in tasks, by key."""

    tasks: int
    phases: int
    max_width: int
    critical_path: list[str]


class Plan(BaseModel):
    """A plan version."""

    project_id: str
    version: int
    digest: str
    status: PlanStatus
    planner: str
    summary: str
    warnings: list[str]
    created_at: str
    created_by: str
    approved_at: str | None
    approved_by: str | None
    phases: list[PlanPhase]
    stats: PlanStats
    next: NextPlan | None


class PlanInfo(BaseModel):
    """Which plan a project has."""

    version: int
    digest: str
    status: PlanStatus
    planner: str
    summary: str


class Progress(BaseModel):
    """How far a project is; `percent` counts tasks that ended well or were skipped."""

    total: int
    completed: int
    failed: int
    running: int
    percent: float


class RunInfo(BaseModel):
    """The newest run."""

    id: str
    number: int
    started_at: str
    completed_at: str | None


class Gate(BaseModel):
    """What waits for a person's approval."""

    kind: str
    phase_id: str | None = None
    since: str
    expires_at: str | None = None
    approvals: dict[Literal["given", "needed"], int]


class Blocked(BaseModel):
    """What holds a project up without being a stage."""

    code: str
    message: str
    since: str


class Links(BaseModel):
    """Where to go from here."""

    self: str
    plan: str
    tasks: str
    events: str
    dag: str
    temporal: str | None


class Project(BaseModel):
    """One project, with its phases and tasks."""

    id: str
    name: str
    description: str
    strategy: Strategy
    auto_approve_plan: bool
    auto_approve_phases: bool
    decision_mode: DecisionMode
    path: str | None
    agent_id: str | None
    sme_archetype: str | None
    status: ProjectStatus
    stage: Stage
    since: str | None
    blocked: Blocked | None
    created_at: str
    updated_at: str
    created_by: str
    progress: Progress
    plan: PlanInfo | None
    phases: list[Phase]
    tasks: list[Task]
    run: RunInfo | None
    gate: Gate | None
    failure: Failure | None
    workspace: str
    links: Links
    live: bool


class Recorded(BaseModel):
    """Durably recorded, not yet decided or done."""

    id: str
    status: ProjectStatus
    stage: Stage
    recorded: Literal[True] = True
    request_id: str


class StatusAnswer(BaseModel):
    """What an approve came to."""

    id: str
    status: ProjectStatus
    updated_at: str
    stage: Stage
    decision_id: str


class CancelCounts(BaseModel):
    """How the tasks of a cancelled project ended."""

    completed: int
    interrupted: int
    never_started: int
    did_not_stop: int


class CancelAnswer(StatusAnswer):
    """What a cancel came to; with 202 it is recorded, and tasks are still being stopped."""

    tasks: CancelCounts
    recorded: bool = True
    request_id: str


class DeleteAnswer(BaseModel):
    """What a delete came to."""

    deleted: bool
    deleting: bool = False
    id: str


class Health(BaseModel):
    """The process is alive."""

    service: Literal["signoff"] = "signoff"
    status: Literal["ok"] = "ok"
    version: str


class Checks(BaseModel):
    """What the app needs, and whether it answers."""

    database: str
    temporal: str
    workers: int


class Ready(BaseModel):
    """Whether requests can be served."""

    status: Literal["ready", "unavailable"]
    checks: Checks
