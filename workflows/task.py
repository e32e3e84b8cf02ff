"""One task of a run, from start to end: attempts, back-off, lost workers, and waiting for people and timers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError
from temporalio.exceptions import TimeoutError as TemporalTimeout

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from app.domain.actions import Mode
    from app.domain.commands import CommandKind
    from app.domain.identity import isoformat, parse_time
    from app.domain.states import FINISHED_TASK
    from signoff.vocabulary import TaskStatus, WaitReason, waits_for_person
    from workflows.activity_types import AdviceActivities, RecordActivities
    from workflows.calls import decoded, execute
    from workflows.contracts import (
        ASKED,
        AdviceRequest,
        Delivery,
        LostAttempt,
        OpenTask,
        TaskColumns,
        TaskInProgress,
        TaskInput,
        TaskProgress,
        TaskResult,
    )
    from workflows.failures import backoff_seconds, describe, is_loss, reported
    from workflows.options import HEARTBEAT_TIMEOUT, advice_options, quarantine_queue, record_options, task_options

A = TypeVar("A")
T = TypeVar("T")
SUCCEEDED = frozenset({TaskStatus.COMPLETED, TaskStatus.SKIPPED})
# What `carry_out` returns, besides final statuses, if the record does not let the task start yet.
RELOAD = "reload"
# A run that began before one of these changes is replayed without it.
ANSWER_ENDS_ATTEMPT = "answer-ends-attempt"
RECORD_CONFIRMS_FAILURE = "record-confirms-failure"
_FINAL = {
    CommandKind.COMPLETE: TaskStatus.COMPLETED,
    CommandKind.SKIP: TaskStatus.SKIPPED,
    CommandKind.FAIL: TaskStatus.FAILED,
}


class TaskRun:
    """Runs one task. Its outcome is recorded in the database before `carry_out` returns.

    Args:
        task: names the task.
        columns: the tasks of its phase.
        position: its position there.
        is_cancelling: returns whether the run is being cancelled.
        is_paused: returns whether the run is paused.
        note_cancelling: is called when the record says that the run is being cancelled.

    Attributes:
        position: the task's position in its phase. An edit of the plan may change it.
    """

    def __init__(
        self,
        task: TaskInput,
        columns: TaskColumns,
        position: int,
        *,
        is_cancelling: Callable[[], bool],
        is_paused: Callable[[], bool],
        note_cancelling: Callable[[], None],
    ) -> None:
        self._task = task
        self._mode = Mode(columns.modes.get(position, Mode.ACTIVITY))
        self._needs_release = columns.releases.get(position, False)
        self._seconds = columns.seconds.get(position, 0.0)
        self._progress = columns.progress.get(position) or TaskProgress(status=TaskStatus.PENDING)
        self._quarantined = self._progress.quarantined
        self.follow(columns, position)
        self._is_cancelling = is_cancelling
        self._is_paused = is_paused
        self._note_cancelling = note_cancelling
        self._activity: asyncio.Future[RawValue | None] | None = None
        self._answers: list[CommandKind] = []
        self._state = "running"
        self._since = isoformat(workflow.now())
        self._try = 1

    def follow(self, columns: TaskColumns, position: int) -> None:
        """Take over the task's position and definition from a plan that was edited. The next attempt follows them."""
        self.position = position
        self._title = columns.titles[position]
        self._action = columns.types[position]
        self._retries = columns.retries.get(position, 0)
        self._timeout_seconds = columns.timeouts.get(position)
        self._usual_queue = columns.queues.get(position)
        self._use_queue()

    def _use_queue(self) -> None:
        usual = self._usual_queue
        self._queue = quarantine_queue(usual or workflow.info().task_queue) if self._quarantined else usual

    @property
    def may_be_left(self) -> bool:
        """Whether the task only waits for a timer or a person, which a later workflow execution can do as well."""
        return self._state != "running"

    def in_progress(self) -> TaskInProgress:
        """Return the task's progress, for the snapshot."""
        return TaskInProgress(
            key=self._task.task, state=self._state, try_number=self._try, since=self._since, queue=self._queue
        )

    def answered(self, kind: CommandKind) -> None:
        """Handle an accepted decision of a person about this task.

        A decision that ends the task is accepted only if no attempt has begun. There is then no need to wait for one, which may
        be queued where no worker serves its queue.
        """
        self._answers.append(kind)
        if self._activity is not None and kind != CommandKind.RETRY and workflow.patched(ANSWER_ENDS_ATTEMPT):
            self._activity.cancel()

    async def carry_out(self) -> str:
        """Run the task, or continue it where an earlier execution left it. Returns its final status, or `RELOAD`."""
        try:
            released = await self._wait_for_release() if self._needs_release else None
            return released or await self._carry_out()
        except asyncio.CancelledError:
            # What happens to tasks that only waited is recorded when the run ends.
            return TaskStatus.CANCELLED

    async def _carry_out(self) -> str:
        if self._mode == Mode.PERSON:
            return await self._ask()
        if self._mode == Mode.DECISION:
            return await self._ask_for_decision()
        if self._mode == Mode.TIMER:
            return await self._wait()
        if self._mode == Mode.MILESTONE:
            return await self._close()
        return await self._try_until_done()

    async def _try_until_done(self) -> str:
        self._try = self._progress.recorded_try + 1
        if self._progress.status == TaskStatus.RUNNING:
            # The run was reset in Temporal. The attempt stops at its next heartbeat, and no other may start before that.
            await self._sleep_until(isoformat(workflow.now() + HEARTBEAT_TIMEOUT), "resuming")
            status = await self._after_loss("the run was reset")
        elif self._progress.status == TaskStatus.WAITING:
            status = await self._resume_waiting()
        else:
            status = None
        while status is None:
            status = await self._one_try()
        return status

    async def _resume_waiting(self) -> str | None:
        if waits_for_person(self._progress.reason, self._progress.due_at):
            return await self._after_answer()
        return await self._sleep_until(self._progress.due_at, "retrying")

    async def _one_try(self) -> str | None:
        """Make one attempt. Returns None if another one should follow."""
        await self._hold_while_paused()
        if self._is_cancelling():
            return TaskStatus.CANCELLED
        if self._answers and (status := self._take_answer()) is not None:
            return status
        last = self._try > self._retries
        pause = 0.0 if last else self._pause_seconds()
        attempt = self._task.model_copy(update={"try_number": self._try, "last": last, "next_try_in": pause})
        self._mark("running")
        options = task_options(self._title, self._timeout_seconds, self._queue)
        self._activity = workflow.start_activity(self._action, attempt, result_type=RawValue, **options)
        try:
            result = decoded(await self._activity, TaskResult)
        except ActivityError as error:
            self._activity = None
            return await self._after_error(error, pause)
        finally:
            self._activity = None
        if result is None or result.status not in SUCCEEDED:
            return await self._after_loss("its activity was completed directly through Temporal")
        return result.status

    async def _hold_while_paused(self) -> None:
        if self._is_paused():
            self._mark("paused")
            await workflow.wait_condition(lambda: bool(self._answers) or self._is_cancelling() or not self._is_paused())

    async def _after_error(self, error: ActivityError, pause: float) -> str | None:
        """Handle a failed attempt. Returns a final status, or None if another attempt should follow."""
        status, advise = reported(error.cause)
        if status is None:
            if self._is_cancelling() and not is_loss(error):
                return TaskStatus.CANCELLED
            return await self._after_loss(describe(error.cause), silent=isinstance(error.cause, TemporalTimeout))
        if self._is_cancelling() and status != TaskStatus.FAILED:
            # A cancel that arrived just as the activity ended was lost in its result.
            return TaskStatus.CANCELLED
        if workflow.patched(RECORD_CONFIRMS_FAILURE):
            return await self._after_loss("its activity was ended directly through Temporal", advise=advise)
        if status == ASKED:
            self._try += 1
            if advise:
                await self._take_advice()
            return await self._after_answer()
        return await self._pause_before_next_try(pause) if status == TaskStatus.WAITING else status

    async def _after_loss(self, cause: str, *, advise: bool = False, silent: bool = False) -> str | None:
        """Look up an attempt that did not complete in the record, and otherwise follow the task's `on_crash` setting.

        `advise`: ask the model first if the record says that the task waits for an answer.
        """
        lost = LostAttempt(
            **self._task.model_dump(include={"project_id", "run_id", "task"}),
            try_number=self._try,
            cause=cause,
            cancelling=self._is_cancelling(),
            silent=silent,
        )
        verdict = await self._record(RecordActivities.lose_attempt, lost, f"Look at the record: {self._title}")
        if verdict.cancelling:
            self._note_cancelling()
        if verdict.quarantined:
            self._quarantined = True
            self._use_queue()
        if verdict.then == "rerun":
            return None
        if verdict.then == "reload":
            return RELOAD
        if verdict.then == "ask":
            self._try += 1 if verdict.failed else 0
            if advise and not self._answers:
                await self._take_advice()
            return await self._after_answer()
        if verdict.status == TaskStatus.WAITING:
            # The failure was recorded, and another attempt is due. The record says when: a server may ask for a longer pause.
            return await self._pause_before_next_try(self._pause_seconds(), verdict.due_at)
        return verdict.status

    def _pause_seconds(self) -> float:
        """How long to wait after the current attempt: the plan's own time, for a command that is repeated until it succeeds."""
        return self._seconds or backoff_seconds(self._try)

    async def _pause_before_next_try(self, seconds: float, due: str | None = None) -> str | None:
        # A cancel that arrived just as the activity ended was lost in its result.
        if self._is_cancelling():
            return TaskStatus.CANCELLED
        self._try += 1
        return await self._sleep_until(due or isoformat(workflow.now() + timedelta(seconds=seconds)), "retrying")

    async def _after_answer(self) -> str | None:
        """Wait for a person's decision. Returns None if the decision is to retry."""
        self._mark("person")
        await workflow.wait_condition(lambda: bool(self._answers))
        return self._take_answer()

    async def _take_advice(self) -> None:
        """Let the model decide, unless a person decides first. What the model is not sure of stays open for a person."""
        request = AdviceRequest(project_id=self._task.project_id, run_id=self._task.run_id, task=self._task.task)
        self._mark("running")
        options = advice_options(f"Have the model decide: {self._title}")
        advice = asyncio.ensure_future(execute(AdviceActivities.advise, request, options))
        try:
            await workflow.wait_condition(lambda: advice.done() or bool(self._answers))
        finally:
            if not advice.done():
                advice.cancel()
                await asyncio.gather(advice, return_exceptions=True)
        if advice.cancelled() or advice.exception() is not None:
            return
        decided = advice.result()
        # If a person decided first, that decision was accepted and the model's was refused.
        if decided.accepted:
            self._answers.append(CommandKind(str(decided.payload["effect"])))

    def _take_answer(self) -> str | None:
        kind = self._answers.pop(0)
        return None if kind == CommandKind.RETRY else _FINAL[kind]

    async def _open(self, reason: WaitReason, title: str, due: str | None = None) -> TaskResult:
        """Record that the task waits."""
        opened = OpenTask(**self._task.model_dump(), reason=reason, due_at=due)
        result = await self._record(RecordActivities.open_task, opened, title)
        if result.cancelling:
            self._note_cancelling()
        return result

    async def _wait_for_release(self) -> str | None:
        """Wait until a person releases the task. Returns its final status if the person ends it instead."""
        if self._progress.status == TaskStatus.PENDING:
            result = await self._open(WaitReason.RELEASE, f"Waits to be released: {self._title}")
            if result.status in FINISHED_TASK:
                return result.status
        elif self._progress.reason != WaitReason.RELEASE:
            return None
        status = await self._after_answer()
        self._progress = TaskProgress(status=TaskStatus.PENDING)
        return status

    async def _ask(self) -> str:
        if self._progress.status == TaskStatus.PENDING:
            result = await self._open(WaitReason.MANUAL, f"Waits for a person: {self._title}")
            if result.status in FINISHED_TASK:
                return result.status
        return await self._after_answer() or TaskStatus.COMPLETED

    async def _ask_for_decision(self) -> str:
        due = self._progress.due_at
        if self._progress.status == TaskStatus.PENDING:
            if self._seconds:
                due = isoformat(workflow.now() + timedelta(seconds=self._seconds))
            result = await self._open(WaitReason.DECISION, f"Asks for a decision: {self._title}", due)
            if result.status != TaskStatus.WAITING and not self._answers:
                return result.status
            if result.advise:
                await self._take_advice()
        if due is None:
            return await self._after_answer() or TaskStatus.COMPLETED
        return await self._sleep_until(due, "person") or await self._expire()

    async def _expire(self) -> str:
        """Close the unanswered decision. The database settles the race with an answer that may be on its way."""
        expiry = Delivery(
            project_id=self._task.project_id,
            origin="time_up",
            name="expire",
            id=f"expire:{self._task.run_id}:{self._task.task}",
            task=self._task.task,
        )
        decided = await self._record(RecordActivities.decide, expiry, f"Time is up: {self._title}")
        if decided.accepted:
            return _FINAL[CommandKind(str(decided.payload["effect"]))]
        if not self._answers and workflow.patched(RECORD_CONFIRMS_FAILURE):
            # A person has answered, or the record has ended the task in another way that is not reported to the workflow.
            opened = OpenTask(**self._task.model_dump(), reason=WaitReason.DECISION)
            result = await self._record(RecordActivities.open_task, opened, f"Look at the record: {self._title}")
            if result.status in FINISHED_TASK:
                return result.status
        return await self._after_answer() or TaskStatus.COMPLETED

    async def _wait(self) -> str:
        due = self._progress.due_at
        if self._progress.status == TaskStatus.PENDING:
            due = isoformat(workflow.now() + timedelta(seconds=self._seconds))
            opened = OpenTask(**self._task.model_dump(), reason=WaitReason.TIMER, due_at=due)
            await self._record(RecordActivities.open_task, opened, f"Start the timer: {self._title}")
        return await self._sleep_until(due, "timer") or await self._close()

    async def _close(self) -> str:
        result = await self._record(RecordActivities.close_task, self._task, self._title)
        if result.cancelling:
            self._note_cancelling()
        return result.status

    async def _sleep_until(self, due: str | None, state: str) -> str | None:
        """Wait until a given time, or for a person's decision before it. Returns the final status if that decision gives one."""
        self._mark(state)
        left = (parse_time(due) - workflow.now()).total_seconds() if due is not None else 0.0
        if left > 0 and not self._answers:
            # A timer covers only the full wait, so that an answer needs no further step.
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(
                    lambda: bool(self._answers), timeout=left, timeout_summary=f"{state}: {self._title}"[:100]
                )
        return self._take_answer() if self._answers else None

    def _mark(self, state: str) -> None:
        self._state, self._since = state, isoformat(workflow.now())

    async def _record(self, method: Callable[[Any, A], Awaitable[T]], argument: A, title: str) -> T:
        """Write to the database, and complete the write even if the task is cancelled meanwhile."""
        self._mark("running")
        writing = asyncio.ensure_future(execute(method, argument, record_options(title)))
        cancelled = False
        while not writing.done():
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                cancelled = True
        if cancelled:
            raise asyncio.CancelledError
        return writing.result()
