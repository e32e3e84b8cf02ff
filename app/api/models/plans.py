"""Plan versions."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from app.api.models.tasks import Phase, Task
from app.domain.states import PlanStatus


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


class Usage(BaseModel):
    """Which models were asked, how often, and what they used; `cost_usd` is null where nobody knows a price."""

    models: list[str]
    calls: int
    tokens: dict[Literal["input", "output"], int]
    cost_usd: float | None


class FrozenFileInfo(BaseModel):
    """A file of the workspace that the plan names, as it was when the plan was approved: at `at`, or as it is now."""

    sha256: str
    size: int
    at: str | None


class FrozenActionInfo(BaseModel):
    """Where an action comes from; `version` is given for plug-ins. `defaults` are used for fields that a task leaves out."""

    package: str
    version: str
    defaults: dict[str, Any]


class FrozenInfo(BaseModel):
    """What the plan does not say itself and its approval freezes: files that it names, and what surrounds it.

    `digest` is what an approval may be held to; `sealed` is set once one has frozen it. `unhashed` has the reasons why files
    were not read, by path; `unknown`, by task, what only the run can name; `outside` what is run or read and lies outside of the
    workspace; `unread` the tasks whose command could not be read to its end. `programs` is null until a worker has looked.
    `task_limits` is what commands may use where a task sets no limit itself: bytes, seconds and numbers; 0 is no limit.
    """

    digest: str
    sealed: str | None
    at: str | None
    files: dict[str, FrozenFileInfo]
    unhashed: dict[str, str]
    outside: list[str]
    unknown: dict[str, list[str]]
    unread: list[str]
    programs: dict[str, str] | None
    agents: dict[str, dict[str, Any]]
    actions: dict[str, FrozenActionInfo]
    retries: dict[str, int]
    limits: dict[str, Any]
    task_limits: dict[str, int] | None
    http_allow: list[str] | None
    app_url: str | None
    sandbox: dict[str, Any]


class Plan(BaseModel):
    """A plan version; `frozen` is null for one that is neither approved nor current, and where an edit has just made it."""

    project_id: str
    version: int
    digest: str
    status: PlanStatus
    planner: str
    summary: str
    warnings: list[str]
    usage: Usage | None
    created_at: str
    created_by: str
    approved_at: str | None
    approved_by: str | None
    phases: list[PlanPhase]
    stats: PlanStats
    next: NextPlan | None
    frozen: FrozenInfo | None = None


class PlanInfo(BaseModel):
    """Which plan a project has."""

    version: int
    digest: str
    status: PlanStatus
    planner: str
    summary: str


class PlanVersion(BaseModel):
    """One version in the history of a project's plan."""

    version: int
    digest: str | None
    status: PlanStatus
    planner: str
    summary: str
    created_at: str
    created_by: str
    approved_at: str | None
    approved_by: str | None


class PlanList(BaseModel):
    """Every version of a project's plan, newest first; `current` is the one that stands."""

    plans: list[PlanVersion]
    total: int
    current: int | None


class FieldChange(BaseModel):
    """A field before and after."""

    field: str
    before: Any
    after: Any


class Changed(BaseModel):
    """A phase or task, by key, of which fields changed."""

    key: str
    changes: list[FieldChange]


class Differences(BaseModel):
    """Phases or tasks, by key, that were added, removed or changed."""

    added: list[str]
    removed: list[str]
    changed: list[Changed]


class PlanDiff(BaseModel):
    """What one plan version has that another has not."""

    project_id: str
    before: int
    after: int
    phases: Differences
    tasks: Differences
    settings: list[FieldChange]
