"""Projects and lists of projects."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from signoff.schemas.gates import Gate
from signoff.schemas.plans import ParameterValue, PlanInfo
from signoff.schemas.tasks import Phase, Task
from signoff.vocabulary import DecisionMode, Outcome, ProjectStatus, Scope, Stage, Strategy


class ProjectSummary(BaseModel):
    """A project in a list. `manual_waiting` is the number of its manual tasks that wait for a person.

    `blocked` is the reason why Temporal cannot continue its run, and may be some seconds old. The project itself has a current
    and complete explanation. `outcome` tells what the status of a finished project does not: that failed tasks were skipped,
    that its plan was rejected, or that something was not approved in time.
    """

    id: str
    name: str
    description: str
    status: ProjectStatus
    stage: Stage
    strategy: Strategy
    labels: list[str]
    outcome: Outcome | None
    created_at: str
    updated_at: str
    manual_waiting: int
    blocked: Literal["workflow_task_failing", "activity_paused"] | None
    undo_until: str | None = Field(
        default=None,
        description="If the project has the approvals for which it waited: until when the last one can be withdrawn. It takes "
        "effect then.",
    )
    created_by: str | None = Field(default=None, description="The name of who created it.")
    created_by_id: str | None = Field(
        default=None, description="Their id, if they signed in as a person or with a key."
    )
    archived_at: str | None = Field(default=None, description="Since when it is in the archive. Null: it is not.")


class ProjectList(BaseModel):
    """A page of projects."""

    projects: list[ProjectSummary]
    total: int
    limit: int
    offset: int
    status_counts: dict[ProjectStatus, int]
    next_cursor: str | None = Field(
        default=None, description="Send it as `cursor` for the next page. Null: there is none."
    )


class Failure(BaseModel):
    """Why a project failed, or which answer ended it (`stopped_by_answer`). `task_id` is the task that caused it, if any."""

    code: str
    message: str
    task_id: str | None = None


class Progress(BaseModel):
    """The progress of a project: its tasks by status. `percent` is the share of completed tasks, and of nothing else."""

    total: int
    completed: int
    failed: int
    skipped: int = 0
    running: int
    percent: float


class RunInfo(BaseModel):
    """The newest run of a project."""

    id: str
    number: int
    started_at: str
    completed_at: str | None


class Review(BaseModel):
    """What a reviewer has said about a plan version, instead of approving it."""

    version: int
    by: str
    at: str
    comment: str
    decision_id: str


class Blocked(BaseModel):
    """Why a live project is blocked, for a reason that is not a stage."""

    code: str
    message: str
    since: str


class Links(BaseModel):
    """Addresses of a project and its parts. `temporal` is its run in Temporal's Web UI, and `page` is where people read it."""

    self: str
    plan: str
    tasks: str
    events: str
    dag: str
    temporal: str | None
    page: str | None = None


class ProjectSigning(BaseModel):
    """What a project demands of its signers in addition to the policies.

    `expires` is a time such as `3d`, and `undo` one such as `5s`.
    """

    approvals: int = 1
    four_eyes: bool = False
    expires: str | None = None
    undo: str | None = None


class Project(BaseModel):
    """A project with its phases and tasks.

    `outcome` is `completed_with_skipped_failures` if somebody skipped a failed task of a completed project, and `rejected` if the
    project was cancelled because a reviewer has rejected its plan.

    `last_seq` is the number of the newest event that this answer reflects. To miss no later event, continue with
    `events?after=<last_seq>`.
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
    parameters: dict[str, ParameterValue]
    labels: list[str]
    template: str | None = Field(
        default=None, description="The name of the template from which it was started, if any."
    )
    signing: ProjectSigning | None = Field(
        default=None, description="What the project demands of its signers in addition to the policies."
    )
    status: ProjectStatus
    stage: Stage
    since: str | None
    blocked: Blocked | None
    created_at: str
    updated_at: str
    created_by: str
    created_by_id: str | None = Field(
        default=None, description="The id of who created it, if they signed in as a person or with a key."
    )
    archived_at: str | None = Field(default=None, description="Since when it is in the archive. Null: it is not.")
    progress: Progress
    plan: PlanInfo | None
    edited_plan: PlanInfo | None = Field(
        description="The version that an edit during the run has made, if it waits for approval."
    )
    changes_requested: Review | None = Field(
        description="The newest request for changes, until a version of the plan is approved. If its version is the current one, "
        "the project waits for its author. Otherwise, the current version is the author's answer to it."
    )
    rejected: Review | None = Field(description="The rejection that has cancelled the project.")
    phases: list[Phase]
    tasks: list[Task]
    run: RunInfo | None
    gate: Gate | None = Field(description="The gate of the phase that waits for approval, if one does.")
    gates: list[Gate] = Field(default_factory=list[Gate], description="Everything that waits for approval.")
    failure: Failure | None
    outcome: Outcome | None
    workspace: str
    links: Links
    last_seq: int
    live: bool
    may: list[Scope] | None = Field(
        default=None, description="What the reader may do with the project; null in exports."
    )


class Run(RunInfo):
    """One execution of an approved plan version."""

    plan_version: int
    plan_digest: str
    status: ProjectStatus


class RunList(BaseModel):
    """The runs of a project, newest first."""

    runs: list[Run]
    total: int
