"""Activities that read and write the database for the workflow. Each is one transaction, and each is safe to repeat."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities import deciding, freezing
from activities.losses import lost_outcome
from activities.moments import due_time, not_due
from activities.run_state import decided, project_state, run_state, task_columns
from app.commands import answers
from app.database.database import Database
from app.domain.actions import Actions, Mode
from app.domain.commands import CommandKind, CommandRequest
from app.domain.errors import Conflict, DomainError, ErrorInfo, NotFound, Unavailable
from app.domain.frozen import Captured
from app.domain.identity import now
from app.domain.states import FINISHED_PHASE, FINISHED_TASK
from app.llm.access import model_for
from app.settings import Settings
from app.storage import flow, gates, needs, permission, plan_gates, plan_rows, plans, projects, proposals, runs, tasks
from app.storage.verified_plans import verified_phase
from app.workspace.erasing import erase
from app.workspace.workspaces import Workspaces
from signoff.vocabulary import (
    GateKind,
    PhaseStatus,
    PlanStatus,
    ProjectStatus,
    RunsOn,
    Stage,
    TaskStatus,
    WaitReason,
)
from workflows.activity_types import RecordActivities
from workflows.contracts import (
    OWN_ACTOR,
    Decided,
    Delivery,
    EraseRequest,
    LostAttempt,
    LostOutcome,
    OpenTask,
    PhaseEnd,
    PhaseEnded,
    PhaseRef,
    PhaseWork,
    PlanRequest,
    ProjectRef,
    ProjectState,
    RunEnd,
    Settled,
    SettlePhase,
    SkipTasks,
    TaskInput,
    TaskResult,
)
from workflows.options import shorten

R = TypeVar("R")


class Records(RecordActivities):
    """The record activities, bound to a database.

    Args:
        database: the database.
        actions: the actions that tasks may use.
        workspaces: the workspaces of projects.
        settings: the settings, with the model and the task queues of agents.
    """

    def __init__(self, database: Database, actions: Actions, workspaces: Workspaces, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._actions = actions
        self._workspaces = workspaces
        self._queues = settings.agent_queues

    @property
    def activities(self) -> list[Callable[..., Any]]:
        """All record activities, for registration with a worker."""
        return [
            self.load_project,
            self.decide,
            self.fail_plan,
            self.begin_phase,
            self.end_phase,
            self.open_task,
            self.close_task,
            self.skip_tasks,
            self.settle_phase,
            self.lose_attempt,
            self.finish_run,
            self.erase_project,
        ]

    async def _write(self, work: Callable[[Connection], R], *, may_be_refused: bool = False) -> R:
        """Run one transaction. A refusal is final. Temporal repeats any other failure until it succeeds."""
        try:
            return await self._database.transact(work)
        except Unavailable:
            raise
        except DomainError as error:
            # An outcome that the workflow expects is benign: the worker's log must not show a traceback.
            category = ApplicationErrorCategory.BENIGN if may_be_refused else ApplicationErrorCategory.UNSPECIFIED
            raise ApplicationError(
                error.info.message, type=error.info.code, non_retryable=True, category=category
            ) from error

    @activity.defn
    async def load_project(self, ref: ProjectRef) -> ProjectState:
        """Load the current state of a project."""
        return await self._database.read(lambda conn: project_state(conn, ref.project_id))

    @activity.defn
    async def decide(self, delivery: Delivery) -> Decided:
        """Decide what reached the workflow, based on the database. A repeated call returns the first outcome."""
        run_id = activity.info().workflow_run_id if activity.in_activity() else None
        captured: Captured | None = None

        def prepare(conn: Connection, request: CommandRequest) -> None:
            self._choose_planner(conn, request)
            freezing.prepare(conn, request, captured)

        def work(conn: Connection) -> Decided:
            try:
                decision = deciding.decide(
                    conn,
                    delivery,
                    signals_by_hand=self._settings.signals_by_hand,
                    temporal_run_id=run_id,
                    prepare=prepare,
                )
            except NotFound as error:
                state = ProjectState(project_id=delivery.project_id)
                return Decided(accepted=False, kind=CommandKind.CANCEL, error=error.info, erase=False, state=state)
            if decision is None:
                state = project_state(conn, delivery.project_id)
                return Decided(accepted=False, kind=CommandKind.CANCEL, erase=False, state=state)
            erase = deciding.asks_to_erase(conn, delivery)
            return decided(conn, decision, erase=erase)

        while True:
            try:
                return await self._write(work)
            except freezing.CaptureNeeded as need:
                captured = await freezing.capture(need, self._actions, self._settings)

    def _choose_planner(self, conn: Connection, request: CommandRequest) -> None:
        """Choose the model planner if there is a model and the tasks are not spelled out, or to refine a plan in words."""
        if request.kind not in {CommandKind.GENERATE, CommandKind.RETURN} or request.payload.get("planner"):
            return
        project = projects.get(conn, request.project_id)
        from app.planning.outline.reader import is_prose  # noqa: PLC0415 - a parser of Markdown, which only a plan needs

        words = request.payload.get("refine") or is_prose(project.description)
        has_model = model_for(self._settings, project.strategy) is not None
        request.payload["planner"] = "model" if has_model and words else "outline"

    @activity.defn
    async def fail_plan(self, request: PlanRequest) -> ProjectState:
        """Record that planning failed."""
        error = request.error or ErrorInfo(status=503, code="planner_failed", message="The planner failed.")

        def work(conn: Connection) -> ProjectState:
            plan = plans.find(conn, request.project_id, request.version)
            if plan is not None and plan.status == PlanStatus.GENERATING:
                plans.fail_generation(conn, request.project_id, request.version, error, actor="signoff")
            return project_state(conn, request.project_id)

        return await self._write(work)

    @activity.defn
    async def begin_phase(self, ref: PhaseRef) -> PhaseWork:
        """Start a phase or open its gate. If the phase may start, load a page of its tasks."""

        def work(conn: Connection) -> PhaseWork:
            project = runs.live_project(conn, ref.project_id, ref.run_id)
            if project.plan_version is not None and project.plan_version > ref.plan_version:
                return PhaseWork(open=False, phase_id="", name="", run=run_state(conn, project))
            plan = plans.get(conn, ref.project_id, ref.plan_version)
            if plan.digest != ref.plan_digest or project.plan_version != ref.plan_version:
                raise Conflict("The plan of this run has been altered.", code="plan_altered")
            draft, parameters = verified_phase(plan, ref.position)
            phase = runs.phase_at(conn, ref.project_id, ref.position)
            if phase is None or phase.key != draft.key:
                raise Conflict("The phases of this run have been altered.", code="plan_altered")
            if phase.status in FINISHED_PHASE:
                failed = phase.status in {PhaseStatus.FAILED, PhaseStatus.CANCELLED}
                return PhaseWork(open=True, finished=True, failed=failed, phase_id=phase.id, name=phase.name)
            if project.stage == Stage.CANCELLING and not flow.is_cleaning_up(project, phase):
                return PhaseWork(open=False, cancelling=True, phase_id=phase.id, name=phase.name)
            if not flow.enter(conn, project, phase):
                return PhaseWork(open=True, finished=True, phase_id=phase.id, name=phase.name)
            if not runs.begin_phase(conn, project, phase):
                return PhaseWork(open=False, phase_id=phase.id, name=phase.name)
            rows = tasks.all_of(conn, ref.project_id, phase_id=phase.id)
            if ref.offset == 0:
                plan_rows.check_rows(draft, parameters, rows)
            columns = task_columns(rows, ref.offset, self._actions, queues=self._queues, agent_id=project.agent_id)
            return PhaseWork(
                open=True,
                phase_id=phase.id,
                name=phase.name,
                tasks=columns,
                total=len(rows),
                cleans_up=phase.runs_on == RunsOn.ALWAYS,
            )

        return await self._write(work)

    @activity.defn
    async def settle_phase(self, settle: SettlePhase) -> Settled:
        """Skip the tasks of a phase that will never start, because of how the tasks that they depend on have ended."""

        def work(conn: Connection) -> Settled:
            project = runs.live_project(conn, settle.project_id, settle.run_id)
            if project.plan_version != settle.plan_version:
                return Settled(current=False)
            stops = needs.stops(conn, project.id)
            phase = runs.get_phase(conn, settle.phase_id)
            flow.settle(conn, project, phase, stops)
            stopped = flow.stop_of(conn, project.id, stops) is not None
            return Settled(skipped=flow.skipped_in(conn, phase.id), stopped=stopped)

        return await self._write(work)

    @activity.defn
    async def end_phase(self, end: PhaseEnd) -> PhaseEnded:
        """Close a phase, unless a task was just added to it, or an edit of the plan waits for its approval."""

        def work(conn: Connection) -> PhaseEnded:
            project = runs.live_project(conn, end.project_id, end.run_id)
            edited = proposals.version_waiting(conn, project)
            if edited is not None and project.stage != Stage.CANCELLING:
                return PhaseEnded(ended=False, edited=edited)
            if not end.failed and runs.has_open_tasks(conn, end.phase_id):
                return PhaseEnded(ended=False)
            permission.check_phase_end(conn, end.phase_id, failed=end.failed)
            status = PhaseStatus.FAILED if end.failed else PhaseStatus.COMPLETED
            runs.end_phase(conn, runs.get_phase(conn, end.phase_id), status)
            return PhaseEnded()

        return await self._write(work)

    @activity.defn
    async def open_task(self, opened: OpenTask) -> TaskResult:
        """Let a task wait for a person or a timer, or ask for its decision."""

        def work(conn: Connection) -> TaskResult:
            project = runs.live_project(conn, opened.project_id, opened.run_id)
            task = tasks.find(conn, opened.project_id, opened.task)
            if task is None:
                return TaskResult(status=TaskStatus.SKIPPED)
            cancelling = needs.is_being_cancelled(conn, project.stage, task.phase_id)
            if cancelling or task.status != TaskStatus.PENDING:
                status = TaskStatus.WAITING if task.status == TaskStatus.PENDING else task.status
                return TaskResult(status=status, cancelling=cancelling)
            mode = self._actions[task.action_type].mode
            expected = WaitReason.RELEASE if task.requires_approval else _REASONS.get(mode)
            if opened.reason != expected:
                raise Conflict(f"Task '{task.key}' does not wait for this.", code="plan_altered")
            _check_may_begin(conn, task)
            due_at = due_time(task, opened.due_at)
            if opened.reason == WaitReason.DECISION:
                answers.open_decision(conn, opened.run_id, task, due_at)
                has_model = model_for(self._settings, project.strategy) is not None
                advise = has_model and needs.is_left_to_model(conn, project, task)
                return TaskResult(status=TaskStatus.WAITING, advise=advise)
            tasks.open_task(conn, task, reason=opened.reason, due_at=due_at)
            if opened.reason == WaitReason.RELEASE:
                plan_gates.open_task(
                    conn, project, GateKind.TASK, gates.in_run(task.id, project), plans.current(conn, project), task.key
                )
            return TaskResult(status=TaskStatus.WAITING)

        return await self._write(work)

    @activity.defn
    async def close_task(self, closed: TaskInput) -> TaskResult:
        """Complete a task that has no attempts: a milestone, or a timer that has expired."""

        def work(conn: Connection) -> TaskResult:
            project = runs.live_project(conn, closed.project_id, closed.run_id)
            task = tasks.find(conn, closed.project_id, closed.task)
            if task is None:
                return TaskResult(status=TaskStatus.SKIPPED)
            if task.status in FINISHED_TASK:
                return TaskResult(status=task.status)
            if needs.is_being_cancelled(conn, project.stage, task.phase_id):
                return TaskResult(status=TaskStatus.CANCELLED, cancelling=True)
            self._check_closing(conn, task)
            tasks.close_task(conn, task, TaskStatus.COMPLETED, actor="signoff")
            return TaskResult(status=TaskStatus.COMPLETED)

        return await self._write(work)

    def _check_closing(self, conn: Connection, task: tasks.TaskRow) -> None:
        mode = self._actions[task.action_type].mode
        waits = task.status == TaskStatus.WAITING and task.reason == WaitReason.TIMER
        if mode != Mode.MILESTONE and not (mode == Mode.TIMER and waits):
            raise Conflict(f"Task '{task.key}' does not end automatically.", code="plan_altered")
        _check_may_begin(conn, task)
        if task.due_at is not None and task.due_at > now():
            raise not_due(f"Task '{task.key}' must wait until {task.due_at}.")

    @activity.defn
    async def skip_tasks(self, skip: SkipTasks) -> ProjectState:
        """Skip tasks that can never start. If the plan was edited meanwhile, do nothing; the workflow checks again."""

        def work(conn: Connection) -> ProjectState:
            project = runs.live_project(conn, skip.project_id, skip.run_id)
            if skip.plan_version is not None and project.plan_version != skip.plan_version:
                return ProjectState(project_id=skip.project_id)
            permission.check_never_starts(conn, skip.project_id, skip.tasks)
            tasks.skip(conn, skip.project_id, skip.tasks, reason=skip.reason)
            return ProjectState(project_id=skip.project_id)

        return await self._write(work)

    @activity.defn
    async def lose_attempt(self, lost: LostAttempt) -> LostOutcome:
        """Return the recorded outcome of an attempt whose worker was lost, or else apply the task's `on_crash`."""
        return await self._write(lambda conn: lost_outcome(conn, lost))

    @activity.defn
    async def finish_run(self, end: RunEnd) -> ProjectState:
        """End a run. If a cancel was accepted meanwhile, the run ends as cancelled regardless of the workflow's result.

        The run does not complete if a phase was just added, or if an edit waits for its approval. The returned state then says
        that it is running.
        """

        def work(conn: Connection) -> ProjectState:
            project = projects.get(conn, end.project_id)
            if project.run_id == end.run_id and project.status == ProjectStatus.RUNNING:
                cancelling = project.stage == Stage.CANCELLING
                status = ProjectStatus.CANCELLED if cancelling else ProjectStatus(end.status)
                stop = None if cancelling else flow.stop_of(conn, project.id, needs.stops(conn, project.id))
                if stop is not None and status == ProjectStatus.COMPLETED:
                    status = ProjectStatus.CANCELLED
                changing = (
                    runs.has_open_phases(conn, project.id) or proposals.version_waiting(conn, project) is not None
                )
                if status == ProjectStatus.COMPLETED and changing:
                    return project_state(conn, project.id)
                if status == ProjectStatus.COMPLETED:
                    permission.check_run_completed(conn, project)
                if status == ProjectStatus.CANCELLED and not cancelling and stop is None:
                    raise Conflict("This run was not cancelled.", code="run_outcome")
                failure = _with_task_id(conn, end) if status == ProjectStatus.FAILED else None
                if status == ProjectStatus.CANCELLED and stop is not None:
                    flow.close_stopped(conn, project)
                    failure = stop.failure()
                runs.finish(conn, project, status, failure=failure, actor=OWN_ACTOR)
            return project_state(conn, end.project_id)

        return await self._write(work)

    @activity.defn
    async def erase_project(self, request: EraseRequest) -> ProjectState:
        """Delete a project that is not live, and the workspace made for it, on behalf of a stored command."""
        command = await self._write(lambda conn: deciding.command_to_erase(conn, request.project_id, request.command))
        may_be_refused = partial(self._write, may_be_refused=True)
        await erase(may_be_refused, self._workspaces, request.project_id, actor=command.sender)
        return ProjectState(project_id=request.project_id)


# The reason for waiting, for tasks that have no attempts.
_REASONS = {Mode.PERSON: WaitReason.MANUAL, Mode.DECISION: WaitReason.DECISION, Mode.TIMER: WaitReason.TIMER}


def _check_may_begin(conn: Connection, task: tasks.TaskRow) -> None:
    if not permission.may_begin(conn, task):
        raise not_due(f"Task '{task.key}' may not start yet: its phase or one of its dependencies is not ready.")


def _with_task_id(conn: Connection, end: RunEnd) -> projects.Failure | None:
    """The reason why a run failed, from the record. The workflow only names the task."""
    if end.failure is None:
        # A former workflow execution has seen the failure.
        failed = tasks.all_of(conn, end.project_id, status=TaskStatus.FAILED, limit=1)
        task = failed[0] if failed else None
    else:
        task = tasks.find(conn, end.project_id, str(end.failure.get("task")))
    if task is None or task.status not in {TaskStatus.FAILED, TaskStatus.CANCELLED}:
        return {"code": "task_failed", "message": "A task failed.", "task_id": None}
    became = "was cancelled" if task.status == TaskStatus.CANCELLED else "failed"
    subject = f"Task '{shorten(task.title)}' {became}"
    message = f"{subject}: {task.error['message']}" if task.error else f"{subject}."
    return {"code": "task_failed", "message": message, "task_id": task.id}
