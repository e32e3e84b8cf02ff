"""What each type of event says: one model for each type.

Writing is strict: the type checker knows every field. Reading is tolerant, because a record may come from another version.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from signoff.schemas.json_value import JsonMapping, JsonObject, JsonValue
from signoff.schemas.plans import ParameterValue
from signoff.vocabulary import EventType


class EventData(BaseModel):
    """The data of an event. Fields that this version does not know are kept.

    An optional field may be absent or null. Events of older versions lack some optional fields.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    type: ClassVar[EventType]
    _given: JsonObject = {}

    def __init__(self, /, **fields: JsonValue) -> None:
        super().__init__(**fields)
        self._given = fields

    def stored(self) -> JsonObject:
        """The data as JSON, with exactly the fields that were given, in that order."""
        known = type(self).model_fields
        return {
            (known[name].serialization_alias if name in known else None) or name: v for name, v in self._given.items()
        }


class _OfDecision(EventData):
    """Data that may name the decision that caused the event. The hash covers all of the decision."""

    decision_id: str | None = None
    decision_hash: str | None = None


class ProjectCreated(EventData):
    """A project was created."""

    type = EventType.PROJECT_CREATED
    name: str
    strategy: str
    auto_approve_plan: bool
    duplicated_from: str | None = None


class ProjectUpdated(EventData):
    """Fields of a project were changed."""

    type = EventType.PROJECT_UPDATED
    fields: list[str] = Field(description="The names of the fields.")
    auto_approve_plan: bool | None = None


class ProjectEnded(_OfDecision):
    """A project has ended. `run_id` is absent if it never ran."""

    run_id: str | None = None
    tasks: dict[str, int] = Field(description="The number of tasks by status.")
    failure: JsonMapping | None = None
    reason: str | None = None


class ProjectCompleted(ProjectEnded):
    """All phases of a run were completed."""

    type = EventType.PROJECT_COMPLETED
    outcome: str | None = None
    skipped_failures: list[str] | None = Field(
        default=None, description="The ids of failed tasks that somebody skipped, if there are any."
    )


class ProjectFailed(ProjectEnded):
    """A run has failed."""

    type = EventType.PROJECT_FAILED


class ProjectCancelled(ProjectEnded):
    """A project was cancelled."""

    type = EventType.PROJECT_CANCELLED


class ProjectDeleted(EventData):
    """A project was deleted. This is the last event of its record."""

    type = EventType.PROJECT_DELETED


class PlanGenerating(_OfDecision):
    """A planner began to make a plan version, with these values for its parameters."""

    type = EventType.PLAN_GENERATING
    plan_version: int
    planner: str | None = None
    created_at: str | None = None
    parameters: dict[str, ParameterValue] | None = None


class PlanReady(EventData):
    """A plan version is complete.

    `kept` has the ids of the tasks that keep their outcome from an earlier version, and `kept_phases` those of the phases that
    stay completed. They are absent if nothing is kept. The last four fields tell what language models used for the version.
    """

    type = EventType.PLAN_READY
    plan_version: int
    plan_digest: str
    planner: str | None = None
    created_at: str | None = None
    phases: int
    tasks: int
    kept: list[str] | None = None
    kept_phases: list[str] | None = None
    models: list[str] | None = None
    calls: int | None = None
    tokens: dict[str, int] | None = None
    cost_usd: float | None = None


class PlanFailed(_OfDecision):
    """Planning ended without a plan. The project is again in the state in which planning began."""

    type = EventType.PLAN_FAILED
    plan_version: int
    code: str
    message: str
    details: list[JsonMapping] = []
    reason: str | None = None


class PlanApproved(_OfDecision):
    """A plan version was approved. `run_id` is set if it replaces the plan of a run in progress."""

    type = EventType.PLAN_APPROVED
    plan_version: int
    plan_digest: str
    approved_at: str | None = None
    comment: str | None = None
    run_id: str | None = None


class PlanReturned(_OfDecision):
    """A plan version that waited for approval was sent back."""

    type = EventType.PLAN_RETURNED
    plan_version: int
    comment: str | None = None


class PlanSuperseded(EventData):
    """A plan version was replaced by the version `by`."""

    type = EventType.PLAN_SUPERSEDED
    plan_version: int
    by: int


class RunStarted(_OfDecision):
    """A run of an approved plan began. A retry resets the tasks in `reset`, and keeps the others."""

    type = EventType.RUN_STARTED
    plan_version: int
    plan_digest: str
    run_id: str
    run_number: int | None = None
    started_at: str | None = None
    retry_of: str | None = None
    kept: int | None = Field(default=None, description="How many tasks a retry keeps.")
    reset: list[str] | None = Field(default=None, description="The ids of the tasks that a retry runs again.")
    comment: str | None = None


class _RunControl(_OfDecision):
    run_id: str
    comment: str | None = None


class RunPaused(_RunControl):
    """A run starts nothing more until it is resumed."""

    type = EventType.RUN_PAUSED


class RunResumed(_RunControl):
    """A paused run continues."""

    type = EventType.RUN_RESUMED


class RunCancelling(_OfDecision):
    """A run is being cancelled."""

    type = EventType.RUN_CANCELLING
    reason: str | None = None


class RunLost(EventData):
    """Temporal no longer runs the workflow of a run."""

    type = EventType.RUN_LOST
    run_id: str
    code: str


class PhaseData(EventData):
    """Data about a phase."""

    phase_id: str
    key: str
    name: str
    position: int


class PhaseStarted(PhaseData):
    """The tasks of a phase may start."""

    type = EventType.PHASE_STARTED


class PhaseCompleted(PhaseData):
    """All tasks of a phase have ended as they should."""

    type = EventType.PHASE_COMPLETED


class PhaseFailed(PhaseData):
    """A task of a phase has failed."""

    type = EventType.PHASE_FAILED


class PhaseSkipped(PhaseData):
    """A phase never started: an earlier one failed, or `reason` says why."""

    type = EventType.PHASE_SKIPPED
    reason: str | None = None


class PhaseAwaitingApproval(PhaseData):
    """A phase waits for a person's approval."""

    type = EventType.PHASE_AWAITING_APPROVAL


class PhaseApproved(PhaseData, _OfDecision):
    """A phase was approved."""

    type = EventType.PHASE_APPROVED
    comment: str | None = None


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


class TaskMoved(TaskData, _OfDecision):
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
    options: list[str] = []
    changed: list[JsonMapping] | None = None
    details_hash: str | None = None
    default: str | None = None
    expires_at: str | None = None


class DecisionMade(_OfDecision):
    """A request was decided without any other event. If it is about a task, it names the task."""

    type = EventType.DECISION_MADE
    task_id: str | None = None
    phase_id: str | None = None
    key: str | None = None
    title: str | None = None
    kind: str
    answer: str | None = None
    comment: str | None = None
    reason: str | None = None
    outcome: str | None = None
    request_id: str | None = None
    code: str | None = None
    message: str | None = None


class FileUploaded(EventData):
    """A file was uploaded."""

    type = EventType.FILE_UPLOADED
    path: str
    size: int
    sha256: str
