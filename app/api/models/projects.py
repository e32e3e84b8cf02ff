"""Projects, single and in lists."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from app.api.models.plans import PlanInfo
from app.api.models.tasks import Phase, Task
from app.domain.plan import DecisionMode, Strategy
from app.domain.states import ProjectStatus, Stage


class ProjectSummary(BaseModel):
    """A project in a list; `manual_waiting` of its tasks wait for a person to do them.

    `blocked`: what holds its run up in Temporal, some seconds old; the project itself says more, and at once.
    """

    id: str
    name: str
    description: str
    status: ProjectStatus
    stage: Stage
    strategy: Strategy
    created_at: str
    updated_at: str
    manual_waiting: int
    blocked: Literal["workflow_task_failing", "activity_paused"] | None


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
    """One project, with its phases and tasks.

    `last_seq` is the number of the newest event that the rest of the answer tells of: whoever reads on with
    `events?after=<last_seq>` misses none.
    """

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
    max_tokens: int | None
    max_cost_usd: float | None
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
    last_seq: int
    live: bool


class Run(RunInfo):
    """One carrying out of an approved plan version."""

    plan_version: int
    plan_digest: str
    status: ProjectStatus


class RunList(BaseModel):
    """The runs of a project, newest first."""

    runs: list[Run]
    total: int
