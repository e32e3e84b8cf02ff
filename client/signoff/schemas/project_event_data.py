"""What each type of event about a project, its plans, runs, phases and files says: one model for each type."""

from __future__ import annotations

from pydantic import Field

from signoff.schemas.event_base import EventData, OfDecision
from signoff.schemas.json_value import JsonMapping
from signoff.schemas.plans import ParameterValue
from signoff.vocabulary import EventType


class ProjectCreated(EventData):
    """A project was created."""

    type = EventType.PROJECT_CREATED
    name: str
    strategy: str
    auto_approve_plan: bool
    duplicated_from: str | None = None
    labels: list[str] | None = Field(default=None, description="The labels, if there are any.")
    signing: JsonMapping | None = Field(
        default=None, description="What the project demands of its signers in addition to the policies, if anything."
    )


class ProjectUpdated(EventData):
    """Fields of a project were changed."""

    type = EventType.PROJECT_UPDATED
    fields: list[str] = Field(description="The names of the fields.")
    auto_approve_plan: bool | None = None
    archived: bool | None = Field(
        default=None, description="Whether it was moved to the archive, or back, if that was changed."
    )
    labels: list[str] | None = Field(default=None, description="The labels, if they were changed.")
    signing: JsonMapping | None = Field(
        default=None,
        description="What the project demands of its signers in addition to the policies, if that changed.",
    )


class ProjectEnded(OfDecision):
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
    """A project was cancelled. `outcome` is `rejected` if that is because its plan was rejected, and `expired` if it is because
    something was not approved in time.
    """

    type = EventType.PROJECT_CANCELLED
    outcome: str | None = None


class ProjectDeleted(EventData):
    """A project was deleted. This is the last event of its record."""

    type = EventType.PROJECT_DELETED


class PlanGenerating(OfDecision):
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


class PlanFailed(OfDecision):
    """Planning ended without a plan. The project is again in the state in which planning began."""

    type = EventType.PLAN_FAILED
    plan_version: int
    code: str
    message: str
    details: list[JsonMapping] = Field(default=[])
    reason: str | None = None


class PlanApproved(OfDecision):
    """A plan version was approved. `run_id` is set if it replaces the plan of a run in progress.

    `open_questions` has the questions of the plan that nobody had answered. It is absent if there were none. `withdrawn` is the
    id of the decision that had requested changes to this version, if whoever made it has approved the version after all.
    """

    type = EventType.PLAN_APPROVED
    plan_version: int
    plan_digest: str
    approved_at: str | None = None
    comment: str | None = None
    run_id: str | None = None
    open_questions: list[str] | None = None
    withdrawn: str | None = None


class PlanReturned(OfDecision):
    """A plan version that waited for approval was sent back."""

    type = EventType.PLAN_RETURNED
    plan_version: int
    comment: str | None = None


class PlanSuperseded(EventData):
    """A plan version was replaced by the version `by`."""

    type = EventType.PLAN_SUPERSEDED
    plan_version: int
    by: int


class PlanDiscarded(OfDecision):
    """A plan version that an edit of a run had made was discarded. The run continues with the version that was approved."""

    type = EventType.PLAN_DISCARDED
    plan_version: int
    plan_digest: str
    run_id: str
    comment: str | None = None


class PlanChangesRequested(OfDecision):
    """A reviewer requested changes to the plan version that waits for approval. Its author makes the next one.

    `withdrawn` is the id of an approval that this withdraws, because it had not taken effect yet.
    """

    type = EventType.PLAN_CHANGES_REQUESTED
    plan_version: int
    plan_digest: str
    comment: str
    withdrawn: str | None = None


class PlanRejected(OfDecision):
    """A reviewer rejected the plan version that waits for approval. The project is then cancelled."""

    type = EventType.PLAN_REJECTED
    plan_version: int
    plan_digest: str
    comment: str


class PlanCommented(EventData):
    """Somebody commented on a plan version, or on one of its tasks."""

    type = EventType.PLAN_COMMENTED
    comment_id: str
    plan_version: int
    plan_digest: str
    text: str
    task_id: str | None = None
    key: str | None = None


class RunStarted(OfDecision):
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


class _RunControl(OfDecision):
    run_id: str
    comment: str | None = None


class RunPaused(_RunControl):
    """A run starts nothing more until it is resumed."""

    type = EventType.RUN_PAUSED


class RunResumed(_RunControl):
    """A paused run continues."""

    type = EventType.RUN_RESUMED


class RunCancelling(OfDecision):
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


class PhaseApproved(PhaseData, OfDecision):
    """A phase was approved."""

    type = EventType.PHASE_APPROVED
    comment: str | None = None


class GateOpened(EventData):
    """Something waits for approvals that policies demand. `rules` has what they demand, which does not change any more."""

    type = EventType.GATE_OPENED
    gate_id: str
    kind: str
    subject: str
    plan_version: int
    plan_digest: str
    rules: JsonMapping
    expires_at: str | None = None


class FileUploaded(EventData):
    """A file was uploaded."""

    type = EventType.FILE_UPLOADED
    path: str
    size: int
    sha256: str
