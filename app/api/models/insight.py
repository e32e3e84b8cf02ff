"""A project in numbers, and what an audit finds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from app.api.models.plans import Usage
from app.api.models.record import RecordSeal

Severity = Literal["critical", "high", "medium", "low"]


class PhaseNumbers(BaseModel):
    """Phases by how far they are; those that failed, were cancelled or skipped count in `total` alone."""

    total: int
    completed: int
    active: int
    pending: int


class TaskNumbers(BaseModel):
    """Tasks by status."""

    total: int
    completed: int
    running: int
    failed: int
    pending: int
    waiting: int
    cancelled: int
    skipped: int


class Durations(BaseModel):
    """Milliseconds over all runs: from start to end, of all attempts, waiting for approvals, along the longest way."""

    wall_ms: int
    busy_ms: int
    awaiting_approval_ms: int
    critical_path_ms: int


class Parallelism(BaseModel):
    """How many attempts ran at once: on average while any did, and at most."""

    mean: float
    peak: int


class AttemptNumbers(BaseModel):
    """Attempts over all runs; `retried` are those that were not their task's first."""

    total: int
    retried: int
    lost: int


class SlowTask(BaseModel):
    """A task that took its time."""

    id: str
    key: str
    title: str
    duration_ms: int


class PartUse(BaseModel):
    """What a phase or a task has used of models."""

    id: str
    key: str
    tokens: dict[Literal["input", "output"], int]
    cost_usd: float | None


class ModelUse(BaseModel):
    """What a project has used of models: in all, of which for plans and for decisions, and by phase and task."""

    total: Usage | None
    planning: Usage | None
    decisions: Usage | None
    phases: list[PartUse]
    tasks: list[PartUse]


class Metrics(BaseModel):
    """A project in numbers."""

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
    """One thing that an audit found; `id` is the same each time it finds the same."""

    id: str
    severity: Severity
    code: str
    message: str
    task_id: str | None = None
    suggestion: str


class AuditResults(BaseModel):
    """Everything that was found, the worst first."""

    findings: list[Finding]
    summary: dict[Severity, int]
    audited_task_count: int


class Trail(BaseModel):
    """The record itself: `intact` where every event is what it was, and `head` is the hash over all of them.

    `seal` is the newest statement about it that the app has signed; `unsealed` counts the events behind that one, and
    `sealed_later` those from before seals were kept. `fingerprint` is that of the app's key.
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
    """What an audit came to."""

    project_id: str
    checked_at: str
    results: AuditResults
    trail: Trail
    message: str
