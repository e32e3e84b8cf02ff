"""Reads the state of projects, runs and phases, in the types of the workflow's contracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from pydantic_core import to_json
from sqlalchemy import Connection, select

from app.domain.actions import Action, Actions, Mode
from app.domain.commands import TASK_ANSWERS, CommandKind, CommandRecord
from app.domain.plan import DEFAULT_AGENT, LIMITS
from app.planning.outline import OutlinePlanner
from app.storage import flow, needs, plans, projects, proposals, runs, tasks
from app.storage.tables import phases as phase_table
from signoff.vocabulary import PhaseStatus, ProjectStatus, RunsOn, Stage, TaskStatus, WaitReason
from workflows.contracts import Decided, ProjectState, RunState, TaskColumns, TaskProgress
from workflows.options import shorten

# The length of an outline, in characters, from which a plan is made in a fraction of a second.
SHORT_OUTLINE = 20_000
# Size of the tasks in one answer, well below Temporal's limit of 2 MiB.
PAGE_BYTES = 1024 * 1024
# What a task takes at most besides its texts: numbers and settings, each of its dependencies, and its progress.
_TASK_BYTES, _DEPENDENCY_BYTES, _PROGRESS_BYTES = 100, 6, 160


def project_state(conn: Connection, project_id: str) -> ProjectState:
    """The state of a project. `status` is None if the project does not exist."""
    project = projects.find(conn, project_id)
    if project is None:
        return ProjectState(project_id=project_id)
    making = plans.latest(conn, project_id) if project.stage == Stage.PLANNING else None
    plan = plans.find(conn, project_id, project.plan_version) if project.plan_version is not None else None
    return ProjectState(
        project_id=project_id,
        seq=project.last_seq,
        name=shorten(project.name),
        status=project.status,
        stage=project.stage,
        strategy=project.strategy,
        agent_id=project.agent_id,
        auto_approve_plan=project.auto_approve_plan,
        plan_version=project.plan_version,
        plan_digest=plan.digest if plan is not None else None,
        generating=making.version if making is not None else None,
        quick_plan=making is not None
        and making.planner == OutlinePlanner.name
        and len(project.description) <= SHORT_OUTLINE,
        run=run_state(conn, project) if project.status == ProjectStatus.RUNNING else None,
    )


def decided(conn: Connection, decision: CommandRecord, *, erase: bool = False) -> Decided:
    """The outcome of a decision and the state of the project after it. `erase` means that the project must be deleted."""
    return Decided(
        accepted=decision.error is None and _stands(conn, decision),
        kind=decision.kind,
        error=decision.error,
        payload={name: decision.payload.get(name) for name in ("key", "effect", "plan_version")},
        erase=erase,
        state=project_state(conn, decision.project_id),
    )


def _stands(conn: Connection, decision: CommandRecord) -> bool:
    """Whether the effect of an accepted decision is still current. A signal that repeats it later must have no effect."""
    if not (decision.payload.get("gate") or {"opens": True}).get("opens"):
        # An approval that its gate still waits after.
        return False
    project = projects.get(conn, decision.project_id)
    match decision.kind:
        case CommandKind.CANCEL:
            return project.stage == Stage.CANCELLING or project.status == ProjectStatus.CANCELLED
        case CommandKind.PAUSE | CommandKind.RESUME:
            return project.paused == (decision.kind == CommandKind.PAUSE)
        case CommandKind.APPROVE if (phase_id := decision.payload.get("phase_id")) is not None:
            return runs.get_phase(conn, phase_id).status == PhaseStatus.RUNNING
        case kind if kind in _ABOUT_A_TASK:
            return _is_as_answered(conn, decision)
        case _:
            return True


_ABOUT_A_TASK = frozenset({CommandKind.ANSWER, CommandKind.EXPIRE, *TASK_ANSWERS})
_ANSWERED = {
    CommandKind.COMPLETE: TaskStatus.COMPLETED,
    CommandKind.SKIP: TaskStatus.SKIPPED,
    CommandKind.FAIL: TaskStatus.FAILED,
    CommandKind.RETRY: TaskStatus.WAITING,
}


def _is_as_answered(conn: Connection, decision: CommandRecord) -> bool:
    task = tasks.find(conn, decision.project_id, str(decision.payload.get("key")))
    effect = CommandKind(decision.payload.get("effect") or decision.kind)
    if task is None or task.status != _ANSWERED.get(effect):
        return False
    return effect != CommandKind.RETRY or task.reason == WaitReason.RETRY


def run_state(conn: Connection, project: projects.ProjectRow) -> RunState | None:
    """The current run of a project."""
    run = runs.latest_of(conn, project)
    if run is None:
        return None
    columns = (phase_table.c.name, phase_table.c.status, phase_table.c.runs_on)
    query = select(*columns).where(phase_table.c.project_id == project.id).order_by(phase_table.c.position)
    rows = conn.execute(query).all()
    limits = LIMITS[project.strategy]
    stops = needs.stops(conn, project.id)
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
        paused=project.paused,
        conditional=flow.uses_conditions(conn, project.id, stops),
        cleans_up=any(row.runs_on == RunsOn.ALWAYS for row in rows),
        stopped=flow.stop_of(conn, project.id, stops) is not None,
        edited=proposals.version_waiting(conn, project) or 0,
    )


def task_columns(
    rows: Sequence[tasks.TaskRow], offset: int, actions: Actions, *, queues: Mapping[str, str], agent_id: str | None
) -> TaskColumns:
    """The tasks from `offset` on that fit in an answer, by column. Dependencies on earlier phases are already met and omitted.

    Args:
        rows: all tasks of the phase.
        offset: the position of the first task to return.
        actions: the actions that tasks may use.
        queues: the task queues of agents that do not use the default queue.
        agent_id: the project's agent, for tasks that do not name one.
    """
    position = {row.key: index for index, row in enumerate(rows)}
    columns = TaskColumns()
    size = 0
    for index, row in islice(enumerate(rows), offset, None):
        if size > PAGE_BYTES:
            break
        kind = actions[row.action_type]
        columns.keys.append(row.key)
        columns.titles.append(shorten(row.title))
        columns.types.append(row.action_type)
        columns.dependencies.append(sorted(position[key] for key in row.depends_on if key in position))
        size += len(to_json([row.key, columns.titles[-1], row.action_type, row.agent_id]))
        size += _TASK_BYTES + _DEPENDENCY_BYTES * len(columns.dependencies[-1])
        if kind.mode != Mode.ACTIVITY:
            columns.modes[index] = kind.mode
        elif (queue := queues.get(row.agent_id or agent_id or DEFAULT_AGENT)) is not None:
            columns.queues[index] = queue
        if (seconds := _seconds(kind, row)) is not None:
            columns.seconds[index] = seconds
        if row.retries:
            columns.retries[index] = row.retries
        if row.requires_approval:
            columns.releases[index] = True
        if row.timeout_seconds is not None:
            columns.timeouts[index] = row.timeout_seconds
        if row.status != TaskStatus.PENDING:
            size += _PROGRESS_BYTES
            columns.progress[index] = TaskProgress(
                status=row.status,
                reason=row.reason,
                recorded_try=row.recorded_try,
                due_at=row.due_at,
                quarantined=row.quarantine is not None,
            )
    return columns


def _seconds(kind: type[Action], row: tasks.TaskRow) -> float | None:
    """How long a timer runs, a decision waits, or a repeated command pauses."""
    match kind.mode:
        case Mode.ACTIVITY:
            repeat = kind.repeat(row.action)
            return repeat.every_seconds if repeat is not None else None
        case Mode.TIMER | Mode.DECISION:
            return row.seconds
        case _:
            return None
