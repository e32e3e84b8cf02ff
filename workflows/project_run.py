"""Executes an approved run: its phases in order, its tasks as the scheduler decides, until it ends or continues as new."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from signoff.schemas.json_value import JsonObject

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from app.domain.actions import Mode
    from app.domain.commands import CommandKind
    from app.domain.identity import isoformat
    from signoff.vocabulary import PhaseStatus, ProjectStatus, Stage, TaskStatus
    from workflows.activity_types import RecordActivities
    from workflows.calls import execute
    from workflows.contracts import (
        Decided,
        PhaseEnd,
        PhaseRef,
        PhaseWork,
        ProjectState,
        RunEnd,
        RunState,
        SettlePhase,
        SkipTasks,
        Snapshot,
        TaskInput,
        Thresholds,
    )
    from workflows.details import phases_table
    from workflows.options import record_options
    from workflows.running import RECORD_ENDS_TASKS, RunningTasks, has_ended
    from workflows.scheduler import PhaseScheduler
    from workflows.task import RELOAD, SUCCEEDED, TaskRun

A = TypeVar("A")
T = TypeVar("T")
# A run that began before one of these changes is replayed without it.
GATE_BY_RECORD = "gate-by-record"
EMPTY_GATE = "empty-gate"
IN_PROGRESS_ONCE = "in-progress-once"
# How long phases that run in any case (`on=always`) may take after a cancel, together. Then their tasks are stopped.
CLEAN_UP_LIMIT = timedelta(minutes=10)


class Outcome(Enum):
    """Why `ProjectRun.run` returned."""

    ENDED = "ended"
    CONTINUE = "continue as new"


class _PhaseOutcome(Enum):
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CONTINUE = "continue as new"


class ProjectRun:
    """Executes one run of a project.

    Args:
        state: the project's state; its `run` is executed.
        thresholds: history lengths at which to continue as new.
        has_request: returns whether a request is waiting to be decided.
        decide_next: decides the oldest request.
        take: receives the project's state once the run has ended.
        clean_up_until: when a clean-up that an earlier workflow execution has begun must end, in seconds since 1970.
    """

    def __init__(
        self,
        state: ProjectState,
        thresholds: Thresholds,
        *,
        has_request: Callable[[], bool],
        decide_next: Callable[[], Awaitable[Decided]],
        take: Callable[[ProjectState], None],
        clean_up_until: float | None = None,
    ) -> None:
        assert state.run is not None  # noqa: S101 - for the type checker; the caller has looked
        self._project_id = state.project_id
        self._run: RunState = state.run
        self._thresholds = thresholds
        self._has_request = has_request
        self._decide_next = decide_next
        self._take = take
        # A run that is taken over from an earlier workflow execution may already be cancelling.
        self._cancelling = state.stage == Stage.CANCELLING
        self._paused = state.run.paused
        # The newest version that an edit has made. The run starts nothing more until it is approved.
        self._newest = state.run.edited
        # True if the plan was edited, or the record differs from the workflow's view: the current phase must be loaded again.
        self._edited = False
        # Tasks that people ended before they were handed out, by key, and whether each end is a success.
        self._ended_by_person: dict[str, bool] = {}
        # Whether a person has ended a task since a phase was loaded last.
        self._ended_at_gate = False
        self._answers: dict[str, CommandKind] = {}
        self._gate_open = False
        self._gate: JsonObject | None = None
        self._phase_name = ""
        self._phase_statuses: dict[str, str] = {}
        self._closing = False
        self._draining = False
        self._failure: JsonObject | None = None
        self._running = RunningTasks()
        self._stopped = state.run.stopped
        self._failed = False
        # Whether the current phase continues in spite of a cancel, and whether its time for that is over.
        self._cleans_up = False
        self._clean_up_over = False
        self.clean_up_until = clean_up_until
        self._clean_up_timer: asyncio.Task[None] | None = None

    @property
    def _interrupted(self) -> bool:
        """Whether a cancel stops the current phase."""
        return self._cancelling and (not self._cleans_up or self._clean_up_over)

    @property
    def _awaits_approval(self) -> bool:
        """Whether an edit of the plan waits for its approval. A cancel does not wait for it."""
        return self._newest > self._run.plan_version and not self._cancelling

    @property
    def _holds(self) -> bool:
        """Whether a pause or an edit keeps tasks from starting. Neither keeps back the clean-up after a cancel."""
        return (self._paused and not self._cancelling) or self._awaits_approval

    async def run(self) -> Outcome:
        """Execute the run to its end, or to the point where it must continue with a new history."""
        pump = asyncio.create_task(self._pump())
        while True:
            outcome = await self._phases()
            if outcome == _PhaseOutcome.CONTINUE:
                self._closing = True
                await pump
                # If a cancel is decided in this last moment, the next workflow execution loads it and acts on it.
                return Outcome.CONTINUE
            state = await self._finish(outcome)
            if state.run is not None and state.run.run_id == self._run.run_id:
                # A phase was added after the last one at the last moment.
                self._take_run(state.run)
                continue
            # A retry or a new plan may already be decided, or may be waiting for its decision.
            self._take(state)
            self._closing = True
            await pump
            return Outcome.ENDED

    async def _finish(self, outcome: _PhaseOutcome) -> ProjectState:
        status = ProjectStatus(outcome.value)
        end = RunEnd(project_id=self._project_id, run_id=self._run.run_id, status=status, failure=self._failure)
        return await self._record(RecordActivities.finish_run, end, f"End the run: {status}")

    def describe(self, snapshot: Snapshot) -> None:
        """Add the run's progress to a snapshot."""
        if self._cancelling:
            snapshot.stage = Stage.CANCELLING
        elif self._paused:
            snapshot.stage = Stage.PAUSED
        elif self._awaits_approval:
            snapshot.stage = Stage.AWAITING_APPROVAL
        elif self._gate is not None:
            snapshot.stage = Stage.AWAITING_PHASE_APPROVAL
            snapshot.since = str(self._gate["since"])
        snapshot.phase = self._phase_name or None
        snapshot.gate = self._gate
        snapshot.draining = self._draining
        snapshot.in_progress = self._running.in_progress()

    async def _pump(self) -> None:
        """Decide requests during the run, one at a time, in the order in which they arrived."""
        while not self._closing:
            await workflow.wait_condition(lambda: self._closing or self._has_request())
            if self._closing:
                return
            self._apply(await self._decide_next())

    def _apply(self, decided: Decided) -> None:
        if not decided.accepted:
            return
        match decided.kind:
            case CommandKind.CANCEL:
                # A second cancel ends the clean-up as well.
                self._clean_up_over = self._clean_up_over or (self._cancelling and self._cleans_up)
                self._cancelling = True
                self._limit_clean_up()
            case CommandKind.APPROVE if not self._awaits_approval:
                self._gate_open = True
            case CommandKind.PAUSE | CommandKind.RESUME:
                self._paused = decided.kind == CommandKind.PAUSE
            case CommandKind.EDIT | CommandKind.APPROVE:
                self._take_run(decided.state.run or self._run)
                if not self._awaits_approval:
                    self._edited = True
                elif decided.kind == CommandKind.APPROVE:
                    # While an edit waits, a phase can be approved too.
                    self._gate_open = True
            case _:
                self._pass_on(str(decided.payload.get("key")), decided)

    def _take_run(self, run: RunState) -> None:
        """Adopt a run's state from the record, with the edit that waits for its approval, if there is one."""
        self._run, self._newest = run, max(self._newest, run.edited)

    def _pass_on(self, key: str, decided: Decided) -> None:
        """Pass a person's decision about a task on to the task."""
        kind = CommandKind(decided.payload.get("effect") or decided.kind)
        task = self._running.find(key)
        if task is not None:
            task.answered(kind)
        elif decided.payload.get("key") is None:
            return
        elif kind in {CommandKind.RETRY, CommandKind.FAIL} and workflow.patched(RECORD_ENDS_TASKS):
            # It was waiting when its phase was loaded, and a pause has kept it from being handed out since.
            if kind == CommandKind.RETRY:
                self._answers[key] = kind
            else:
                self._ended_by_person[key] = False
        else:
            self._ended_by_person[key] = True
            self._ended_at_gate = True

    async def _phases(self) -> _PhaseOutcome:
        position = self._run.next_phase
        while position < len(self._run.phases) or self._awaits_approval:
            if self._holds:
                await workflow.wait_condition(lambda: not self._holds)
            if position >= len(self._run.phases):
                # The edit that waited has added no phase.
                continue
            if self._clean_up_over or (self._cancelling and not self._run.cleans_up):
                return _PhaseOutcome.CANCELLED
            outcome = await self._phase(position)
            if outcome == _PhaseOutcome.CONTINUE:
                return outcome
            self._failed = self._failed or outcome == _PhaseOutcome.FAILED
            # With conditions, the record knows which phases run after a failure or a cancel.
            if outcome in {_PhaseOutcome.FAILED, _PhaseOutcome.CANCELLED} and not self._run.conditional:
                return outcome
            position += 1
            if self._history_is_long(self._thresholds.rest) and position < len(self._run.phases):
                return _PhaseOutcome.CONTINUE
        if self._clean_up_timer is not None:
            self._clean_up_timer.cancel()
        if self._failed and not self._cancelling:
            return _PhaseOutcome.FAILED
        return _PhaseOutcome.CANCELLED if self._cancelling or self._stopped else _PhaseOutcome.COMPLETED

    def _limit_clean_up(self) -> None:
        """After a cancel, begin to count the time of phases that run in any case."""
        if self._cancelling and self._cleans_up and self._clean_up_timer is None:
            left = CLEAN_UP_LIMIT.total_seconds()
            if self.clean_up_until is None:
                self.clean_up_until = workflow.time() + left
            else:
                left = min(left, self.clean_up_until - workflow.time())
            self._clean_up_timer = asyncio.create_task(self._end_clean_up(left))

    async def _end_clean_up(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(seconds)
        self._clean_up_over = True

    async def _phase(self, position: int) -> _PhaseOutcome:
        """Execute one phase, from its gate to its end."""
        self._cleans_up = False
        work = await self._enter_phase(position)
        if self._interrupted:
            return _PhaseOutcome.CANCELLED
        if work.finished:
            return _PhaseOutcome.FAILED if work.failed and self._run.conditional else _PhaseOutcome.COMPLETED
        self._show(work.name, PhaseStatus.RUNNING)
        while True:
            outcome = await self._carry_out(work, position)
            if outcome in {_PhaseOutcome.CANCELLED, _PhaseOutcome.CONTINUE}:
                return outcome
            failed = outcome == _PhaseOutcome.FAILED
            end = PhaseEnd(project_id=self._project_id, run_id=self._run.run_id, phase_id=work.phase_id, failed=failed)
            ended = await self._record(RecordActivities.end_phase, end, f"End phase: {work.name}")
            if ended.ended:
                self._show(work.name, PhaseStatus.FAILED if failed else PhaseStatus.COMPLETED)
                return outcome
            # A task was added to the phase at the last moment, or an edit must be approved first.
            self._newest = max(self._newest, ended.edited)
            work = await self._enter_phase(position)

    async def _enter_phase(self, position: int) -> PhaseWork:
        """Load a phase once the record says that its gate is open. A cancel ends the wait."""
        gates = 0
        while True:
            work = await self._begin_phase(position)
            self._cancelling = self._cancelling or work.cancelling
            self._cleans_up = work.cleans_up
            self._limit_clean_up()
            if work.open or self._interrupted:
                return work
            if gates and not workflow.patched(GATE_BY_RECORD):
                return work
            gates += 1
            await self._wait_at_gate(work)
            if self._interrupted:
                return work

    async def _begin_phase(self, position: int) -> PhaseWork:
        """Open a phase and load its tasks. If the plan was edited meanwhile, load the edited phase."""
        while position < len(self._run.phases):
            self._edited = self._ended_at_gate = False
            ref = PhaseRef(
                project_id=self._project_id,
                run_id=self._run.run_id,
                position=position,
                plan_version=self._run.plan_version,
                plan_digest=self._run.plan_digest,
            )
            work = await self._record(RecordActivities.begin_phase, ref, f"Begin phase: {self._run.phases[position]}")
            while work.open and work.run is None and len(work.tasks.keys) < work.total:
                ref = ref.model_copy(update={"offset": len(work.tasks.keys)})
                more = await self._record(RecordActivities.begin_phase, ref, f"Load more of phase: {work.name}")
                work.tasks.extend(more.tasks)
                work.run = more.run
            if work.run is None:
                return work
            self._take_run(work.run)
        # An edit removed the phase.
        return PhaseWork(open=True, finished=True, phase_id="", name="")

    async def _wait_at_gate(self, work: PhaseWork) -> None:
        self._show(work.name, PhaseStatus.AWAITING_APPROVAL)
        self._gate = {"kind": "phase", "phase_id": work.phase_id, "since": isoformat(workflow.now())}
        # If people have ended every task of the phase, the record needs no approval any more.
        by_person = workflow.patched(EMPTY_GATE)
        await workflow.wait_condition(
            lambda: self._gate_open or self._cancelling or (by_person and self._ended_at_gate)
        )
        self._gate, self._gate_open = None, False

    async def _carry_out(self, work: PhaseWork, position: int) -> _PhaseOutcome:
        """Run the tasks of one phase."""
        scheduler = await self._scheduler(work)
        while not self._interrupted:
            if self._edited:
                work = await self._enter_phase(position)
                scheduler = await self._scheduler(work)
                continue
            self._draining = self._draining or self._history_is_long(self._thresholds.drain)
            for task in [] if self._draining or self._holds else scheduler.take():
                self._start_task(work, task)
            if scheduler.halted and self._running.only_wait() and not self._awaits_approval:
                await self._running.leave()
                return _PhaseOutcome.FAILED
            if scheduler.done and not self._awaits_approval:
                return _PhaseOutcome.FAILED if scheduler.failed else _PhaseOutcome.COMPLETED
            if self._may_continue_now():
                await self._running.leave()
                return _PhaseOutcome.CONTINUE
            held = (self._paused, self._awaits_approval)
            await workflow.wait_condition(
                lambda held=held: self._something_happened() or (self._paused, self._awaits_approval) != held
            )
            if not self._edited:
                await self._collect(work, scheduler)
        await self._running.stop()
        return _PhaseOutcome.CANCELLED

    async def _scheduler(self, work: PhaseWork) -> PhaseScheduler:
        """Create a scheduler for the rest of a phase. Tasks in progress stay in progress."""
        unattended = {Mode.PERSON, Mode.TIMER, Mode.DECISION}
        moved = self._running.move(work.tasks)
        scheduler = PhaseScheduler(
            work.tasks.dependencies,
            max_parallel=self._run.max_parallel,
            stop_at_first_failure=self._run.stop_at_first_failure,
            unattended=[task for task, mode in work.tasks.modes.items() if mode in unattended],
            conditional=self._run.conditional,
            repeats=bool(moved) and not workflow.patched(IN_PROGRESS_ONCE),
        )
        for position in moved:
            scheduler.adopt(position)
        await self._restore(work, scheduler)
        return scheduler

    async def _restore(self, work: PhaseWork, scheduler: PhaseScheduler) -> None:
        """Take over tasks that have already ended."""
        ended = {
            task: progress.succeeded
            for task, progress in work.tasks.progress.items()
            if has_ended(progress) and work.tasks.keys[task] not in self._running
        }
        for task in sorted(ended):
            if work.tasks.progress[task].status in {TaskStatus.FAILED, TaskStatus.CANCELLED}:
                self._note_failure(work, task, work.tasks.progress[task].status)
        if self._run.conditional:
            failed = {TaskStatus.FAILED, TaskStatus.CANCELLED}
            scheduler.restore({task: work.tasks.progress[task].status not in failed for task in ended})
            await self._settle(work, scheduler)
        else:
            await self._skip(work, scheduler.restore(ended))

    async def _collect(self, work: PhaseWork, scheduler: PhaseScheduler) -> None:
        """Report the tasks that have ended to the scheduler."""
        positions = {key: task for task, key in enumerate(work.tasks.keys)} if self._ended_by_person else {}
        ended_by_person, self._ended_by_person = self._ended_by_person, {}
        for key, succeeded in ended_by_person.items():
            if key in positions:
                if not succeeded:
                    self._note_failure(work, positions[key], TaskStatus.FAILED)
                await self._skip(work, scheduler.finish(positions[key], succeeded=succeeded))
        for task, status in self._running.take_ended():
            if status == RELOAD:
                self._edited = True
                continue
            if status == TaskStatus.CANCELLED and (self._interrupted or not workflow.patched(RECORD_ENDS_TASKS)):
                # What happened to it is recorded when the run ends.
                continue
            if status in {TaskStatus.FAILED, TaskStatus.CANCELLED}:
                self._note_failure(work, task, status)
            await self._skip(work, scheduler.finish(task, succeeded=status in SUCCEEDED))
        if self._run.conditional:
            await self._settle(work, scheduler)

    def _start_task(self, work: PhaseWork, task: int) -> None:
        columns = work.tasks
        run = TaskRun(
            TaskInput(project_id=self._project_id, run_id=self._run.run_id, task=columns.keys[task]),
            columns,
            task,
            is_cancelling=lambda: self._interrupted,
            is_paused=lambda: self._holds,
            note_cancelling=self._note_cancelling,
        )
        if (answer := self._answers.pop(columns.keys[task], None)) is not None:
            run.answered(answer)
        self._running.start(columns.keys[task], run)

    def _note_cancelling(self) -> None:
        """Note that the record says the run is being cancelled, even if the workflow was not told."""
        self._cancelling = True
        self._limit_clean_up()

    def _something_happened(self) -> bool:
        return (
            self._interrupted
            or self._edited
            or bool(self._ended_by_person)
            or self._running.any_ended()
            or self._may_continue_now()
        )

    def _may_continue_now(self) -> bool:
        """Whether the history is long and nothing is running that a new history would orphan."""
        left = self._running.only_wait() and (self._draining or not self._running.any_ended())
        return self._history_is_long(self._thresholds.rest) and left

    def _history_is_long(self, events: int) -> bool:
        return workflow.info().get_current_history_length() >= events

    async def _skip(self, work: PhaseWork, positions: list[int]) -> None:
        if not positions:
            return
        keys = [work.tasks.keys[task] for task in positions]
        skip = SkipTasks(
            project_id=self._project_id,
            run_id=self._run.run_id,
            tasks=keys,
            reason="dependency_failed",
            plan_version=self._run.plan_version,
        )
        await self._record(RecordActivities.skip_tasks, skip, f"Skip {len(keys)} tasks: a dependency failed")

    async def _settle(self, work: PhaseWork, scheduler: PhaseScheduler) -> None:
        """Learn from the record which tasks of the phase it skips, and whether an answer has ended the run."""
        settle = SettlePhase(
            project_id=self._project_id,
            run_id=self._run.run_id,
            phase_id=work.phase_id,
            plan_version=self._run.plan_version,
        )
        settled = await self._record(RecordActivities.settle_phase, settle, f"See what follows: {work.name}")
        if not settled.current:
            self._edited = True
            return
        self._stopped = self._stopped or settled.stopped
        positions = {key: task for task, key in enumerate(work.tasks.keys)}
        scheduler.skip([positions[key] for key in settled.skipped if key in positions])

    def _note_failure(self, work: PhaseWork, task: int, status: str) -> None:
        """Keep the first failure, which is the reason that the project fails."""
        if self._failure is None:
            became = "was cancelled" if status == TaskStatus.CANCELLED else "failed"
            message = f"Task '{work.tasks.titles[task]}' {became}."
            self._failure = {"code": "task_failed", "message": message, "task": work.tasks.keys[task]}

    def _show(self, phase: str, status: str) -> None:
        self._phase_name = phase
        self._phase_statuses[phase] = status
        workflow.set_current_details(phases_table(self._run, self._phase_statuses))

    async def _record(self, method: Callable[[Any, A], Awaitable[T]], argument: A, title: str) -> T:
        try:
            return await execute(method, argument, record_options(title))
        except ActivityError as error:
            raise ApplicationError(
                f"{title}: {error.cause or error}", type="RecordRefused", non_retryable=True
            ) from error
