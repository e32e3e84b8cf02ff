"""Activities that read and write the database for the workflow: each one transaction, each safe to repeat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from app.domain.actions import Actions, Mode
from app.domain.decisions import DecisionRequest
from app.domain.errors import Conflict, DomainError, ErrorInfo, NotFound, Unavailable
from app.domain.plan import LIMITS
from app.domain.states import FINISHED_TASK, PhaseStatus, PlanStatus, ProjectStatus, Stage, TaskStatus
from app.storage import attempts, decisions, plans, projects, runs, tasks
from app.storage.attempts import AttemptKey
from app.storage.database import Database
from app.storage.effects import EFFECTS
from app.storage.tables import phases as phase_table
from app.storage.tables import tasks as task_table
from app.storage.workspaces import Workspaces
from workflows.contracts import (
    Decided,
    LostAttempt,
    LostVerdict,
    OpenTask,
    PhaseEnd,
    PhaseRef,
    PhaseWork,
    PlanRequest,
    ProjectRef,
    ProjectState,
    RunEnd,
    RunState,
    SkipTasks,
    TaskColumns,
    TaskInput,
    TaskProgress,
    TaskResult,
)
from workflows.options import shorten

R = TypeVar("R")
# Tasks loaded in one answer: some 200 kB with long titles, well below the 2 MiB that Temporal takes.
PAGE = 1_000
# After so many lost workers a task is given up: it may be what kills them.
MOST_LOST_WORKERS = 5


class Records:
    """The record activities, bound to a database.

    Args:
        database: where everything is kept.
        actions: the actions that tasks may have.
        workspaces: where projects' files lie.
    """

    def __init__(self, database: Database, actions: Actions, workspaces: Workspaces) -> None:
        self._database = database
        self._actions = actions
        self._workspaces = workspaces

    @property
    def activities(self) -> list[Callable[..., Any]]:
        """All of them, for a worker."""
        return [
            self.load_project, self.decide, self.fail_plan, self.begin_phase, self.end_phase, self.open_task,
            self.close_task, self.skip_tasks, self.lose_attempt, self.finish_run, self.erase_project,
        ]  # fmt: skip

    async def _write(self, work: Callable[[Connection], R]) -> R:
        """One transaction. A refusal is final; everything else is repeated by Temporal until it gets through."""
        try:
            return await self._database.transact(work)
        except Unavailable:
            raise
        except DomainError as error:
            raise ApplicationError(error.info.message, type=error.info.code, non_retryable=True) from error

    @activity.defn
    async def load_project(self, ref: ProjectRef) -> ProjectState:
        """Where a project stands."""
        return await self._database.read(lambda conn: project_state(conn, ref.project_id))

    @activity.defn
    async def decide(self, request: DecisionRequest) -> Decided:
        """Decide a request; a repeat finds the first outcome."""

        def work(conn: Connection) -> Decided:
            try:
                decision = decisions.decide(conn, request, EFFECTS[request.kind], announce_refusal=True)
            except NotFound as error:
                state = ProjectState(project_id=request.project_id)
                return Decided(accepted=False, kind=request.kind, error=error.info, state=state)
            return Decided(
                accepted=decision.error is None,
                kind=decision.kind,
                error=decision.error,
                payload={"key": decision.payload.get("key")},
                state=project_state(conn, request.project_id),
            )

        return await self._write(work)

    @activity.defn
    async def fail_plan(self, request: PlanRequest) -> ProjectState:
        """Record that a planning came to nothing."""
        error = request.error or ErrorInfo(status=503, code="planner_failed", message="The planner failed.")

        def work(conn: Connection) -> ProjectState:
            plan = plans.find(conn, request.project_id, request.version)
            if plan is not None and plan.status == PlanStatus.GENERATING:
                plans.fail_generation(conn, request.project_id, request.version, error, actor="signoff")
            return project_state(conn, request.project_id)

        return await self._write(work)

    @activity.defn
    async def begin_phase(self, ref: PhaseRef) -> PhaseWork:
        """Start a phase or open its gate; where it may start, load a page of its tasks."""

        def work(conn: Connection) -> PhaseWork:
            project = runs.live_project(conn, ref.project_id, ref.run_id)
            plan = plans.get(conn, ref.project_id, ref.plan_version)
            if plan.digest != ref.plan_digest or project.plan_version != ref.plan_version:
                raise Conflict("The plan of this run was changed.", code="plan_altered")
            draft = plans.verified_draft(plan).phases[ref.position]
            phase = runs.phase_at(conn, ref.project_id, ref.position)
            if phase is None or phase.key != draft.key:
                raise Conflict("The phases of this run were changed.", code="plan_altered")
            if project.stage == Stage.CANCELLING or not runs.begin_phase(conn, project, phase):
                return PhaseWork(open=False, phase_id=phase.id, name=phase.name)
            query = select(task_table).where(task_table.c.phase_id == phase.id).order_by(task_table.c.position)
            rows = conn.execute(query).all()
            if ref.offset == 0:
                plans.check_rows(draft, rows)
            columns = task_columns(rows, ref.offset, self._actions)
            return PhaseWork(open=True, phase_id=phase.id, name=phase.name, tasks=columns, total=len(rows))

        return await self._write(work)

    @activity.defn
    async def end_phase(self, end: PhaseEnd) -> ProjectState:
        """Close a phase."""

        def work(conn: Connection) -> ProjectState:
            runs.live_project(conn, end.project_id, end.run_id)
            status = PhaseStatus.FAILED if end.failed else PhaseStatus.COMPLETED
            runs.end_phase(conn, runs.get_phase(conn, end.phase_id), status)
            return ProjectState(project_id=end.project_id)

        return await self._write(work)

    @activity.defn
    async def open_task(self, opened: OpenTask) -> TaskResult:
        """Have a task wait for a person or a timer."""

        def work(conn: Connection) -> TaskResult:
            project = runs.live_project(conn, opened.project_id, opened.run_id)
            task = tasks.get(conn, opened.project_id, opened.task)
            if project.stage != Stage.CANCELLING and task.status == TaskStatus.PENDING:
                tasks.open_task(conn, task, reason=opened.reason, due_at=opened.due_at)
            return TaskResult(status=TaskStatus.WAITING)

        return await self._write(work)

    @activity.defn
    async def close_task(self, closed: TaskInput) -> TaskResult:
        """Complete a task that no attempt carries: a milestone, or a timer that has run out."""

        def work(conn: Connection) -> TaskResult:
            project = runs.live_project(conn, closed.project_id, closed.run_id)
            task = tasks.get(conn, closed.project_id, closed.task)
            if task.status in FINISHED_TASK:
                return TaskResult(status=task.status)
            if project.stage == Stage.CANCELLING:
                return TaskResult(status=TaskStatus.CANCELLED)
            tasks.close_task(conn, task, TaskStatus.COMPLETED, actor="signoff")
            return TaskResult(status=TaskStatus.COMPLETED)

        return await self._write(work)

    @activity.defn
    async def skip_tasks(self, skip: SkipTasks) -> ProjectState:
        """Skip tasks that can never start."""

        def work(conn: Connection) -> ProjectState:
            runs.live_project(conn, skip.project_id, skip.run_id)
            tasks.skip(conn, skip.project_id, skip.tasks, reason=skip.reason)
            return ProjectState(project_id=skip.project_id)

        return await self._write(work)

    @activity.defn
    async def lose_attempt(self, lost: LostAttempt) -> LostVerdict:
        """Look what is on record of an attempt whose worker was lost, else do as the task's `on_crash` says."""
        return await self._write(lambda conn: lost_verdict(conn, lost))

    @activity.defn
    async def finish_run(self, end: RunEnd) -> ProjectState:
        """End a run. A cancel that was accepted meanwhile makes it cancelled, whatever the workflow had come to."""

        def work(conn: Connection) -> ProjectState:
            project = projects.get(conn, end.project_id)
            if project.run_id == end.run_id and project.status == ProjectStatus.RUNNING:
                cancelling = project.stage == Stage.CANCELLING
                status = ProjectStatus.CANCELLED if cancelling else ProjectStatus(end.status)
                failure = _with_task_id(conn, end) if status == ProjectStatus.FAILED else None
                runs.finish(conn, project, status, failure=failure, actor=end.actor)
            return project_state(conn, end.project_id)

        return await self._write(work)

    @activity.defn
    async def erase_project(self, request: DecisionRequest) -> ProjectState:
        """Delete a project that is not live, with the workspace that was made for it."""
        await self._write(lambda conn: projects.check_erasable(conn, request.project_id))
        await asyncio.to_thread(self._workspaces.remove, request.project_id)

        def work(conn: Connection) -> ProjectState:
            if projects.find(conn, request.project_id) is not None:
                projects.check_erasable(conn, request.project_id)
                projects.erase(conn, request.project_id, actor=request.actor)
            return ProjectState(project_id=request.project_id)

        return await self._write(work)


def project_state(conn: Connection, project_id: str) -> ProjectState:
    """Where a project stands; `status` is None where there is none."""
    project = projects.find(conn, project_id)
    if project is None:
        return ProjectState(project_id=project_id)
    generating = None
    if project.stage == Stage.PLANNING:
        latest = plans.latest(conn, project_id)
        generating = latest.version if latest is not None else None
    plan = plans.find(conn, project_id, project.plan_version) if project.plan_version is not None else None
    return ProjectState(
        project_id=project_id,
        name=shorten(project.name),
        status=project.status,
        stage=project.stage,
        strategy=project.strategy,
        agent_id=project.agent_id,
        auto_approve_plan=project.auto_approve_plan,
        plan_version=project.plan_version,
        plan_digest=plan.digest if plan is not None else None,
        generating=generating,
        run=_run_state(conn, project) if project.status == ProjectStatus.RUNNING else None,
    )


def _run_state(conn: Connection, project: projects.ProjectRow) -> RunState | None:
    run = runs.find(conn, project.run_id)
    if run is None:
        return None
    columns = (phase_table.c.name, phase_table.c.status)
    query = select(*columns).where(phase_table.c.project_id == project.id).order_by(phase_table.c.position)
    rows = conn.execute(query).all()
    limits = LIMITS[project.strategy]
    done = [row.status in {PhaseStatus.COMPLETED, PhaseStatus.SKIPPED} for row in rows]
    return RunState(
        run_id=run.id,
        number=run.number,
        plan_version=run.plan_version,
        plan_digest=run.plan_digest,
        max_parallel=limits.max_parallel,
        stop_at_first_failure=limits.stop_at_first_failure,
        phases=[shorten(row.name) for row in rows],
        next_phase=done.index(False) if False in done else len(done),
        started_at=run.started_at,
    )


def task_columns(rows: Sequence[tasks.TaskRow], offset: int, actions: Actions) -> TaskColumns:
    """The tasks from `offset` on, by column; dependencies on earlier phases are met and left out."""
    position = {row.key: index for index, row in enumerate(rows)}
    columns = TaskColumns()
    for index, row in list(enumerate(rows))[offset : offset + PAGE]:
        kind = actions[row.action["type"]]
        columns.keys.append(row.key)
        columns.titles.append(shorten(row.title))
        columns.types.append(row.action["type"])
        columns.dependencies.append(sorted(position[key] for key in row.depends_on if key in position))
        if kind.mode != Mode.ACTIVITY:
            columns.modes[index] = kind.mode
        if kind.mode == Mode.TIMER:
            columns.seconds[index] = float(row.action["seconds"])
        if row.retries:
            columns.retries[index] = row.retries
        if row.timeout_seconds is not None:
            columns.timeouts[index] = row.timeout_seconds
        if row.status != TaskStatus.PENDING:
            columns.progress[index] = TaskProgress(
                status=row.status, reason=row.reason, recorded_try=row.recorded_try, due_at=row.due_at
            )
    return columns


def lost_verdict(conn: Connection, lost: LostAttempt) -> LostVerdict:
    """Give an attempt up whose worker was lost, and say what becomes of its task."""
    task = tasks.get(conn, lost.project_id, lost.task)
    lost_before = attempts.count_lost(conn, task.id, lost.run_id, lost.try_number)
    if lost.cancelling:
        status = TaskStatus.CANCELLED
    elif task.on_crash == "fail" or lost_before + 1 >= MOST_LOST_WORKERS:
        status = TaskStatus.FAILED
    else:
        status = TaskStatus.WAITING
    ask = task.on_crash == "ask" and status == TaskStatus.WAITING
    key = AttemptKey(
        project_id=lost.project_id, run_id=lost.run_id, task_id=task.id, try_number=lost.try_number, token=""
    )
    recorded = attempts.lose(conn, key, status=status, cause=lost.cause, ask=ask)
    if recorded is not None:
        return LostVerdict(then="final", status=recorded)
    if status != TaskStatus.WAITING:
        return LostVerdict(then="final", status=status)
    return LostVerdict(then="ask" if ask else "rerun", status=status)


def _with_task_id(conn: Connection, end: RunEnd) -> dict[str, Any] | None:
    if end.failure is None:
        return None
    task = tasks.find(conn, end.project_id, str(end.failure.get("task")))
    shown: dict[str, Any] = {"code": end.failure["code"], "message": end.failure["message"], "task_id": None}
    if task is not None:
        shown["task_id"] = task.id
        if task.error:
            shown["message"] = f"{shown['message'].rstrip('.')}: {task.error['message']}"
    return shown
