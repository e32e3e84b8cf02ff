"""Tasks and phases, with their state."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import AfterFailure, LimitName, OnCrash, PhaseStatus, PhaseStrategy, RunsOn, TaskStatus


class TaskError(BaseModel):
    """Why a task failed."""

    type: str
    message: str


class LogInfo(BaseModel):
    """The address and the size of a task's log."""

    bytes: int
    url: str


# How another task must have ended: with one of these statuses or, if it is a decision, with one of these answers.
TaskCondition = TypedDict("TaskCondition", {"task": str, "is": list[str]})
# Which values a parameter of the plan must have. `value` is the one that it has, and `met` whether that is one of them. Both are
# null as long as the plan has no value.
EvaluatedCondition = TypedDict(
    "EvaluatedCondition", {"parameter": str, "is": list[str], "value": str | bool | float | None, "met": bool | None}
)
# Which values an output of another task must have (`is`) or must not have (`is_not`). One of the two is empty.
OutputCondition = TypedDict("OutputCondition", {"task": str, "output": str, "is": list[str], "is_not": list[str]})
Condition = OutputCondition | TaskCondition | EvaluatedCondition


class AnswerEffect(BaseModel):
    """What follows from an answer to a decision. `starts` and `skips` have the keys of the tasks and phases whose condition it
    meets or does not meet. If it ends the run, all that depends on the decision and all later phases are skipped.
    """

    answer: str
    ends_run: bool
    starts: list[str]
    skips: list[str]


class OutputUse(BaseModel):
    """A task that has not ended, and the outputs of another task that it uses."""

    task_id: str
    key: str
    title: str
    outputs: list[str]


class Task(BaseModel):
    """A task with its state. If the task runs in a separate process, `quarantine` says why.

    `outputs_used_by` lists the later tasks that use its outputs. If it is skipped without them, those tasks fail.
    """

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
    action: JsonObject
    depends_on: list[str]
    inputs: JsonObject
    outputs: JsonObject
    truncated: bool
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
    attempt: int
    started_at: str | None
    completed_at: str | None
    due_at: str | None
    duration_ms: int | None
    exit_code: int | None
    error: TaskError | None
    tokens: dict[Literal["input", "output"], int] | None
    log: LogInfo
    quarantine: str | None
    outputs_used_by: list[OutputUse] = []


class TaskList(BaseModel):
    """The tasks of a project, in the plan's order."""

    tasks: list[Task]
    total: int
    limit: int | None
    offset: int
    next_cursor: str | None = Field(
        default=None, description="Send it as `cursor` for the next page. Null: there is none."
    )


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
    condition: Condition | None
    runs_on: RunsOn
    started_at: str | None
    completed_at: str | None
    task_counts: dict[TaskStatus | Literal["total"], int]


class PhaseList(BaseModel):
    """The phases of a project, in order."""

    phases: list[Phase]
    count: int
    project_id: str


class TaskDeleted(BaseModel):
    """A task that was removed from the plan; `plan_version` is the version without it."""

    deleted: bool = True
    id: str
    plan_version: int
