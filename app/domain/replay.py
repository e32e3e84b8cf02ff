"""Rebuilds plans, runs, phases and tasks from a project's events, so that an audit can compare them with the rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from app.domain.plan import canonical_json
from app.domain.states import FINISHED_PHASE, FINISHED_TASK
from signoff.schemas.events import Event
from signoff.vocabulary import EventType, PhaseStatus, PlanStatus, ProjectStatus, TaskStatus

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


_PLAN_STATUS: dict[str, PlanStatus] = {
    EventType.PLAN_GENERATING: PlanStatus.GENERATING,
    EventType.PLAN_READY: PlanStatus.READY,
    EventType.PLAN_FAILED: PlanStatus.FAILED,
    EventType.PLAN_APPROVED: PlanStatus.APPROVED,
    EventType.PLAN_SUPERSEDED: PlanStatus.SUPERSEDED,
}


@dataclass
class ToldTask:
    """One task, rebuilt from events. `last` is the data of its newest event other than a start."""

    status: str = TaskStatus.PENDING
    attempt: int = 0
    phase_id: str = ""
    last: dict[str, Any] = field(default_factory=dict[str, Any])
    # When the task ended, if it has.
    ended_at: str | None = None


@dataclass
class ToldAttempt:
    """One attempt, rebuilt from events. `log` is the size and checksum of its log; None if no event records its end."""

    started_at: str
    try_number: int | None
    run_id: str | None
    log: dict[str, Any] | None = None
    left_behind: Any = None


@dataclass
class ToldFile:
    """A file as its task left it, or as it was uploaded later. `sha256` is None if the file was missing."""

    size: int | None
    sha256: str | None
    task_id: str | None


@dataclass
class ToldPlan:
    """One plan version, rebuilt from events. A field is None if older events do not contain it."""

    digest: str | None
    created_by: str
    planner: str | None = None
    created_at: str | None = None
    approved_by: str | None = None
    approved_at: str | None = None


@dataclass
class ToldRun:
    """One run, rebuilt from events. A field is None if older events do not contain it."""

    plan_version: int | None
    plan_digest: str | None
    status: str = ProjectStatus.RUNNING
    number: int | None = None
    started_at: str | None = None
    completed_at: str | None = None


@dataclass
class ToldDecision:
    """One decision, rebuilt from events."""

    digest: str
    # Numbers of the events that name it.
    seqs: set[int] = field(default_factory=set[int])
    # Who decided, according to the events that name it.
    actors: set[str] = field(default_factory=set[str])
    # Which plan was approved, according to each event.
    plans: set[tuple[int | None, str | None]] = field(default_factory=set[tuple[int | None, str | None]])


@dataclass
class ToldProject:
    """The creation of a project, rebuilt from events: who created it, and when."""

    created_by: str = ""
    created_at: str = ""


def outputs_hash(outputs: dict[str, Any]) -> str | None:
    """Hash of a task's outputs for the event of its end, so that the event chain covers them. None for no outputs."""
    return hashlib.sha256(canonical_json(outputs)).hexdigest() if outputs else None


class Replay:
    """Rebuilds a project from its events, in order. Altered events may contain anything; invalid data is ignored.

    Attributes:
        project_status: the status that the events give the project.
        plan_version: the current plan version.
        project: the creation of the project.
        run_id: the id of the newest run.
        plans: the plan versions that became ready, by version.
        plan_status: the status of every plan version that was started, by version.
        runs: the runs, by id.
        tasks: the tasks that events mention, by id.
        attempts: the attempts, by task id and number.
        files: the expected files of completed tasks, by path.
        questions: the event data of each question, by id.
        approvals: who approved each phase and when, by phase id.
        decisions: the decisions that events name, by id.
    """

    def __init__(self) -> None:
        self.project_status: str = ProjectStatus.PENDING
        self.plan_version: int | None = None
        self.plans: dict[int, ToldPlan] = {}
        self.plan_status: dict[int, PlanStatus] = {}
        self.runs: dict[str, ToldRun] = {}
        self.project = ToldProject()
        self.tasks: dict[str, ToldTask] = {}
        self.attempts: dict[tuple[str, int], ToldAttempt] = {}
        self.files: dict[str, ToldFile] = {}
        self.questions: dict[str, dict[str, Any]] = {}
        self.approvals: dict[str, tuple[str, str]] = {}
        self.decisions: dict[str, ToldDecision] = {}
        self.run_id: str | None = None
        self._phases: dict[str, PhaseStatus] = {}
        # The status of phases that no event mentions.
        self._other_phases = PhaseStatus.PENDING
        self._new_plan = False

    def take(self, event: Event) -> None:
        """Apply the next event."""
        kind, data, actor = event.type, event.data, event.actor
        if self._new_plan:
            # An edit during a run is recognized by its approval, which follows directly. Any other new plan starts over.
            self._new_plan = False
            if not (kind == EventType.PLAN_APPROVED and "run_id" in data):
                self._start_over()
        decision_id = _text(data, "decision_id")
        if decision_id:
            told = self.decisions.setdefault(decision_id, ToldDecision(_text(data, "decision_hash")))
            told.seqs.add(event.seq)
            told.actors.add(actor)
            if kind == EventType.PLAN_APPROVED:
                told.plans.add((_number(data, "plan_version"), _text(data, "plan_digest")))
        if kind in _TASK_STATUS:
            self._task(kind, data, event.at)
        elif kind in _PHASE_STATUS:
            self._phases[_text(data, "phase_id")] = _PHASE_STATUS[kind]
        elif kind == EventType.RUN_STARTED:
            self._begin(data)
        elif kind in _ENDS:
            self._end_run(_ENDS[kind], data, event.at)
        elif kind in _PLAN_STATUS:
            self._plan(kind, data, actor)
        else:
            self._single(event)

    def _single(self, event: Event) -> None:
        """Apply an event that completely describes one thing."""
        data = event.data
        if event.type == EventType.PROJECT_CREATED:
            self.project = ToldProject(event.actor, event.at)
        elif event.type == EventType.PHASE_APPROVED:
            self.approvals[_text(data, "phase_id")] = (event.actor, event.at)
        elif event.type == EventType.DECISION_REQUESTED:
            self.questions[_text(data, "question_id")] = data
        elif event.type == EventType.FILE_UPLOADED:
            self.files[_text(data, "path")] = ToldFile(_number(data, "size"), _text(data, "sha256"), None)

    def end(self) -> None:
        """Finish: there are no more events."""
        if self._new_plan:
            self._start_over()

    def phase_status(self, phase_id: str) -> PhaseStatus:
        """The status of a phase according to the events."""
        return self._phases.get(phase_id, self._other_phases)

    def _plan(self, kind: str, data: dict[str, Any], actor: str) -> None:
        version = data.get("plan_version")
        if not isinstance(version, int):
            return
        self.plan_status[version] = _PLAN_STATUS[kind]
        if kind == EventType.PLAN_READY:
            self._new_plan = True
            self.plan_version = version
            self.plans[version] = ToldPlan(
                _text(data, "plan_digest"), actor, _text(data, "planner") or None, _text(data, "created_at") or None
            )
        elif kind == EventType.PLAN_APPROVED:
            if version in self.plans:
                self.plans[version].approved_by = actor
                self.plans[version].approved_at = _text(data, "approved_at") or None
            run = self.runs.get(_text(data, "run_id"))
            if run is not None:
                run.plan_version, run.plan_digest = version, _text(data, "plan_digest")

    def _task(self, kind: str, data: dict[str, Any], at: str) -> None:
        task_id = _text(data, "task_id")
        task = self.tasks.setdefault(task_id, ToldTask())
        task.status = _TASK_STATUS[kind]
        task.phase_id = _text(data, "phase_id")
        task.ended_at = at if task.status in FINISHED_TASK else None
        attempt = _number(data, "attempt") or 0
        task.attempt = max(task.attempt, attempt)
        task.last = {} if kind == EventType.TASK_STARTED else data
        if kind == EventType.TASK_STARTED:
            self.attempts[task_id, attempt] = ToldAttempt(at, _number(data, "try"), self.run_id)
        elif (task_id, attempt) in self.attempts and isinstance(data.get("log"), dict):
            self.attempts[task_id, attempt].log = data["log"]
        if kind != EventType.TASK_STARTED and (task_id, attempt) in self.attempts and "left_behind" in data:
            self.attempts[task_id, attempt].left_behind = data["left_behind"]
        files = data.get("files")
        if kind == EventType.TASK_COMPLETED and isinstance(files, dict):
            for path, left in files.items():  # pyright: ignore[reportUnknownVariableType]
                made: dict[str, Any] = left if isinstance(left, dict) else {}  # pyright: ignore[reportUnknownVariableType]
                self.files[str(path)] = ToldFile(_number(made, "size"), _text(made, "sha256") or None, task_id)  # pyright: ignore[reportUnknownArgumentType]

    def _begin(self, data: dict[str, Any]) -> None:
        self.project_status = ProjectStatus.RUNNING
        version = data.get("plan_version")
        run_id = self.run_id = _text(data, "run_id")
        self.runs[run_id] = ToldRun(
            version if isinstance(version, int) else None,
            _text(data, "plan_digest"),
            number=_number(data, "run_number"),
            started_at=_text(data, "started_at") or None,
        )
        reset = data.get("reset")
        reopened: set[str] = set()
        for task_id in reset if isinstance(reset, list) else ():  # pyright: ignore[reportUnknownVariableType]
            task = self.tasks.get(str(task_id), ToldTask())  # pyright: ignore[reportUnknownArgumentType]
            reopened.add(task.phase_id)
            self.tasks[str(task_id)] = ToldTask(attempt=task.attempt)  # pyright: ignore[reportUnknownArgumentType]
        done = PhaseStatus.COMPLETED
        self._phases = {name: done for name, at in self._phases.items() if at == done and name not in reopened}
        self._other_phases = PhaseStatus.PENDING

    def _end_run(self, status: ProjectStatus, data: dict[str, Any], at: str) -> None:
        self.project_status = status
        run = self.runs.get(_text(data, "run_id"))
        if run is not None:
            run.status, run.completed_at = status, at
        # Phases that end with their project have no separate event.
        for name, where in self._phases.items():
            if where not in FINISHED_PHASE:
                self._phases[name] = PhaseStatus.CANCELLED
        self._other_phases = PhaseStatus.CANCELLED

    def _start_over(self) -> None:
        self._new_plan = False
        self.project_status = ProjectStatus.PENDING
        self._phases, self._other_phases = {}, PhaseStatus.PENDING
        self.approvals.clear()
        for task_id, task in self.tasks.items():
            self.tasks[task_id] = ToldTask(attempt=task.attempt)


def _number(data: dict[str, Any], name: str) -> int | None:
    value = data.get(name)
    return value if isinstance(value, int) else None


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""
