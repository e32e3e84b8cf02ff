"""What a project's events add up to: its status and stage, and the state of its phases and tasks.

The page has the same reducer in TypeScript. Both must pass the cases in `tests/cases/reducer.json`.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.command_kinds import CommandKind
from app.domain.states import FINISHED_PHASE, FINISHED_TASK
from signoff.schemas.event_data import (
    DecisionMade,
    DecisionRequested,
    EventData,
    PhaseData,
    PlanApproved,
    PlanChangesRequested,
    PlanDiscarded,
    PlanFailed,
    PlanGenerating,
    PlanReady,
    PlanSuperseded,
    ProjectDeleted,
    ProjectEnded,
    RunCancelling,
    RunPaused,
    RunResumed,
    RunStarted,
    TaskMoved,
    TaskStarted,
)
from signoff.vocabulary import EventType, PhaseStatus, ProjectStatus, Stage, TaskStatus

_TASK_STATUS = {
    EventType.TASK_STARTED: TaskStatus.RUNNING,
    EventType.TASK_WAITING: TaskStatus.WAITING,
    EventType.TASK_RETRYING: TaskStatus.WAITING,
    EventType.TASK_COMPLETED: TaskStatus.COMPLETED,
    EventType.TASK_FAILED: TaskStatus.FAILED,
    EventType.TASK_CANCELLED: TaskStatus.CANCELLED,
    EventType.TASK_SKIPPED: TaskStatus.SKIPPED,
}
_PHASE_STATUS = {
    EventType.PHASE_AWAITING_APPROVAL: PhaseStatus.AWAITING_APPROVAL,
    EventType.PHASE_APPROVED: PhaseStatus.RUNNING,
    EventType.PHASE_STARTED: PhaseStatus.RUNNING,
    EventType.PHASE_COMPLETED: PhaseStatus.COMPLETED,
    EventType.PHASE_FAILED: PhaseStatus.FAILED,
    EventType.PHASE_SKIPPED: PhaseStatus.SKIPPED,
}
_PROJECT_STATUS = {
    EventType.PROJECT_COMPLETED: ProjectStatus.COMPLETED,
    EventType.PROJECT_FAILED: ProjectStatus.FAILED,
    EventType.PROJECT_CANCELLED: ProjectStatus.CANCELLED,
}


@dataclass
class TaskState:
    """The state of one task.

    Attributes:
        since: when it got its status.
        last: the data of its newest event other than a start. None while it runs or before it has run.
        question: the open decision that it asks for.
    """

    status: TaskStatus = TaskStatus.PENDING
    attempt: int = 0
    phase_id: str = ""
    since: str | None = None
    last: TaskMoved | None = None
    question: DecisionRequested | None = None

    @property
    def ended_at(self) -> str | None:
        """When the task ended, if it has."""
        return self.since if self.status in FINISHED_TASK else None


class ProjectState:
    """The state of a project after the events that it has taken, in order.

    Attributes:
        status: the project's status.
        plan_version: the current plan version.
        run_started_at: when the newest run began.
        deleted: whether the project was deleted.
        tasks: the tasks that events mention, by id.
    """

    def __init__(self) -> None:
        self.status = ProjectStatus.PENDING
        self.plan_version: int | None = None
        self.run_started_at: str | None = None
        self.deleted = False
        self.tasks: dict[str, TaskState] = {}
        self._phases: dict[str, PhaseStatus] = {}
        # The status of phases that no event mentions.
        self._other_phases = PhaseStatus.PENDING
        self._stage = self._former_stage = Stage.DRAFT
        self._paused = False
        # The version that an edit of the run has made, while it waits for approval.
        self._edited: int | None = None
        # The approvals that have withdrawn a request for changes.
        self._withdrew_request: set[str] = set()

    @property
    def stage(self) -> Stage:
        """What the project is doing or waiting for."""
        if self.status != ProjectStatus.RUNNING or self._stage != Stage.EXECUTING:
            return self._stage
        if self._paused:
            return Stage.PAUSED
        if self._edited is not None:
            return Stage.AWAITING_APPROVAL
        if any(task.question is not None for task in self.tasks.values()):
            return Stage.AWAITING_DECISION
        gated = PhaseStatus.AWAITING_APPROVAL in self._phases.values()
        return Stage.AWAITING_PHASE_APPROVAL if gated else Stage.EXECUTING

    def task(self, task_id: str) -> TaskState:
        """The state of a task. It is pending if no event mentions it."""
        return self.tasks.get(task_id) or TaskState()

    def phase_status(self, phase_id: str) -> PhaseStatus:
        """The status of a phase."""
        return self._phases.get(phase_id, self._other_phases)

    def take(self, data: EventData | None, at: str) -> None:
        """Apply the next event. Events of unknown types change nothing."""
        match data:
            case TaskStarted() | TaskMoved():
                self._move_task(data, at)
            case PhaseData():
                self._phases[data.phase_id] = _PHASE_STATUS[data.type]
            case DecisionRequested():
                self.tasks.setdefault(data.task_id, TaskState(phase_id=data.phase_id)).question = data
            case DecisionMade():
                self._take_decision(data)
            case PlanGenerating():
                self._former_stage, self._stage = self._stage, Stage.PLANNING
            case PlanFailed():
                self._stage = self._former_stage
            case PlanChangesRequested():
                self._stage = Stage.CHANGES_REQUESTED
            case PlanReady() | PlanSuperseded() | PlanDiscarded() | PlanApproved():
                self._take_version(data)
            case ProjectDeleted():
                self.deleted = True
            case _:
                self._take_run(data, at)

    def _take_decision(self, data: DecisionMade) -> None:
        if data.task_id in self.tasks:
            self.tasks[data.task_id].question = None
        if data.withdrawn is not None and data.kind == CommandKind.APPROVE:
            self._stage = Stage.AWAITING_APPROVAL
            self._withdrew_request.add(data.decision_id or "")
        elif data.kind == CommandKind.WITHDRAW and data.withdrawn in self._withdrew_request:
            self._stage = Stage.CHANGES_REQUESTED

    def _take_run(self, data: EventData | None, at: str) -> None:
        match data:
            case RunStarted():
                self._start_run(data, at)
            case RunPaused():
                self._paused = True
            case RunResumed():
                self._paused = False
            case RunCancelling():
                self._stage = Stage.CANCELLING
            case ProjectEnded():
                self._end(_PROJECT_STATUS[data.type])
            case _:
                pass

    def _take_version(self, data: PlanReady | PlanSuperseded | PlanDiscarded | PlanApproved) -> None:
        match data:
            case PlanReady():
                self._take_plan(data)
            case PlanSuperseded() | PlanDiscarded():
                self._edited = None if self._edited == data.plan_version else self._edited
            case PlanApproved():
                self.plan_version = data.plan_version or self.plan_version
                self._edited = None

    def _take_plan(self, data: PlanReady) -> None:
        if self.status == ProjectStatus.RUNNING:
            # An edit during a run. Its version takes effect when it is approved.
            self._edited = data.plan_version
            return
        self.plan_version = data.plan_version or self.plan_version
        self.status, self._stage = ProjectStatus.PENDING, Stage.AWAITING_APPROVAL
        done = set(data.kept_phases or ())
        self._phases = {name: status for name, status in self._phases.items() if name in done}
        self._other_phases = PhaseStatus.PENDING
        kept = set(data.kept or ())
        self._reset([name for name in self.tasks if name not in kept])

    def _move_task(self, data: TaskStarted | TaskMoved, at: str) -> None:
        task = self.tasks.setdefault(data.task_id, TaskState())
        task.status, task.since, task.phase_id = _TASK_STATUS[data.type], at, data.phase_id
        task.attempt = max(task.attempt, data.attempt or 0)
        task.last = data if isinstance(data, TaskMoved) else None
        # Any later event about the task means that its question is settled.
        task.question = None

    def _start_run(self, data: RunStarted, at: str) -> None:
        self.status, self._stage, self._paused = ProjectStatus.RUNNING, Stage.EXECUTING, False
        self.run_started_at = at
        again = data.reset
        if again is None:
            # The first run of a plan names no tasks: none of them has started.
            again = [name for name, task in self.tasks.items() if task.status != TaskStatus.COMPLETED]
        reopened = {self.task(name).phase_id for name in again}
        self._reset(again)
        done = PhaseStatus.COMPLETED
        self._phases = {name: done for name, at in self._phases.items() if at == done and name not in reopened}
        self._other_phases = PhaseStatus.PENDING

    def _reset(self, task_ids: list[str]) -> None:
        for name in task_ids:
            # The count of attempts continues.
            self.tasks[name] = TaskState(attempt=self.task(name).attempt)

    def _end(self, status: ProjectStatus) -> None:
        self.status, self._stage, self._paused = status, Stage.FINISHED, False
        self._edited = None
        # Phases that end with their project have no separate event.
        for name, phase in self._phases.items():
            if phase not in FINISHED_PHASE:
                self._phases[name] = PhaseStatus.CANCELLED
        self._other_phases = PhaseStatus.CANCELLED
        for task in self.tasks.values():
            task.question = None
