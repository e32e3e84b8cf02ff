"""What goes into and comes out of the workflow and its activities: one model each, ids and small values only.

Texts, logs and outputs stay in the database and the workspace; a payload of Temporal is limited to 2 MiB and a history to
51,200 events.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, Field, StringConstraints, model_validator
from pydantic_core import to_json

from app.domain.commands import SIGNAL_OF_KIND
from app.domain.decisions import DecisionKind
from app.domain.errors import ErrorInfo
from app.domain.states import SKIPPED_BY_PERSON, TaskStatus

WORKFLOW_TYPE = "ProjectWorkflow"
OWN_ACTOR = "signoff"
# What a try came to that failed for good and asks a person what now, beside the statuses of tasks.
ASKED = "asked"
ADVISE = "advise"

ShortText = Annotated[str, StringConstraints(max_length=200)]


class Thresholds(BaseModel):
    """History lengths, in events, at which a run continues as a new one (Temporal suggests it at 4,096).

    From `rest` on it does so when nothing runs; from `drain` on it starts nothing more until nothing runs.
    """

    rest: int = 4_096
    drain: int = 10_000


class Delivery(BaseModel):
    """What reached the workflow, or what it found to be due. `decide` believes none of it before it has looked it up.

    `id` tells a delivery from all others of the project. `content` is the JSON of a signal that names no command.
    """

    project_id: str
    origin: Literal["signal", "cancellation", "plan_ready", "time_up"] = "signal"
    name: str
    id: str
    command: str | None = None
    content: str | None = None
    task: str | None = Field(default=None, description="Key of the task whose time is up.")

    @model_validator(mode="before")
    @classmethod
    def _from_request(cls, value: Any) -> Any:
        """Read what a workflow handed on before there were commands: a whole request, with its actor."""
        if not isinstance(value, dict) or "request_id" not in value:
            return value  # pyright: ignore[reportUnknownVariableType] - for pydantic to judge
        old = cast("dict[str, Any]", value)
        request_id, payload = str(old["request_id"]), cast("dict[str, Any]", old.get("payload") or {})
        origins = {"expire": "time_up", "auto": "plan_ready", "cancellation": "cancellation"}
        read: dict[str, Any] = {
            "project_id": old.get("project_id"),
            "origin": origins.get(request_id.partition(":")[0], "signal"),
            "name": next((name for kind, name in SIGNAL_OF_KIND.items() if kind == old.get("kind")), ""),
            "id": request_id,
            "content": to_json({"comment": old.get("comment", "")}).decode(),
            "task": payload.get("task"),
        }
        return read


class ProjectInput(BaseModel):
    """What the workflow starts from: the rest is in the database."""

    project_id: str
    thresholds: Thresholds = Thresholds()
    requests: list[Delivery] = Field(default_factory=list[Delivery], description="Not decided yet.")
    erase_for: str | None = Field(
        default=None, description="Id of the command to delete the project, which waits until its run has stopped."
    )


class ProjectResult(BaseModel):
    """What a run of the workflow came to."""

    project_id: str
    status: str | None
    stage: str | None


class CommandSignal(BaseModel):
    """What every signal carries: the id of a command, whose content is in the database."""

    command: ShortText


class ProjectRef(BaseModel):
    """Names a project to an activity."""

    project_id: str


class EraseRequest(BaseModel):
    """Names the command that has a project deleted."""

    project_id: str
    command: str = ""


class RunState(BaseModel):
    """The run that a project is in."""

    run_id: str
    number: int
    plan_version: int
    plan_digest: str
    max_parallel: int
    stop_at_first_failure: bool
    phases: list[str] = Field(default_factory=list[str], description="Names, in order.")
    next_phase: int = Field(default=0, description="Position of the first phase that has not finished.")
    started_at: str
    paused: bool = False


class ProjectState(BaseModel):
    """Where a project stands, as the workflow needs to know it.

    Answers of activities that run side by side may arrive in another order than they were made in; `seq` tells which is newer.
    """

    project_id: str
    seq: int = Field(default=0, description="Number of the newest event by then.")
    name: str = ""
    status: str | None = Field(default=None, description="None: there is no such project (any more).")
    stage: str | None = None
    strategy: str = ""
    agent_id: str | None = None
    auto_approve_plan: bool = False
    plan_version: int | None = None
    plan_digest: str | None = None
    generating: int | None = Field(default=None, description="The plan version being made.")
    run: RunState | None = None


class Decided(BaseModel):
    """A decision's outcome, and the state after it. `accepted` only as long as what it did still stands on record."""

    accepted: bool
    kind: DecisionKind
    error: ErrorInfo | None = None
    payload: dict[str, Any] = Field(default_factory=dict)
    erase: bool | None = Field(
        default=None, description="The project is to go; None: a version before commands decided."
    )
    state: ProjectState


class PlanRequest(BaseModel):
    """Names the plan version that a planner is to fill."""

    project_id: str
    version: int
    error: ErrorInfo | None = Field(default=None, description="Set to record that the planning failed.")


class PhaseRef(BaseModel):
    """Names a phase of a run, and from which of its tasks on to load."""

    project_id: str
    run_id: str
    plan_version: int
    plan_digest: str
    position: int
    offset: int = 0


class TaskProgress(BaseModel):
    """How far a task had come that is not pending any more when its phase is loaded."""

    status: str
    reason: str | None = None
    recorded_try: int = 0
    due_at: str | None = None
    quarantined: bool = False

    @property
    def succeeded(self) -> bool:
        """Its dependents may start: it completed, or a person said to skip it."""
        return self.status == TaskStatus.COMPLETED or self.reason == SKIPPED_BY_PERSON


class TaskColumns(BaseModel):
    """The tasks of a phase by column; dictionaries hold only what differs from the usual."""

    keys: list[str] = Field(default_factory=list[str])
    titles: list[str] = Field(default_factory=list[str])
    types: list[str] = Field(default_factory=list[str])
    dependencies: list[list[int]] = Field(default_factory=list[list[int]])
    modes: dict[int, str] = Field(default_factory=dict[int, str])
    retries: dict[int, int] = Field(default_factory=dict[int, int])
    timeouts: dict[int, float] = Field(default_factory=dict[int, float])
    seconds: dict[int, float] = Field(default_factory=dict[int, float])
    queues: dict[int, str] = Field(default_factory=dict[int, str])
    progress: dict[int, TaskProgress] = Field(default_factory=dict[int, TaskProgress])

    def extend(self, more: TaskColumns) -> None:
        """Append the next page; its dictionaries are numbered by position in the phase already."""
        for name in ("keys", "titles", "types", "dependencies"):
            getattr(self, name).extend(getattr(more, name))
        for name in ("modes", "retries", "timeouts", "seconds", "queues", "progress"):
            getattr(self, name).update(getattr(more, name))


class PhaseWork(BaseModel):
    """A phase to carry out; `open` is False while its gate is shut.

    `finished` is True where an earlier run has carried it out, `cancelling` where the record says that the run is being
    cancelled; `run` is set where the plan was edited meanwhile.
    """

    open: bool
    finished: bool = False
    cancelling: bool = False
    run: RunState | None = None
    phase_id: str
    name: str
    tasks: TaskColumns = TaskColumns()
    total: int = 0


class PhaseEnd(BaseModel):
    """How a phase ended."""

    project_id: str
    run_id: str
    phase_id: str
    failed: bool


class PhaseEnded(BaseModel):
    """Whether a phase could be closed: not where a task was added to it at the last moment."""

    ended: bool = True


class TaskInput(BaseModel):
    """Names a task of a run to the activity that carries it out; `try_number` is the workflow's count."""

    project_id: str
    run_id: str
    task: str
    try_number: int = 1
    last: bool = True
    next_try_in: float = 0.0


class TaskResult(BaseModel):
    """How a task's try ended; outputs and errors are in the database.

    `advise`: it waits for a decision that the model is to be asked first. `cancelling`: the record says that the run is.
    """

    status: str
    advise: bool = False
    cancelling: bool = False


class AdviceRequest(BaseModel):
    """Names the task whose open decision the model is to answer."""

    project_id: str
    run_id: str
    task: str


class OpenTask(TaskInput):
    """A task that is to wait, for a person or until `due_at`."""

    reason: str
    due_at: str | None = None


class SkipTasks(BaseModel):
    """Tasks (by key) that can never start, by the plan version that says so."""

    project_id: str
    run_id: str
    tasks: list[str]
    reason: str
    plan_version: int | None = None


class LostAttempt(TaskInput):
    """An attempt that did not complete; `cancelling` where the run is being cancelled anyway.

    `silent`: its worker has said nothing for the heartbeat time-out, and is gone or frozen.
    """

    cause: str
    cancelling: bool = False
    silent: bool = False


class LostVerdict(BaseModel):
    """What becomes of the task: it is run again, a person is asked, or its `status` is final.

    `reload`: the record does not let it start, for the workflow believes something else of what comes before it.
    """

    then: Literal["rerun", "ask", "final", "reload"]
    status: str
    failed: bool = Field(default=False, description="The try is over: another one would be the next.")
    cancelling: bool = Field(default=False, description="The record says that the run is being cancelled.")
    quarantined: bool = Field(default=False, description="It runs in a process of its own from now on.")


class RunEnd(BaseModel):
    """How a run ended."""

    project_id: str
    run_id: str
    status: str
    failure: dict[str, Any] | None = None


class TaskInProgress(BaseModel):
    """A task under way, as the workflow sees it; `state` is running, retrying, person or timer.

    `queue` is the task queue it is handed out on, None for the workflow's own.
    """

    key: str
    state: str
    try_number: int
    since: str
    queue: str | None = None


class Snapshot(BaseModel):
    """The workflow's own word on where it is; times are when it got there."""

    project_id: str
    stage: str
    since: str
    phase: str | None = None
    gate: dict[str, Any] | None = None
    draining: bool = False
    in_progress: list[TaskInProgress] = Field(default_factory=list[TaskInProgress])
    requests_waiting: int = 0
    history_events: int = 0
