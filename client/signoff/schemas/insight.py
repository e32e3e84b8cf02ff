"""Metrics of a project, and the results of an audit."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from signoff.schemas.plans import Usage
from signoff.schemas.record import RecordSeal

Severity = Literal["critical", "high", "medium", "low"]


class PhaseNumbers(BaseModel):
    """Numbers of phases by progress. Phases that failed or were cancelled or skipped are included only in `total`."""

    total: int
    completed: int
    active: int
    pending: int


class TaskNumbers(BaseModel):
    """Numbers of tasks by status."""

    total: int
    completed: int
    running: int
    failed: int
    pending: int
    waiting: int
    cancelled: int
    skipped: int


class Durations(BaseModel):
    """Durations in milliseconds over all runs.

    `wall_ms` is the time from start to end, `busy_ms` the sum of all attempts, `awaiting_approval_ms` the time spent waiting for
    approvals, and `critical_path_ms` the length of the critical path.
    """

    wall_ms: int
    busy_ms: int
    awaiting_approval_ms: int
    critical_path_ms: int


class Parallelism(BaseModel):
    """How many attempts ran at once: `mean` is the average while any attempt ran, `peak` the maximum."""

    mean: float
    peak: int


class AttemptNumbers(BaseModel):
    """Numbers of attempts over all runs. `retried` counts attempts after a task's first; `lost`, those whose worker was lost."""

    total: int
    retried: int
    lost: int


class SlowTask(BaseModel):
    """One of the tasks that took longest."""

    id: str
    key: str
    title: str
    duration_ms: int


class PartUse(BaseModel):
    """The use of models by a phase or a task; `cost_usd` is null if a price is unknown."""

    id: str
    key: str
    tokens: dict[Literal["input", "output"], int]
    cost_usd: float | None


class ModelUse(BaseModel):
    """The use of models by a project: in total, for planning, for decisions, and by phase and task."""

    total: Usage | None
    planning: Usage | None
    decisions: Usage | None
    phases: list[PartUse]
    tasks: list[PartUse]


class Metrics(BaseModel):
    """The metrics of a project."""

    project_id: str
    phases: PhaseNumbers
    tasks: TaskNumbers
    completion_percentage: float
    tokens_used: int
    cost_usd: float | None
    models: ModelUse
    durations: Durations
    parallelism: Parallelism
    attempts: AttemptNumbers
    slowest: list[SlowTask]


class Finding(BaseModel):
    """One finding of an audit. `id` stays the same when a later audit finds the same problem."""

    id: str
    severity: Severity
    code: str
    message: str
    task_id: str | None = None
    suggestion: str


class AuditResults(BaseModel):
    """All findings, worst first."""

    findings: list[Finding]
    summary: dict[Severity, int]
    audited_task_count: int


class Trail(BaseModel):
    """The state of the record. `intact` is true if no event was altered, and `head` is the hash over all events.

    `seal` is the newest seal that the app has signed. `unsealed` counts the events after that seal, and `sealed_later` the events
    from before sealing was introduced. `fingerprint` identifies the app's key.
    """

    events: int
    decisions: int
    intact: bool
    head: str
    seal: RecordSeal | None
    unsealed: int
    sealed_later: int
    fingerprint: str


class Audit(BaseModel):
    """The result of an audit."""

    project_id: str
    checked_at: str
    results: AuditResults
    trail: Trail
    message: str
