"""What the terminal shows of a project: its plan, with the state that the events give its phases and tasks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.cli.frozen import seen
from app.domain.identity import parse_time
from app.domain.reducer import ProjectState
from signoff.schemas.event_data import (
    DecisionMade,
    PhaseApproved,
    PhaseAwaitingApproval,
    PlanApproved,
    PlanDiscarded,
    PlanReady,
    TaskRetrying,
    TaskWaiting,
)
from signoff.vocabulary import GateKind, PhaseStatus, ProjectStatus, Stage, WaitReason

if TYPE_CHECKING:
    from datetime import datetime

    from app.cli.display import Json
    from app.domain.reducer import TaskState
    from signoff.schemas.events import Event
    from signoff.vocabulary import TaskStatus

# The reasons with which a task waits for a person to do it.
PERSON_REASONS = frozenset({WaitReason.MANUAL, WaitReason.RELEASE})
FINISHED = frozenset({"completed", "failed", "cancelled", "skipped"})


@dataclass(frozen=True)
class Question:
    """A decision that a task asks for. Without options, any answer is valid."""

    id: str
    text: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class ShownTask:
    """A task of the plan, with its state."""

    id: str
    key: str
    title: str
    project: ProjectState

    @property
    def _state(self) -> TaskState:
        return self.project.task(self.id)

    @property
    def status(self) -> TaskStatus:
        """The task's status."""
        return self._state.status

    @property
    def attempt(self) -> int:
        """The number of its newest attempt; 0 if there is none."""
        return self._state.attempt

    @property
    def since(self) -> datetime | None:
        """When it got its status."""
        return parse_time(self._state.since) if self._state.since is not None else None

    @property
    def note(self) -> str:
        """Why it has its status, for a person."""
        return _note(self._state)

    @property
    def needs_person(self) -> bool:
        """Whether it waits for a person to do it."""
        last = self._state.last
        return isinstance(last, TaskWaiting) and last.reason in PERSON_REASONS

    @property
    def awaits_release(self) -> bool:
        """Whether a person must release it before it starts."""
        last = self._state.last
        return isinstance(last, TaskWaiting) and last.reason == WaitReason.RELEASE

    @property
    def question(self) -> Question | None:
        """The open decision that it asks for."""
        asked = self._state.question
        return Question(asked.question_id, asked.question, tuple(asked.options)) if asked is not None else None


@dataclass(frozen=True)
class ShownPhase:
    """A phase of the plan, with its state and its tasks by id."""

    id: str
    name: str
    project: ProjectState
    tasks: dict[str, ShownTask] = field(default_factory=dict[str, ShownTask])

    @property
    def status(self) -> PhaseStatus:
        """The phase's status."""
        return self.project.phase_status(self.id)

    def count(self, *statuses: str) -> int:
        """The number of tasks with one of these statuses."""
        return sum(task.status in statuses for task in self.tasks.values())


class Progress:
    """Follows a project: `show_plan` sets its phases and tasks, `apply` updates their state."""

    def __init__(self, project_id: str, name: str) -> None:
        self.project_id = project_id
        self.name = name
        self.plan_version = 0
        self.phases: dict[str, ShownPhase] = {}
        self._tasks: dict[str, ShownTask] = {}
        self._state = ProjectState()
        self._undo: dict[str, str] = {}
        # What an approval is bound to: the version that is shown, with all that it freezes.
        self.bound: Json = {}

    @property
    def stage(self) -> str:
        """What the project is doing or waiting for, or how it ended."""
        if self._state.deleted:
            return "deleted"
        return self._state.status if self._state.stage == Stage.FINISHED else self._state.stage

    @property
    def is_run_edited(self) -> bool:
        """Whether a run is in progress, and an edit of its plan waits for approval."""
        return self._in_progress and self._state.stage == Stage.AWAITING_APPROVAL

    @property
    def started_at(self) -> datetime | None:
        """When the newest run began."""
        at = self._state.run_started_at
        return parse_time(at) if at is not None else None

    def show_plan(self, plan: Json) -> None:
        """Take the phases and tasks from `plan`."""
        self.phases, self._tasks = {}, {}
        self.plan_version = plan["version"]
        self.bound = seen(plan)
        for row in plan["phases"]:
            phase = self.phases[row["id"]] = ShownPhase(row["id"], row["name"], self._state)
            for item in row["tasks"]:
                task = ShownTask(item["id"], item["key"], item["title"], self._state)
                phase.tasks[task.id] = self._tasks[task.id] = task

    def needs_plan(self, event: Event) -> bool:
        """Whether another plan than the one shown is in force since `event`."""
        data = event.payload
        # If an edit of the run is discarded, the version before it stays in force.
        return isinstance(data, PlanDiscarded) or (
            isinstance(data, PlanReady) and data.plan_version > self.plan_version
        )

    def apply(self, event: Event) -> None:
        """Apply one event."""
        data = event.payload
        self._state.take(data, event.at)
        if isinstance(data, DecisionMade) and data.gate is not None:
            until, kind = data.gate.get("undo_until"), str(data.gate.get("kind"))
            self._undo = {**self._undo, kind: str(until)} if until is not None else _without(self._undo, kind)
        elif isinstance(data, PlanReady | PlanDiscarded | PlanApproved):
            self._undo = _without(self._undo, GateKind.PLAN, GateKind.EDIT)
        elif isinstance(data, PhaseAwaitingApproval | PhaseApproved):
            self._undo = _without(self._undo, GateKind.PHASE)

    def undo_until(self, *kinds: GateKind) -> str | None:
        """Until when the approval of something that waits can be withdrawn; None if it has not got its approvals."""
        return next((self._undo[kind] for kind in kinds if kind in self._undo), None)

    def task(self, task_id: str) -> ShownTask | None:
        """The task with this id, or None if the plan does not have it."""
        return self._tasks.get(task_id)

    def person_tasks(self) -> list[ShownTask]:
        """The tasks that wait for a person to do them."""
        return [task for task in self._tasks.values() if task.needs_person]

    def open_questions(self) -> list[tuple[ShownTask, Question]]:
        """The open decisions, each with the task that asks for it."""
        if not self._in_progress:
            return []
        return [(task, task.question) for task in self._tasks.values() if task.question is not None]

    def gate(self) -> ShownPhase | None:
        """The phase that waits for approval, or None."""
        if not self._in_progress:
            return None
        return next((phase for phase in self.phases.values() if phase.status == PhaseStatus.AWAITING_APPROVAL), None)

    @property
    def _in_progress(self) -> bool:
        """Whether a run is in progress and not being cancelled. It may also wait for a person."""
        return self._state.status == ProjectStatus.RUNNING and self._state.stage != Stage.CANCELLING


def _without(undo: dict[str, str], *kinds: str) -> dict[str, str]:
    return {kind: until for kind, until in undo.items() if kind not in kinds}


def _note(task: TaskState) -> str:
    last = task.last
    if last is None:
        return ""
    error = last.error or {}
    if isinstance(last, TaskRetrying):
        pause = last.next_try_in
        next_attempt = f"next attempt in {pause:g} s" if pause else "will be retried"
        return f"{error.get('message', 'failed')}; {next_attempt}"
    if isinstance(last, TaskWaiting) and last.due_at:
        return f"until {last.due_at}"
    return str(error.get("message") or "") or (last.reason or "").replace("_", " ")
