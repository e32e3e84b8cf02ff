"""The state of a project, built from its plan and its events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.identity import parse_time

Json = dict[str, Any]

# The reasons with which a task waits for a person to do it.
PERSON_REASONS = frozenset({"manual"})
FINISHED = frozenset({"completed", "failed", "cancelled", "skipped"})
_TASK_STATUS = {
    "task.started": "running",
    "task.waiting": "waiting",
    "task.retrying": "waiting",
    "task.completed": "completed",
    "task.failed": "failed",
    "task.cancelled": "cancelled",
    "task.skipped": "skipped",
}
_PHASE_STATUS = {
    "phase.started": "running",
    "phase.approved": "running",
    "phase.completed": "completed",
    "phase.failed": "failed",
    "phase.skipped": "skipped",
    "phase.awaiting_approval": "awaiting_approval",
}
_STAGE = {
    "plan.generating": "planning",
    "plan.ready": "awaiting_approval",
    "plan.approved": "executing",
    "run.started": "executing",
    "run.cancelling": "cancelling",
    "run.paused": "paused",
    "run.resumed": "executing",
    "project.completed": "completed",
    "project.failed": "failed",
    "project.cancelled": "cancelled",
    "project.deleted": "deleted",
}


# Stages in which a run is in progress. It may also wait for a person.
_IN_PROGRESS = frozenset({"executing", "paused"})


@dataclass(frozen=True)
class Question:
    """A decision that a task asks for. Without options, any answer is valid."""

    id: str
    text: str
    options: tuple[str, ...]


@dataclass
class TaskState:
    """The state of one task according to its events; `since` is when it got its status."""

    id: str
    key: str
    title: str
    status: str = "pending"
    attempt: int = 0
    since: datetime | None = None
    note: str = ""
    needs_person: bool = False
    question: Question | None = None


@dataclass
class PhaseState:
    """The state of one phase, and of its tasks by id."""

    id: str
    name: str
    status: str = "pending"
    tasks: dict[str, TaskState] = field(default_factory=dict[str, TaskState])

    def count(self, *statuses: str) -> int:
        """The number of tasks with one of these statuses."""
        return sum(task.status in statuses for task in self.tasks.values())


class Progress:
    """Follows a project: `show_plan` sets its phases and tasks, `apply` updates them."""

    def __init__(self, project_id: str, name: str) -> None:
        self.project_id = project_id
        self.name = name
        self.stage = ""
        self._stage_before_planning = "draft"
        self.plan_version = 0
        self.started_at: datetime | None = None
        self.phases: dict[str, PhaseState] = {}
        self._tasks: dict[str, TaskState] = {}

    def show_plan(self, plan: Json) -> None:
        """Take the phases and tasks from `plan`. Tasks that exist already keep their state."""
        previous, self._tasks, phases = self._tasks, {}, self.phases
        self.phases = {}
        self.plan_version = plan["version"]
        for row in plan["phases"]:
            status = phases[row["id"]].status if row["id"] in phases else "pending"
            phase = self.phases[row["id"]] = PhaseState(row["id"], row["name"], status)
            for item in row["tasks"]:
                task = previous.get(item["id"]) or TaskState(item["id"], item["key"], item["title"])
                phase.tasks[task.id] = self._tasks[task.id] = task

    def needs_plan(self, event: Json) -> bool:
        """Whether `event` announces a plan newer than the one shown."""
        return event["type"] == "plan.ready" and event["data"].get("plan_version", 0) > self.plan_version

    def apply(self, event: Json) -> None:
        """Apply one event. Events about tasks and phases that are not in the plan change nothing."""
        kind, data = event["type"], event["data"]
        at = parse_time(event["at"])
        if kind == "plan.generating":
            self._stage_before_planning = self.stage or "draft"
        self.stage = self._stage_before_planning if kind == "plan.failed" else _STAGE.get(kind, self.stage)
        task, phase = self._tasks.get(data.get("task_id", "")), self.phases.get(data.get("phase_id", ""))
        if kind == "run.started":
            self._start_run(at)
        elif kind == "project.updated":
            self.name = data.get("name", self.name)
        elif task is not None and kind == "decision.requested":
            task.question = Question(data["question_id"], data["question"], tuple(data.get("options") or ()))
        elif task is not None and (kind in _TASK_STATUS or kind == "decision.made"):
            _move(task, kind, data, at)
        elif phase is not None and kind in _PHASE_STATUS:
            phase.status = _PHASE_STATUS[kind]

    def task(self, task_id: str) -> TaskState | None:
        """The task with this id, or None if the plan does not have it."""
        return self._tasks.get(task_id)

    def person_tasks(self) -> list[TaskState]:
        """The tasks that wait for a person to do them."""
        return [task for task in self._tasks.values() if task.needs_person]

    def open_questions(self) -> list[tuple[TaskState, Question]]:
        """The open decisions, each with the task that asks for it."""
        if self.stage not in _IN_PROGRESS:
            return []
        return [(task, task.question) for task in self._tasks.values() if task.question is not None]

    def gate(self) -> PhaseState | None:
        """The phase that waits for approval, or None."""
        if self.stage not in _IN_PROGRESS:
            return None
        return next((phase for phase in self.phases.values() if phase.status == "awaiting_approval"), None)

    def waits_for(self) -> str:
        """The stage, or what a run in progress waits for."""
        if self.stage != "executing":
            return self.stage
        if self.gate() is not None:
            return "awaiting_phase_approval"
        return "awaiting_decision" if self.open_questions() else self.stage

    def _start_run(self, at: datetime) -> None:
        # A retry keeps completed tasks and phases.
        self.started_at = at
        for task in self._tasks.values():
            if task.status != "completed":
                task.status, task.note, task.needs_person, task.question = "pending", "", False, None
        for phase in self.phases.values():
            if phase.status != "completed":
                phase.status = "pending"


def _move(task: TaskState, kind: str, data: Json, at: datetime) -> None:
    # Any later event about the task means that its question is settled.
    task.question = None
    if kind == "decision.made":
        return
    task.status = _TASK_STATUS[kind]
    task.since = at
    task.attempt = data.get("attempt", task.attempt)
    task.needs_person = kind == "task.waiting" and data.get("reason") in PERSON_REASONS
    task.note = _note(kind, data)


def _note(kind: str, data: Json) -> str:
    error: Json = data.get("error") or {}
    if kind == "task.retrying":
        pause = data.get("next_try_in")
        next_attempt = f"next attempt in {pause:g} s" if pause else "will be retried"
        return f"{error.get('message', 'failed')}; {next_attempt}"
    if kind == "task.waiting" and data.get("due_at"):
        return f"until {data['due_at']}"
    return error.get("message") or str(data.get("reason") or "").replace("_", " ")
