"""What a project's events say of its tasks, to be held against the rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from app.domain.events import EventType
from app.domain.plan import canonical_json
from app.domain.states import TaskStatus

_STATUS: dict[str, TaskStatus] = {
    EventType.TASK_STARTED: TaskStatus.RUNNING,
    EventType.TASK_WAITING: TaskStatus.WAITING,
    EventType.TASK_RETRYING: TaskStatus.WAITING,
    EventType.TASK_COMPLETED: TaskStatus.COMPLETED,
    EventType.TASK_FAILED: TaskStatus.FAILED,
    EventType.TASK_CANCELLED: TaskStatus.CANCELLED,
    EventType.TASK_SKIPPED: TaskStatus.SKIPPED,
}

_ENDS = frozenset({EventType.PROJECT_COMPLETED, EventType.PROJECT_FAILED, EventType.PROJECT_CANCELLED})


@dataclass
class ToldTask:
    """What the events say of one task; `ending` is the data of the event that completed or failed it."""

    status: str = TaskStatus.PENDING
    attempt: int = 0
    ending: dict[str, Any] = field(default_factory=dict[str, Any])


def outputs_hash(outputs: dict[str, Any]) -> str | None:
    """What the event of a task's end carries, so that the chain of events covers its outputs; None for none."""
    return hashlib.sha256(canonical_json(outputs)).hexdigest() if outputs else None


class Replay:
    """Takes events in, in order.

    Attributes:
        tasks: by id what was told of each.
        project_status: the status that the project's own events give it.
        sealed: the hash of each decision that an event names, by its id.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, ToldTask] = {}
        self.project_status = "pending"
        self.sealed: dict[str, str] = {}
        self._new_plan = False

    def take(self, kind: str, data: dict[str, Any]) -> None:
        """One more event."""
        if self._new_plan:
            # An edit in the middle of a run is told by its approval right behind it; any other new plan begins anew.
            self._new_plan = False
            if not (kind == EventType.PLAN_APPROVED and "run_id" in data):
                self._start_over()
        if "decision_id" in data:
            self.sealed[data["decision_id"]] = data.get("decision_hash", "")
        if kind in _STATUS and "task_id" in data:
            self._task(kind, data)
        elif kind == EventType.PLAN_READY:
            self._new_plan = True
        elif kind == EventType.RUN_STARTED:
            self._begin(data)
        elif kind in _ENDS:
            self.project_status = kind.removeprefix("project.")

    def end(self) -> None:
        """There are no more events."""
        if self._new_plan:
            self._start_over()

    def _task(self, kind: str, data: dict[str, Any]) -> None:
        told = self.tasks.setdefault(data["task_id"], ToldTask())
        told.status = _STATUS[kind]
        told.attempt = max(told.attempt, data.get("attempt") or 0)
        told.ending = data if kind in {EventType.TASK_COMPLETED, EventType.TASK_FAILED} else {}

    def _begin(self, data: dict[str, Any]) -> None:
        self.project_status = "running"
        for task_id in data.get("reset", ()):
            self.tasks[task_id] = ToldTask(attempt=self.tasks[task_id].attempt if task_id in self.tasks else 0)

    def _start_over(self) -> None:
        self._new_plan = False
        self.project_status = "pending"
        for task_id, told in self.tasks.items():
            self.tasks[task_id] = ToldTask(attempt=told.attempt)
