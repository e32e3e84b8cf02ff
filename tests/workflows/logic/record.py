"""Activities that answer at once, from a record in memory: what the workflow asks for, without a database or processes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from app.domain.actions import Mode
from app.domain.commands import CommandKind
from workflows.contracts import (
    ASKED,
    Decided,
    Delivery,
    LostAttempt,
    LostOutcome,
    OpenTask,
    PhaseEnd,
    PhaseEnded,
    PhaseRef,
    PhaseWork,
    ProjectRef,
    ProjectState,
    RunEnd,
    RunState,
    Settled,
    SettlePhase,
    SkipTasks,
    TaskColumns,
    TaskInput,
    TaskProgress,
    TaskResult,
)

ACTION = "step"
# What a step does in place of an attempt. It may raise the error with which the attempt ends.
Step = Callable[[TaskInput], None]


def failed() -> ApplicationError:
    """The end of an attempt that failed, and after which the record says what happens next."""
    return ApplicationError("it failed", "waiting", type="TaskFailed")


def lost() -> ApplicationError:
    """The end of an attempt whose worker stopped."""
    return ApplicationError("the worker stops", type="WorkerShutdown")


@dataclass
class Task:
    """A task of the plan. By default an action, whose attempts succeed."""

    key: str
    after: Sequence[str] = ()
    mode: Mode = Mode.ACTIVITY
    retries: int = 0
    seconds: float = 0.0
    asks: bool = False  # after its last attempt has failed
    release: bool = False  # by a person, before it starts
    skips: Sequence[str] = ()  # once it has ended
    stops: bool = False  # the run, once it has ended
    step: Step = lambda _: None
    until: asyncio.Event | None = None  # its attempt takes until this happens


@dataclass
class Record:
    """A project that runs its only plan, and what the workflow did with it.

    Signals are accepted as they come. `answers` maps a signal's name to the decisions that it stands for, in turn.
    """

    phases: dict[str, list[Task]]
    max_parallel: int = 8
    stop_at_first_failure: bool = False
    closed: set[str] = field(default_factory=set[str])  # phases whose gate is closed
    always: set[str] = field(default_factory=set[str])  # phases that run in any case
    cancelling: bool = False
    edited: int = 0  # the version that an edit has made, while it waits
    late_edit: int = 0  # the version that the first end of a phase still reports
    answers: dict[str, list[Decided]] = field(default_factory=dict[str, list[Decided]])
    progress: dict[str, TaskProgress] = field(default_factory=dict[str, TaskProgress])
    tries: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    calls: Counter[str] = field(default_factory=Counter[str])
    ended: str | None = None

    @property
    def activities(self) -> list[Callable[..., Any]]:
        return [
            self.load_project,
            self.decide,
            self.begin_phase,
            self.end_phase,
            self.open_task,
            self.close_task,
            self.skip_tasks,
            self.settle_phase,
            self.lose_attempt,
            self.finish_run,
            self.step,
        ]

    def status(self, key: str) -> str:
        return self.progress[key].status if key in self.progress else "pending"

    def tries_of(self, key: str) -> list[int]:
        return [number for task, number in self.tries if task == key]

    def accept(self, signal: str, kind: CommandKind, **payload: Any) -> None:
        """Have the next signal of this name be an accepted decision."""
        made = Decided(accepted=True, kind=kind, erase=False, payload=payload, state=self._state())
        self.answers.setdefault(signal, []).append(made)

    def _state(self) -> ProjectState:
        run = RunState(
            run_id="run_1",
            number=1,
            plan_version=1,
            plan_digest="d",
            max_parallel=self.max_parallel,
            stop_at_first_failure=self.stop_at_first_failure,
            phases=list(self.phases),
            started_at="2026-01-01T00:00:00Z",
            conditional=bool(self.always) or any(task.skips or task.stops for task in self._tasks()),
            cleans_up=bool(self.always),
            edited=self.edited,
        )
        if self.ended is not None:
            return ProjectState(project_id="proj_1", status=self.ended, stage="finished")
        return ProjectState(project_id="proj_1", name="P", status="running", stage="executing", run=run)

    def _tasks(self) -> list[Task]:
        return [task for tasks in self.phases.values() for task in tasks]

    def _task(self, key: str) -> Task:
        return next(task for task in self._tasks() if task.key == key)

    @activity.defn
    async def load_project(self, ref: ProjectRef) -> ProjectState:
        return self._state()

    @activity.defn
    async def decide(self, delivery: Delivery) -> Decided:
        self.calls[f"decide {delivery.name}"] += 1
        waiting = self.answers.get(delivery.name)
        if not waiting:
            return Decided(accepted=False, kind=CommandKind.CANCEL, erase=False, state=self._state())
        decided = waiting.pop(0)
        self.cancelling = self.cancelling or decided.kind == CommandKind.CANCEL
        if decided.kind == CommandKind.APPROVE:
            self.closed.clear()
        if decided.kind == CommandKind.COMPLETE:
            self.progress[str(decided.payload["key"])] = TaskProgress(status="completed")
        return decided

    @activity.defn
    async def begin_phase(self, ref: PhaseRef) -> PhaseWork:
        self.calls["begin_phase"] += 1
        name = list(self.phases)[ref.position]
        if self.cancelling and name not in self.always:
            return PhaseWork(open=False, cancelling=True, phase_id=f"phase_{name}", name=name)
        tasks = self.phases[name]
        keys = [task.key for task in tasks]
        columns = TaskColumns(
            keys=keys,
            titles=keys,
            types=[ACTION] * len(keys),
            dependencies=[[keys.index(key) for key in task.after] for task in tasks],
            modes={number: task.mode for number, task in enumerate(tasks) if task.mode != Mode.ACTIVITY},
            retries={number: task.retries for number, task in enumerate(tasks) if task.retries},
            seconds={number: task.seconds for number, task in enumerate(tasks) if task.seconds},
            releases={number: True for number, task in enumerate(tasks) if task.release},
            progress={number: self.progress[key] for number, key in enumerate(keys) if key in self.progress},
        )
        return PhaseWork(
            open=name not in self.closed,
            phase_id=f"phase_{name}",
            name=name,
            tasks=columns,
            total=len(keys),
            cleans_up=name in self.always,
        )

    @activity.defn
    async def end_phase(self, end: PhaseEnd) -> PhaseEnded:
        late, self.late_edit = self.late_edit, 0
        return PhaseEnded(ended=not late, edited=late)

    @activity.defn
    async def open_task(self, task: OpenTask) -> TaskResult:
        self.progress[task.task] = TaskProgress(status="waiting", reason=task.reason, due_at=task.due_at)
        return TaskResult(status="waiting")

    @activity.defn
    async def close_task(self, task: TaskInput) -> TaskResult:
        self.progress[task.task] = TaskProgress(status="completed")
        return TaskResult(status="completed")

    @activity.defn
    async def skip_tasks(self, skip: SkipTasks) -> ProjectState:
        self.progress |= {key: TaskProgress(status="skipped", reason=skip.reason) for key in skip.tasks}
        return self._state()

    @activity.defn
    async def settle_phase(self, settle: SettlePhase) -> Settled:
        ended = [task for task in self._tasks() if self.status(task.key) in {"completed", "failed"}]
        skipped = [key for task in ended for key in task.skips]
        self.progress |= {key: TaskProgress(status="skipped") for key in skipped}
        return Settled(skipped=skipped, stopped=any(task.stops for task in ended))

    @activity.defn(name=ACTION)
    async def step(self, task: TaskInput) -> TaskResult:
        self.tries.append((task.task, task.try_number))
        until = self._task(task.task).until
        while until is not None and not until.is_set():
            activity.heartbeat()
            await asyncio.sleep(0.1)  # why: the step of a wait whose heartbeats keep the attempt alive
        self._task(task.task).step(task)
        self.progress[task.task] = TaskProgress(status="completed", recorded_try=task.try_number)
        return TaskResult(status="completed")

    @activity.defn
    async def lose_attempt(self, attempt: LostAttempt) -> LostOutcome:
        self.calls["lose_attempt"] += 1
        if attempt.cause == str(lost()):
            return LostOutcome(then="rerun", status="pending")
        task = self._task(attempt.task)
        if attempt.try_number <= task.retries:
            return LostOutcome(then="final", status="waiting", failed=True)
        if task.asks:
            return LostOutcome(then="ask", status=ASKED, failed=True)
        self.progress[attempt.task] = TaskProgress(status="failed", recorded_try=attempt.try_number)
        return LostOutcome(then="final", status="failed", failed=True)

    @activity.defn
    async def finish_run(self, end: RunEnd) -> ProjectState:
        self.ended = end.status
        return self._state()
