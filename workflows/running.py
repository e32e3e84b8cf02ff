"""The tasks of a phase that are in progress."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from app.domain.actions import Mode
    from app.domain.states import FINISHED_TASK
    from signoff.vocabulary import TaskStatus
    from workflows.contracts import PhaseWork, RunState, TaskColumns, TaskInProgress, TaskProgress
    from workflows.scheduler import PhaseScheduler
    from workflows.task import TaskRun

# How long a cancel waits for tasks to stop before it gives up on them.
CANCEL_LIMIT = timedelta(seconds=30)
# A run that began before one of these changes is replayed without it.
RECORD_ENDS_TASKS = "record-ends-tasks"
IN_PROGRESS_ONCE = "in-progress-once"


def has_ended(progress: TaskProgress) -> bool:
    """Whether the task is finished for this run. A cancelled task is finished too, regardless of who cancelled it."""
    if progress.status == TaskStatus.CANCELLED:
        return workflow.patched(RECORD_ENDS_TASKS)
    return progress.status in FINISHED_TASK


class RunningTasks:
    """The tasks in progress, by key, in the order in which they were started."""

    def __init__(self) -> None:
        self._tasks: dict[str, TaskRun] = {}
        self._jobs: dict[str, asyncio.Task[str]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._jobs

    def find(self, key: str) -> TaskRun | None:
        """Return a task in progress, or None."""
        return self._tasks.get(key)

    def start(self, key: str, task: TaskRun) -> None:
        """Start a task."""
        self._tasks[key] = task
        self._jobs[key] = asyncio.create_task(task.carry_out())

    def in_progress(self) -> list[TaskInProgress]:
        """Return the progress of each task."""
        return [task.in_progress() for task in self._tasks.values()]

    def move(self, columns: TaskColumns) -> list[int]:
        """Give the tasks their positions in the edited phase, and return these. A task that the edit removed is dropped."""
        positions = {key: position for position, key in enumerate(columns.keys)}
        for key in [key for key in self._jobs if key not in positions]:
            # It was removed before it began.
            self._jobs.pop(key).cancel()
            self._tasks.pop(key)
        for key in self._jobs:
            self._tasks[key].follow(columns, positions[key])
        return [positions[key] for key in self._jobs]

    def schedule(self, work: PhaseWork, run: RunState) -> PhaseScheduler:
        """Create a scheduler for a phase that was loaded. Tasks in progress stay in progress."""
        unattended = {Mode.PERSON, Mode.TIMER, Mode.DECISION}
        moved = self.move(work.tasks)
        scheduler = PhaseScheduler(
            work.tasks.dependencies,
            max_parallel=run.max_parallel,
            stop_at_first_failure=run.stop_at_first_failure,
            unattended=[task for task, mode in work.tasks.modes.items() if mode in unattended],
            conditional=run.conditional,
            repeats=bool(moved) and not workflow.patched(IN_PROGRESS_ONCE),
        )
        for position in moved:
            scheduler.adopt(position)
        return scheduler

    def any_ended(self) -> bool:
        """Whether a task has ended and was not taken yet."""
        return any(job.done() for job in self._jobs.values())

    def take_ended(self) -> Iterator[tuple[int, str]]:
        """Take the tasks that have ended, one by one: the position and the status of each."""
        for key in [key for key, job in self._jobs.items() if job.done()]:
            status = self._jobs.pop(key).result()
            yield self._tasks.pop(key).position, status

    def only_wait(self) -> bool:
        """Whether every task waits for a person or a timer, and could be left at once."""
        return all(task.may_be_left for task in self._tasks.values())

    async def stop(self) -> None:
        """Interrupt every task, and wait at most `CANCEL_LIMIT` until all have stopped."""
        for job in self._jobs.values():
            job.cancel()
        if self._jobs:
            await workflow.wait(list(self._jobs.values()), timeout=CANCEL_LIMIT.total_seconds())

    async def leave(self) -> None:
        """Leave tasks that only wait to the next workflow execution, which finds them in the database."""
        jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel()
        if jobs:
            await workflow.wait(jobs)
