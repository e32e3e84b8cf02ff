"""The preview of a description's plan, which is not stored."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from signoff.schemas.insight import Severity
from signoff.schemas.json_value import JsonObject
from signoff.schemas.plans import PlanParameter, PlanStats
from signoff.schemas.policies import MatchingPolicy
from signoff.schemas.problems import Problem
from signoff.schemas.tasks import AnswerEffect, Condition
from signoff.vocabulary import AfterFailure, LimitName, OnCrash, PhaseStrategy, RunsOn


class OutlineTask(BaseModel):
    """A task of the preview. `depends_on` has the keys of all tasks that it would wait for."""

    key: str
    title: str
    description: str
    action: JsonObject
    agent_id: str | None
    depends_on: list[str]
    inputs: JsonObject
    expected_files: list[str]
    retries: int
    timeout_seconds: float | None
    on_crash: OnCrash
    after_failure: AfterFailure | None
    reads: list[str]
    writes: list[str]
    limits: dict[LimitName, int]
    condition: Condition | None
    requires_approval: bool


class OutlinePhase(BaseModel):
    """A phase of the preview. `requires_approval` is null if the project's `auto_approve_phases` decides."""

    key: str
    name: str
    description: str
    strategy: PhaseStrategy
    requires_approval: bool | None
    condition: Condition | None
    runs_on: RunsOn
    tasks: list[OutlineTask]


class OutlineFinding(BaseModel):
    """An audit finding to review before this plan is approved."""

    severity: Severity
    code: str
    message: str
    suggestion: str
    task_key: str | None


class OutlinePreview(BaseModel):
    """The plan that a description makes. If it does not make one, `problems` says why, and the rest is empty."""

    valid: bool
    planner: Literal["outline"]
    markdown: str = Field(
        description="The description in the form in which Signoff writes it. It makes the same plan. If its only problems "
        "are placeholders, it has a parameter in place of each. Empty if it makes no plan."
    )
    summary: str
    warnings: list[str]
    problems: list[Problem]
    stats: PlanStats
    parameters: list[PlanParameter]
    phases: list[OutlinePhase]
    answers: dict[str, list[AnswerEffect]]
    findings: list[OutlineFinding]
    labels: list[str] = Field(default_factory=list[str], description="The labels for which the policies were found.")
    policies: list[MatchingPolicy] = Field(
        default_factory=list[MatchingPolicy], description="The policies that say who must sign this plan."
    )
