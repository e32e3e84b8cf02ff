"""What each type of event about a task or its decisions says: one model for each type."""

from __future__ import annotations

from pydantic import AliasChoices, Field

from signoff.schemas.event_base import EventData, OfDecision
from signoff.schemas.json_value import JsonMapping
from signoff.vocabulary import EventType


class TaskData(EventData):
    """Data about a task."""

    task_id: str
    phase_id: str
    key: str
    title: str


class TaskCreated(TaskData):
    """An edit added a task to a plan."""

    type = EventType.TASK_CREATED
    plan_version: int


class TaskStarted(TaskData):
    """An attempt at a task began. `try` counts retries only; an attempt that was lost is repeated under the same number."""

    type = EventType.TASK_STARTED
    attempt: int
    try_number: int | None = Field(
        default=None, validation_alias=AliasChoices("try", "try_number"), serialization_alias="try"
    )


class TaskProgress(EventData):
    """A step of a running task: a call of a language model or of a tool, or a model's advice."""

    type = EventType.TASK_PROGRESS
    task_id: str
    phase_id: str | None = None
    key: str
    title: str
    attempt: int | None = None
    step: str
    model: str | None = None
    tokens: dict[str, int] | None = None
    cost_usd: float | None = None
    calls: list[str] | None = None
    tool: str | None = None
    characters: int | None = None
    question_id: str | None = None
    reason: str | None = None
    answer: str | None = Field(default=None, description="The answer that a model proposes, if a person is asked.")
    said: str | None = Field(default=None, description="Why it proposes this.")
    left_because: str | None = Field(default=None, description="Why a person is asked nevertheless.")


class TaskMoved(TaskData, OfDecision):
    """A task got another status. The fields describe the attempt that ended, or the decision that moved the task."""

    attempt: int | None = None
    duration_ms: int | None = None
    outputs_hash: str | None = None
    exit_code: int | None = None
    log: JsonMapping | None = Field(default=None, description="The size and the checksum of the attempt's log.")
    files: dict[str, JsonMapping | None] | None = Field(default=None, description="The expected files, by path.")
    left_behind: dict[str, str | None] | None = Field(
        default=None, description="Approved files that the attempt changed."
    )
    not_as_signed: list[JsonMapping] | None = Field(default=None, description="What ran that was not as approved.")
    reason: str | None = None
    error: JsonMapping | None = None
    quarantine: str | None = None
    comment: str | None = None


class TaskWaiting(TaskMoved):
    """A task waits for a person or a timer."""

    type = EventType.TASK_WAITING
    due_at: str | None = None


class TaskRetrying(TaskMoved):
    """An attempt has ended, and the task waits for the next one."""

    type = EventType.TASK_RETRYING
    next_try: int | None = None
    next_try_in: float | None = Field(default=None, description="The pause in seconds.")


class TaskCompleted(TaskMoved):
    """A task was completed."""

    type = EventType.TASK_COMPLETED


class TaskFailed(TaskMoved):
    """A task has failed."""

    type = EventType.TASK_FAILED


class TaskCancelled(TaskMoved):
    """A task was cancelled."""

    type = EventType.TASK_CANCELLED


class TaskSkipped(TaskMoved):
    """A task was skipped."""

    type = EventType.TASK_SKIPPED


class DecisionRequested(TaskData):
    """A task asks for a decision. Without options, any answer is valid."""

    type = EventType.DECISION_REQUESTED
    question_id: str
    kind: str
    question: str
    options: list[str] = Field(default=[])
    changed: list[JsonMapping] | None = None
    details_hash: str | None = None
    default: str | None = None
    expires_at: str | None = None


class DecisionMade(OfDecision):
    """A request was decided without any other event. If it is about a task, it names the task."""

    type = EventType.DECISION_MADE
    task_id: str | None = None
    phase_id: str | None = None
    key: str | None = None
    title: str | None = None
    kind: str
    answer: str | None = None
    plan_version: int | None = Field(
        default=None, description="The version that an edit of a running plan has made, which waits for approval."
    )
    gate: JsonMapping | None = Field(
        default=None,
        description="The gate that still waits after this approval, and how many approvals it has and needs.",
    )
    withdrawn: str | None = Field(
        default=None,
        description="The earlier decision that this one withdraws: a request for changes, or an approval by the same person.",
    )
    comment: str | None = None
    reason: str | None = None
    outcome: str | None = None
    request_id: str | None = None
    code: str | None = None
    message: str | None = None
