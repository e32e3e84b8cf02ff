"""Inputs and outputs of the workflow and its activities: one model each, with ids and small values only.

Texts, logs and outputs stay in the database and the workspace. Temporal limits a payload to 2 MiB and a history to 51,200
events.
"""

from __future__ import annotations

from typing import Annotated, Literal, cast

from pydantic import BaseModel, Field, StringConstraints, model_validator
from pydantic_core import to_json

from app.domain.commands import COMMANDS, CommandKind
from app.domain.errors import ErrorInfo
from app.domain.states import SKIPPED_BY_PERSON
from signoff.schemas.json_value import JsonObject, JsonValue
from signoff.vocabulary import TaskStatus, WaitReason

WORKFLOW_TYPE = "ProjectWorkflow"
OWN_ACTOR = "signoff"
# The outcome of an attempt after which a person is asked what to do. It complements the statuses of tasks.
ASKED = "asked"
ADVISE = "advise"

ShortText = Annotated[str, StringConstraints(max_length=200)]


class Thresholds(BaseModel):
    """History lengths, in events, at which a run continues as new. Temporal suggests it at 4,096.

    From `rest` on, the run continues as new when no task is running. It then also starts nothing more for at most `patience`
    seconds, so that tasks which take longer do not hold up the others. From `drain` on, it starts nothing more in any case.

    `rest` leaves room for the ends of 50 tasks in progress, the most that a strategy allows.
    """

    rest: int = 3_584
    drain: int = 10_000
    patience: float = 30.0


class Delivery(BaseModel):
    """A signal that reached the workflow, or something that became due. `decide` verifies it before acting on it.

    `id` is unique within the project. `content` is the JSON of a signal that names no command.
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
    def _from_request(cls, value: JsonValue) -> JsonValue:
        """Read a delivery that was handed on before commands existed: a whole request, with its actor."""
        if not isinstance(value, dict) or "request_id" not in value:
            return value
        old = value
        request_id, payload = str(old["request_id"]), cast("JsonObject", old.get("payload") or {})
        origins = {"expire": "time_up", "auto": "plan_ready", "cancellation": "cancellation"}
        read: JsonObject = {
            "project_id": old.get("project_id"),
            "origin": origins.get(request_id.partition(":")[0], "signal"),
            "name": next((one.signal for one in COMMANDS.values() if one.kind == old.get("kind")), ""),
            "id": request_id,
            "content": to_json({"comment": old.get("comment", "")}).decode(),
            "task": payload.get("task"),
        }
        return read


class ProjectInput(BaseModel):
    """The workflow's input. Everything else is in the database."""

    project_id: str
    thresholds: Thresholds = Thresholds()
    requests: list[Delivery] = Field(default_factory=list[Delivery], description="Requests that are not decided yet.")
    clean_up_until: float | None = Field(
        default=None, description="When the clean-up after a cancel must end, in seconds since 1970."
    )
    erase_for: str | None = Field(
        default=None, description="Id of the command to delete the project, which waits until its run has stopped."
    )


class ProjectResult(BaseModel):
    """The project's state when a workflow run ends."""

    project_id: str
    status: str | None
    stage: str | None


class CommandSignal(BaseModel):
    """The content of every signal: the id of a command, whose details are in the database."""

    command: ShortText


class ProjectRef(BaseModel):
    """Identifies a project for an activity."""

    project_id: str


class EraseRequest(BaseModel):
    """Names the command that asks to delete a project."""

    project_id: str
    command: str = ""


class RunState(BaseModel):
    """The current run of a project."""

    run_id: str
    number: int
    plan_version: int
    plan_digest: str
    max_parallel: int
    stop_at_first_failure: bool
    phases: list[str] = Field(default_factory=list[str], description="Names of the phases, in order.")
    next_phase: int = Field(default=0, description="Position of the first phase that has not finished.")
    started_at: str
    paused: bool = False
    conditional: bool = Field(
        default=False, description="The plan has conditions: the record says which tasks and phases are skipped."
    )
    cleans_up: bool = Field(default=False, description="A phase runs in any case, even after a cancel.")
    stopped: bool = Field(default=False, description="An answer has ended the run.")
    edited: int = Field(
        default=0, description="The version that an edit has made and nobody has approved yet. 0: none."
    )


class ProjectState(BaseModel):
    """The part of a project's state that the workflow needs.

    Activities that run concurrently may answer in a different order than they read the state. `seq` tells which state is newer.
    """

    project_id: str
    seq: int = Field(default=0, description="Number of the newest event in this state.")
    name: str = ""
    status: str | None = Field(default=None, description="None: the project does not exist, or was deleted.")
    stage: str | None = None
    strategy: str = ""
    agent_id: str | None = None
    auto_approve_plan: bool = False
    plan_version: int | None = None
    plan_digest: str | None = None
    generating: int | None = Field(default=None, description="The plan version being made.")
    quick_plan: bool = Field(default=False, description="It is made from a short outline: no model is asked.")
    run: RunState | None = None


class Decided(BaseModel):
    """A decision's outcome, and the state after it. `accepted` is true only while its effect is still in force in the record."""

    accepted: bool
    kind: CommandKind
    error: ErrorInfo | None = None
    payload: JsonObject = Field(default_factory=dict)
    erase: bool | None = Field(
        default=None, description="Whether to delete the project. None: decided by a version without commands."
    )
    state: ProjectState


class PlanRequest(BaseModel):
    """Names the plan version that a planner must fill in."""

    project_id: str
    version: int
    error: ErrorInfo | None = Field(default=None, description="Set to record that planning failed.")


class PhaseRef(BaseModel):
    """Identifies a phase of a run, and the first of its tasks to load."""

    project_id: str
    run_id: str
    plan_version: int
    plan_digest: str
    position: int
    offset: int = 0


class TaskProgress(BaseModel):
    """Progress of a task that has already left `pending` when its phase is loaded."""

    status: str
    reason: str | None = None
    recorded_try: int = 0
    due_at: str | None = None
    quarantined: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether its dependents may start: it completed, or a person chose to skip it."""
        return self.status == TaskStatus.COMPLETED or self.reason == SKIPPED_BY_PERSON


class TaskColumns(BaseModel):
    """The tasks of a phase, by column. Dictionaries hold only values that differ from the default."""

    keys: list[str] = Field(default_factory=list[str])
    titles: list[str] = Field(default_factory=list[str])
    types: list[str] = Field(default_factory=list[str])
    dependencies: list[list[int]] = Field(default_factory=list[list[int]])
    modes: dict[int, str] = Field(default_factory=dict[int, str])
    retries: dict[int, int] = Field(default_factory=dict[int, int])
    timeouts: dict[int, float] = Field(default_factory=dict[int, float])
    seconds: dict[int, float] = Field(default_factory=dict[int, float])
    queues: dict[int, str] = Field(default_factory=dict[int, str])
    releases: dict[int, bool] = Field(default_factory=dict[int, bool], description="Tasks that a person must release.")
    progress: dict[int, TaskProgress] = Field(default_factory=dict[int, TaskProgress])

    def extend(self, more: TaskColumns) -> None:
        """Append the next page. Its dictionaries already use positions in the phase."""
        for name in ("keys", "titles", "types", "dependencies"):
            getattr(self, name).extend(getattr(more, name))
        for name in ("modes", "retries", "timeouts", "seconds", "queues", "releases", "progress"):
            getattr(self, name).update(getattr(more, name))


class PhaseWork(BaseModel):
    """A phase to run. `open` is False while its gate is closed.

    `finished`: an earlier run has completed it, or it is skipped. `failed`: it has finished, but a task of it failed.
    `cancelling`: the record says that the run is being cancelled. `run` is set if the plan was edited meanwhile.
    """

    open: bool
    finished: bool = False
    failed: bool = False
    cleans_up: bool = Field(default=False, description="It runs in any case, even after a cancel.")
    cancelling: bool = False
    run: RunState | None = None
    phase_id: str
    name: str
    tasks: TaskColumns = TaskColumns()
    total: int = 0


class PhaseEnd(BaseModel):
    """Asks to close a phase, and says whether it failed."""

    project_id: str
    run_id: str
    phase_id: str
    failed: bool


class PhaseEnded(BaseModel):
    """Whether the phase could be closed. It could not if a task was added to it at the last moment, or an edit must be approved.

    `edited` is the version that an edit has made and nobody has approved yet; 0 if there is none.
    """

    ended: bool = True
    edited: int = 0


class TaskRef(BaseModel):
    """Identifies a task of a run, and one of its tries. `try_number` is the workflow's own count."""

    project_id: str
    run_id: str
    task: str
    try_number: int = 1


class TaskInput(TaskRef):
    """What the activity that runs a task receives: whether this is its last try, and otherwise the pause before the next."""

    last: bool = True
    next_try_in: float = 0.0


class TaskResult(BaseModel):
    """The outcome of an attempt at a task. Outputs and errors are in the database.

    `advise`: it waits for a decision, and a model is asked first. `cancelling`: the record says that the run is being cancelled.
    """

    status: str
    advise: bool = False
    cancelling: bool = False


class AdviceRequest(BaseModel):
    """Names the task whose open decision a model should answer."""

    project_id: str
    run_id: str
    task: str


class OpenTask(TaskInput):
    """A task that must wait, for a person or until `due_at`."""

    reason: WaitReason
    due_at: str | None = None


class SkipTasks(BaseModel):
    """Tasks (by key) that can never start, according to this plan version."""

    project_id: str
    run_id: str
    tasks: list[str]
    reason: str
    plan_version: int | None = None


class SettlePhase(BaseModel):
    """Asks which tasks of a phase will never start, by how the tasks of this plan version have ended."""

    project_id: str
    run_id: str
    phase_id: str
    plan_version: int


class Settled(BaseModel):
    """The tasks of a phase that are skipped, by key, and whether an answer has ended the run.

    `current` is False if the plan was edited meanwhile: the phase must be loaded again.
    """

    skipped: list[str] = Field(default_factory=list[str])
    stopped: bool = False
    current: bool = True


class LostAttempt(TaskRef):
    """An attempt that did not complete. `cancelling`: the run is being cancelled anyway.

    `silent`: its worker has not reported anything within the heartbeat timeout, so it is gone or frozen.
    """

    cause: str
    cancelling: bool = False
    silent: bool = False


class LostOutcome(BaseModel):
    """What happens to the task next: it runs again, a person is asked, or its `status` is final.

    `reload`: the record does not let it start, because the workflow's view of its dependencies is wrong.
    """

    then: Literal["rerun", "ask", "final", "reload"]
    status: str
    failed: bool = Field(default=False, description="The attempt has failed. The next one gets the next number.")
    cancelling: bool = Field(default=False, description="The record says that the run is being cancelled.")
    quarantined: bool = Field(default=False, description="The task runs in its own process from now on.")
    due_at: str | None = Field(default=None, description="When the next attempt is due, if the record says so.")


class RunEnd(BaseModel):
    """Asks to end a run, with its final status."""

    project_id: str
    run_id: str
    status: str
    failure: JsonObject | None = None


class TaskInProgress(BaseModel):
    """A task in progress, as the workflow sees it. `state` is running, retrying, person or timer.

    `queue` is the task queue that hands it out, or None for the workflow's own.
    """

    key: str
    state: str
    try_number: int
    since: str
    queue: str | None = None


class Snapshot(BaseModel):
    """The workflow's own view of its state. `since` is when it entered its stage."""

    project_id: str
    stage: str
    since: str
    phase: str | None = None
    gate: JsonObject | None = None
    draining: bool = False
    in_progress: list[TaskInProgress] = Field(default_factory=list[TaskInProgress])
    requests_waiting: int = 0
    history_events: int = 0
