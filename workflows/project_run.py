"""Executes an approved run: its phases in order, its tasks as the scheduler decides, until it ends or continues as new."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import workflow

from signoff.schemas.json_value import JsonObject

with workflow.unsafe.imports_passed_through():
    from app.domain.commands import CommandKind
    from app.domain.identity import isoformat
    from signoff.vocabulary import PhaseStatus, ProjectStatus, Stage, TaskStatus
    from workflows.clean_up import CleanUp
    from workflows.contracts import Decided, PhaseWork, ProjectState, RunState, Snapshot, TaskInput, Thresholds
    from workflows.details import phases_table
    from workflows.draining import Draining
    from workflows.failures import failure_of_task
    from workflows.outcomes import Outcome, PhaseOutcome
    from workflows.pending_edit import PendingEdit
    from workflows.run_record import RunRecord
    from workflows.running import RECORD_ENDS_TASKS, RunningTasks, has_ended
    from workflows.scheduler import PhaseScheduler
    from workflows.task import RELOAD, SUCCEEDED, TaskRun

# A run that began before one of these changes is replayed without it.
GATE_BY_RECORD = "gate-by-record"
EMPTY_GATE = "empty-gate"


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
        self._record = RunRecord(state.project_id)
        self._run: RunState = state.run
        self._has_request = has_request
        self._decide_next = decide_next
        self._take = take
        # A run that is taken over from an earlier workflow execution may already be cancelling.
        self._cancelling = state.stage == Stage.CANCELLING
        self._paused = state.run.paused
        # The run starts nothing more until the edit is approved or discarded.
        self._edit = PendingEdit(state.run.edited)
        # The plan was edited, or the record differs from the workflow's view: the current phase must be loaded again.
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
        self._drain = Draining(thresholds)
        # The first failure, which is the reason that the project fails.
        self._failure: JsonObject | None = None
        self._running = RunningTasks()
        self._stopped = state.run.stopped
        self._failed = False
        self.clean_up = CleanUp(clean_up_until)

    @property
    def _interrupted(self) -> bool:
        """Whether a cancel stops the current phase."""
        return self._cancelling and not self.clean_up.continues

    @property
    def _awaits_approval(self) -> bool:
        """Whether an edit of the plan waits for its approval. A cancel does not wait for it."""
        return self._edit.waits(self._run.plan_version) and not self._cancelling

    @property
    def _holds(self) -> bool:
        """Whether a pause or an edit keeps tasks from starting. Neither keeps back the clean-up after a cancel."""
        return (self._paused and not self._cancelling) or self._awaits_approval

    async def run(self) -> Outcome:
        """Execute the run to its end, or to the point where it must continue with a new history."""
        pump = asyncio.create_task(self._pump())
        while True:
            outcome = await self._phases()
            if outcome == PhaseOutcome.CONTINUE:
                self._closing = True
                await pump
                # If a cancel is decided in this last moment, the next workflow execution loads it and acts on it.
                return Outcome.CONTINUE
            state = await self._record.finish(self._run, ProjectStatus(outcome.value), self._failure)
            if state.run is not None and state.run.run_id == self._run.run_id:
                # A phase was added after the last one at the last moment.
                self._take_run(state.run)
                continue
            # A retry or a new plan may already be decided, or may be waiting for its decision.
            self._take(state)
            self._closing = True
            await pump
            return Outcome.ENDED

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
        snapshot.draining = self._drain.active
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
                if self._cancelling:
                    self.clean_up.cancelled_again()
                self._note_cancelling()
            case CommandKind.APPROVE if not self._awaits_approval:
                self._gate_open = True
            case CommandKind.PAUSE | CommandKind.RESUME:
                self._paused = decided.kind == CommandKind.PAUSE
            case CommandKind.DISCARD:
                self._edit.discard(int(str(decided.payload.get("plan_version"))))
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
        self._run = run
        self._edit.made(run.edited)

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

    async def _phases(self) -> PhaseOutcome:
        position = self._run.next_phase
        while position < len(self._run.phases) or self._awaits_approval:
            if self._holds:
                await workflow.wait_condition(lambda: not self._holds)
            if position >= len(self._run.phases):
                # The edit that waited has added no phase.
                continue
            if self.clean_up.over or (self._cancelling and not self._run.cleans_up):
                return PhaseOutcome.CANCELLED
            outcome = await self._phase(position)
            if outcome == PhaseOutcome.CONTINUE:
                return outcome
            self._failed = self._failed or outcome == PhaseOutcome.FAILED
            # With conditions, the record knows which phases run after a failure or a cancel.
            if outcome in {PhaseOutcome.FAILED, PhaseOutcome.CANCELLED} and not self._run.conditional:
                return outcome
            position += 1
            if self._drain.may_continue and position < len(self._run.phases):
                return PhaseOutcome.CONTINUE
        self.clean_up.stop_counting()
        if self._failed and not self._cancelling:
            return PhaseOutcome.FAILED
        return PhaseOutcome.CANCELLED if self._cancelling or self._stopped else PhaseOutcome.COMPLETED

    async def _phase(self, position: int) -> PhaseOutcome:
        """Execute one phase, from its gate to its end."""
        self.clean_up.applies = False
        work = await self._enter_phase(position)
        if self._interrupted:
            return PhaseOutcome.CANCELLED
        if work.finished:
            return PhaseOutcome.FAILED if work.failed and self._run.conditional else PhaseOutcome.COMPLETED
        self._show(work.name, PhaseStatus.RUNNING)
        while True:
            outcome = await self._carry_out(work, position)
            if outcome in {PhaseOutcome.CANCELLED, PhaseOutcome.CONTINUE}:
                return outcome
            failed = outcome == PhaseOutcome.FAILED
            ended = await self._record.end_phase(self._run, work, failed=failed)
            if ended.ended:
                self._show(work.name, PhaseStatus.FAILED if failed else PhaseStatus.COMPLETED)
                return outcome
            # A task was added to the phase at the last moment, or an edit must be approved first.
            self._edit.made(ended.edited)
            work = await self._enter_phase(position)

    async def _enter_phase(self, position: int) -> PhaseWork:
        """Load a phase once the record says that its gate is open. A cancel ends the wait."""
        gates = 0
        while True:
            work = await self._begin_phase(position)
            self.clean_up.applies = work.cleans_up
            if self._cancelling or work.cancelling:
                self._note_cancelling()
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
            work = await self._record.begin_phase(self._run, position)
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

    async def _carry_out(self, work: PhaseWork, position: int) -> PhaseOutcome:
        """Run the tasks of one phase."""
        scheduler = await self._scheduler(work)
        while not self._interrupted:
            if self._edited:
                work = await self._enter_phase(position)
                scheduler = await self._scheduler(work)
                continue
            self._drain.look()
            for task in [] if self._drain.active or self._holds else scheduler.take():
                self._start_task(work, task)
            if scheduler.halted and self._running.only_wait() and not self._awaits_approval:
                await self._running.leave()
                return PhaseOutcome.FAILED
            if scheduler.done and not self._awaits_approval:
                return PhaseOutcome.FAILED if scheduler.failed else PhaseOutcome.COMPLETED
            if self._may_continue_now():
                await self._running.leave()
                return PhaseOutcome.CONTINUE
            self._drain.wait()
            held = (self._paused, self._awaits_approval)
            await workflow.wait_condition(
                lambda held=held: self._something_happened() or (self._paused, self._awaits_approval) != held
            )
            if not self._edited:
                await self._collect(work, scheduler)
        await self._running.stop()
        return PhaseOutcome.CANCELLED

    async def _scheduler(self, work: PhaseWork) -> PhaseScheduler:
        """Create a scheduler for the rest of a phase. Tasks in progress stay in progress."""
        scheduler = self._running.schedule(work, self._run)
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
                self._failure = self._failure or failure_of_task(work, task, work.tasks.progress[task].status)
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
                    self._failure = self._failure or failure_of_task(work, positions[key], TaskStatus.FAILED)
                await self._skip(work, scheduler.finish(positions[key], succeeded=succeeded))
        for task, status in self._running.take_ended():
            if status == RELOAD:
                self._edited = True
                continue
            if status == TaskStatus.CANCELLED and (self._interrupted or not workflow.patched(RECORD_ENDS_TASKS)):
                # What happened to it is recorded when the run ends.
                continue
            if status in {TaskStatus.FAILED, TaskStatus.CANCELLED}:
                self._failure = self._failure or failure_of_task(work, task, status)
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
            is_paused=lambda: self._holds or self._drain.holds_attempts,
            note_cancelling=self._note_cancelling,
        )
        if (answer := self._answers.pop(columns.keys[task], None)) is not None:
            run.answered(answer)
        self._running.start(columns.keys[task], run)

    def _note_cancelling(self) -> None:
        """Note that the record says the run is being cancelled, even if the workflow was not told."""
        self._cancelling = True
        self.clean_up.begin()

    def _something_happened(self) -> bool:
        ended = bool(self._ended_by_person) or self._running.any_ended()
        return self._interrupted or self._edited or ended or self._drain.due or self._may_continue_now()

    def _may_continue_now(self) -> bool:
        """Whether the history is long and nothing is running that a new history would orphan."""
        left = self._running.only_wait() and (self._drain.active or not self._running.any_ended())
        return self._drain.may_continue and left

    async def _skip(self, work: PhaseWork, positions: list[int]) -> None:
        """Skip tasks whose dependencies have failed."""
        await self._record.skip(self._run, [work.tasks.keys[task] for task in positions])

    async def _settle(self, work: PhaseWork, scheduler: PhaseScheduler) -> None:
        """Learn from the record which tasks of the phase it skips, and whether an answer has ended the run."""
        settled = await self._record.settle(self._run, work)
        if not settled.current:
            self._edited = True
            return
        self._stopped = self._stopped or settled.stopped
        positions = {key: task for task, key in enumerate(work.tasks.keys)}
        scheduler.skip([positions[key] for key in settled.skipped if key in positions])

    def _show(self, phase: str, status: str) -> None:
        self._phase_name = phase
        self._phase_statuses[phase] = status
        workflow.set_current_details(phases_table(self._run, self._phase_statuses))
