"""What a project's events say of its plans, runs, phases and tasks, to be held against the rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from app.domain.events import EventType
from app.domain.plan import canonical_json
from app.domain.states import FINISHED_PHASE, PhaseStatus, ProjectStatus, TaskStatus

_TASK_STATUS: dict[str, TaskStatus] = {
    EventType.TASK_STARTED: TaskStatus.RUNNING,
    EventType.TASK_WAITING: TaskStatus.WAITING,
    EventType.TASK_RETRYING: TaskStatus.WAITING,
    EventType.TASK_COMPLETED: TaskStatus.COMPLETED,
    EventType.TASK_FAILED: TaskStatus.FAILED,
    EventType.TASK_CANCELLED: TaskStatus.CANCELLED,
    EventType.TASK_SKIPPED: TaskStatus.SKIPPED,
}
_PHASE_STATUS: dict[str, PhaseStatus] = {
    EventType.PHASE_AWAITING_APPROVAL: PhaseStatus.AWAITING_APPROVAL,
    EventType.PHASE_STARTED: PhaseStatus.RUNNING,
    EventType.PHASE_COMPLETED: PhaseStatus.COMPLETED,
    EventType.PHASE_FAILED: PhaseStatus.FAILED,
    EventType.PHASE_SKIPPED: PhaseStatus.SKIPPED,
}
_ENDS: dict[str, ProjectStatus] = {
    EventType.PROJECT_COMPLETED: ProjectStatus.COMPLETED,
    EventType.PROJECT_FAILED: ProjectStatus.FAILED,
    EventType.PROJECT_CANCELLED: ProjectStatus.CANCELLED,
}


@dataclass
class ToldTask:
    """What the events say of one task; `last` is the data of the newest event about it that was no start."""

    status: str = TaskStatus.PENDING
    attempt: int = 0
    phase_id: str = ""
    last: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass
class ToldPlan:
    """What the events say of one plan version."""

    digest: str | None
    created_by: str
    approved_by: str | None = None


@dataclass
class ToldRun:
    """What the events say of one run."""

    plan_version: int | None
    plan_digest: str | None
    status: str = ProjectStatus.RUNNING


def outputs_hash(outputs: dict[str, Any]) -> str | None:
    """What the event of a task's end carries, so that the chain of events covers its outputs; None for none."""
    return hashlib.sha256(canonical_json(outputs)).hexdigest() if outputs else None


class Replay:
    """Takes events in, in order. What somebody has altered may say anything: it is passed over where it makes no sense.

    Attributes:
        project_status: the status that the project's own events give it.
        plan_version: the version that is current.
        plans: by version, those that became ready.
        runs: by id.
        tasks: by id, those that something was told of.
        sealed: the hash of each decision that an event names, by its id.
    """

    def __init__(self) -> None:
        self.project_status: str = ProjectStatus.PENDING
        self.plan_version: int | None = None
        self.plans: dict[int, ToldPlan] = {}
        self.runs: dict[str, ToldRun] = {}
        self.tasks: dict[str, ToldTask] = {}
        self.sealed: dict[str, str] = {}
        self._phases: dict[str, PhaseStatus] = {}
        # The status of phases that nothing was told of.
        self._other_phases = PhaseStatus.PENDING
        self._new_plan = False

    def take(self, kind: str, data: dict[str, Any], actor: str) -> None:
        """One more event."""
        if self._new_plan:
            # An edit in the middle of a run is told by its approval right behind it; any other new plan begins anew.
            self._new_plan = False
            if not (kind == EventType.PLAN_APPROVED and "run_id" in data):
                self._start_over()
        decision_id = _text(data, "decision_id")
        if decision_id:
            self.sealed[decision_id] = _text(data, "decision_hash")
        if kind in _TASK_STATUS:
            self._task(kind, data)
        elif kind in _PHASE_STATUS:
            self._phases[_text(data, "phase_id")] = _PHASE_STATUS[kind]
        elif kind == EventType.RUN_STARTED:
            self._begin(data)
        elif kind in _ENDS:
            self._end_run(_ENDS[kind], data)
        else:
            self._plan(kind, data, actor)

    def end(self) -> None:
        """There are no more events."""
        if self._new_plan:
            self._start_over()

    def phase_status(self, phase_id: str) -> PhaseStatus:
        """The status that the events give a phase."""
        return self._phases.get(phase_id, self._other_phases)

    def _plan(self, kind: str, data: dict[str, Any], actor: str) -> None:
        version = data.get("plan_version")
        if not isinstance(version, int):
            return
        if kind == EventType.PLAN_READY:
            self._new_plan = True
            self.plan_version = version
            self.plans[version] = ToldPlan(_text(data, "plan_digest"), actor)
        elif kind == EventType.PLAN_APPROVED:
            if version in self.plans:
                self.plans[version].approved_by = actor
            run = self.runs.get(_text(data, "run_id"))
            if run is not None:
                run.plan_version, run.plan_digest = version, _text(data, "plan_digest")

    def _task(self, kind: str, data: dict[str, Any]) -> None:
        told = self.tasks.setdefault(_text(data, "task_id"), ToldTask())
        told.status = _TASK_STATUS[kind]
        told.phase_id = _text(data, "phase_id")
        attempt = data.get("attempt")
        told.attempt = max(told.attempt, attempt if isinstance(attempt, int) else 0)
        told.last = {} if kind == EventType.TASK_STARTED else data

    def _begin(self, data: dict[str, Any]) -> None:
        self.project_status = ProjectStatus.RUNNING
        version = data.get("plan_version")
        run = ToldRun(version if isinstance(version, int) else None, _text(data, "plan_digest"))
        self.runs[_text(data, "run_id")] = run
        reset = data.get("reset")
        reopened: set[str] = set()
        for task_id in reset if isinstance(reset, list) else ():  # pyright: ignore[reportUnknownVariableType]
            told = self.tasks.get(str(task_id), ToldTask())  # pyright: ignore[reportUnknownArgumentType]
            reopened.add(told.phase_id)
            self.tasks[str(task_id)] = ToldTask(attempt=told.attempt)  # pyright: ignore[reportUnknownArgumentType]
        done = PhaseStatus.COMPLETED
        self._phases = {name: done for name, at in self._phases.items() if at == done and name not in reopened}
        self._other_phases = PhaseStatus.PENDING

    def _end_run(self, status: ProjectStatus, data: dict[str, Any]) -> None:
        self.project_status = status
        run = self.runs.get(_text(data, "run_id"))
        if run is not None:
            run.status = status
        # Phases that end with their project have no event of their own.
        for name, at in self._phases.items():
            if at not in FINISHED_PHASE:
                self._phases[name] = PhaseStatus.CANCELLED
        self._other_phases = PhaseStatus.CANCELLED

    def _start_over(self) -> None:
        self._new_plan = False
        self.project_status = ProjectStatus.PENDING
        self._phases, self._other_phases = {}, PhaseStatus.PENDING
        for task_id, told in self.tasks.items():
            self.tasks[task_id] = ToldTask(attempt=told.attempt)


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""
