"""Runs: each executes one approved plan version, phase by phase, to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict, Unpack

from sqlalchemy import Connection, bindparam, func, insert, select, update

from app.domain.command_seals import CancelSeal
from app.domain.errors import Conflict
from app.domain.identity import new_id, now
from app.domain.sender import Actor
from app.domain.states import FINISHED_PHASE, FINISHED_TASK, PHASE_MOVES, sources
from app.storage import events, gates, plan_gates, plans, projects, proposals, questions, slow_steps, tasks
from app.storage.endings import end_of
from app.storage.projects import Failure, Gate, ProjectChanges, ProjectRow
from app.storage.reading import Rows
from app.storage.tables import attempts, phases, runs
from app.storage.tables import tasks as task_table
from app.storage.task_fields import TaskError
from signoff.schemas.event_data import (
    EventData,
    PhaseAwaitingApproval,
    PhaseCompleted,
    PhaseFailed,
    PhaseSkipped,
    PhaseStarted,
    PlanSuperseded,
    ProjectCancelled,
    RunLost,
)
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import GateKind, Outcome, PhaseStatus, PhaseStrategy, ProjectStatus, RunsOn, Stage, TaskStatus


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run of an approved plan."""

    id: str
    project_id: str
    number: int
    plan_version: int
    plan_digest: str
    status: ProjectStatus
    temporal_run_id: str | None
    started_at: str
    completed_at: str | None


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """A phase of the current plan."""

    id: str
    project_id: str
    key: str
    name: str
    description: str
    position: int
    strategy: PhaseStrategy
    requires_approval: bool
    approved_at: str | None
    approved_by: str | None
    condition: JsonObject | None
    runs_on: RunsOn
    status: PhaseStatus
    started_at: str | None
    completed_at: str | None


class PhaseChanges(TypedDict, total=False):
    """The columns that a change of a phase's state may set, besides its status."""

    approved_at: str
    approved_by: str
    started_at: str
    completed_at: str


class StartedRun(TypedDict):
    """A run that was just opened."""

    run_id: str
    run_number: int
    started_at: str


class PhaseNames(TypedDict):
    """The fields that every event about a phase has."""

    phase_id: str
    key: str
    name: str
    position: int


class _Outcome(TypedDict, total=False):
    outcome: Outcome


_RUNS = Rows(runs, RunRow)
_PHASES = Rows(phases, PhaseRow)
_RUNS_OF = _RUNS.select.where(runs.c.project_id == bindparam("of_project")).order_by(runs.c.number.desc())
_RUN = _RUNS.select.where(runs.c.id == bindparam("wanted"))
_PHASES_OF = _PHASES.select.where(phases.c.project_id == bindparam("of_project")).order_by(phases.c.position)
DID_NOT_STOP: TaskError = {
    "type": "did_not_stop",
    "message": "The task did not stop in time after the run was cancelled.",
}


def start(conn: Connection, project: ProjectRow, plan: plans.PlanRow, *, temporal_run_id: str | None) -> StartedRun:
    """Open the next run of a project."""
    query = select(func.coalesce(func.max(runs.c.number), 0)).where(runs.c.project_id == project.id)
    number = conn.execute(query).scalar_one() + 1
    run: StartedRun = {"run_id": new_id("run"), "run_number": number, "started_at": now()}
    row = {
        "id": run["run_id"],
        "project_id": project.id,
        "number": number,
        "plan_version": plan.version,
        "plan_digest": plan.digest,
        "status": ProjectStatus.RUNNING,
        "temporal_run_id": temporal_run_id,
        "started_at": run["started_at"],
    }
    conn.execute(insert(runs).values(row))
    started: ProjectChanges = {
        "stage": Stage.EXECUTING,
        "run_id": run["run_id"],
        "failure": None,
        "gate": None,
        "engaged": True,
        "paused": False,
        "outcome": None,
    }
    projects.move(conn, project, ProjectStatus.RUNNING, **started)
    return run


def check_workspace_free(conn: Connection, project: ProjectRow) -> None:
    """Make sure that no other project is running in the project's workspace.

    Raises:
        Conflict: `workspace_busy`, naming the other project.
    """
    busy = projects.running_in(conn, project.workspace, besides=project.id)
    if busy is not None:
        message = f"Project {busy} is running in the same workspace. Wait until it has finished."
        raise Conflict(message, code="workspace_busy", context={"project_id": busy})


def all_of(conn: Connection, project_id: str) -> list[RunRow]:
    """Return every run of a project, newest first."""
    return _RUNS.all(conn, _RUNS_OF, {"of_project": project_id})


def find(conn: Connection, run_id: str) -> RunRow | None:
    """Return one run, or None."""
    return _RUNS.find(conn, _RUN, {"wanted": run_id})


def latest_of(conn: Connection, project: ProjectRow) -> RunRow | None:
    """Return the run that a project is in or was in last, or None."""
    return find(conn, project.run_id) if project.run_id is not None else None


def live_project(conn: Connection, project_id: str, run_id: str) -> ProjectRow:
    """Return the project, provided that this run is its current one and still in progress.

    Raises:
        Conflict: `fenced`: the run is over.
    """
    project = projects.find(conn, project_id)
    if project is None or project.run_id != run_id or project.status != ProjectStatus.RUNNING:
        raise Conflict("This run has ended.", code="fenced")
    return project


def phase_at(conn: Connection, project_id: str, position: int) -> PhaseRow | None:
    """Return the phase at a position of the current plan, or None after the last one."""
    query = _PHASES.select.where(phases.c.project_id == project_id, phases.c.position == position)
    return _PHASES.find(conn, query)


def phases_of(conn: Connection, project_id: str) -> list[PhaseRow]:
    """Return the phases of the current plan, in order."""
    return _PHASES.all(conn, _PHASES_OF, {"of_project": project_id})


def get_phase(conn: Connection, phase_id: str) -> PhaseRow:
    """Return a phase that is known to exist."""
    return _PHASES.get(conn, _PHASES.select.where(phases.c.id == phase_id))


def begin_phase(conn: Connection, project: ProjectRow, phase: PhaseRow) -> bool:
    """Start a phase, or make it wait at its gate. True if its tasks may start. A retry keeps an earlier approval."""
    if phase.status == PhaseStatus.RUNNING:
        return True
    nothing_to_do = _has_only_skipped(conn, phase.id)
    if phase.status == PhaseStatus.AWAITING_APPROVAL and not nothing_to_do:
        return False
    at = now()
    if phase.status == PhaseStatus.AWAITING_APPROVAL:
        projects.change(conn, project, gate=None)
        gates.withdraw(conn, project.id, (GateKind.PHASE,))
        questions.settle_stage(conn, project.id)
    elif phase.requires_approval and not _is_approved(conn, project, phase) and not nothing_to_do:
        move_phase(conn, phase, PhaseStatus.AWAITING_APPROVAL)
        gate: Gate = {
            "kind": "phase",
            "phase_id": phase.id,
            "since": at,
            "expires_at": None,
            "approvals": {"given": 0, "needed": 1},
        }
        projects.change(conn, project, gate=gate)
        questions.settle_stage(conn, project.id)
        events.append(conn, project.id, PhaseAwaitingApproval(**describe(phase)), actor="signoff", at=at)
        plan_gates.open_phase(conn, project, gates.in_run(phase.id, project), plans.current(conn, project), phase.key)
        return False
    move_phase(conn, phase, PhaseStatus.RUNNING, started_at=at)
    events.append(conn, project.id, PhaseStarted(**describe(phase)), actor="signoff", at=at)
    return True


def _is_approved(conn: Connection, project: ProjectRow, phase: PhaseRow) -> bool:
    """Whether a person has opened the gate. For a phase that follows a failure, it must have been in this run."""
    if phase.approved_at is None or phase.runs_on != RunsOn.FAILURE:
        return phase.approved_at is not None
    run = latest_of(conn, project)
    return run is not None and phase.approved_at >= run.started_at


def _has_only_skipped(conn: Connection, phase_id: str) -> bool:
    """Whether all tasks of a phase, at least one, were skipped."""
    query = select(task_table.c.status).where(task_table.c.phase_id == phase_id).distinct()
    return set(conn.execute(query).scalars()) == {TaskStatus.SKIPPED}


def skip_phase(conn: Connection, phase: PhaseRow, reason: str) -> None:
    """Skip a phase that has not started, with those of its tasks that have not ended."""
    at = now()
    rows = [row for row in tasks.all_of(conn, phase.project_id, phase_id=phase.id) if row.status not in FINISHED_TASK]
    new_events = tasks.end_many(conn, rows, TaskStatus.SKIPPED, reason=reason, at=at)
    move_phase(conn, phase, PhaseStatus.SKIPPED, completed_at=at)
    skipped = PhaseSkipped(**describe(phase), reason=reason)
    events.append(conn, phase.project_id, *new_events, skipped, actor="signoff", at=at)


def end_phase(conn: Connection, phase: PhaseRow, status: PhaseStatus) -> None:
    """Close a running phase as completed or failed. Closing it again changes nothing."""
    if phase.status == status:
        return
    at = now()
    move_phase(conn, phase, status, completed_at=at)
    ended = PhaseCompleted if status == PhaseStatus.COMPLETED else PhaseFailed
    events.append(conn, phase.project_id, ended(**describe(phase)), actor="signoff", at=at)


def has_open_tasks(conn: Connection, phase_id: str) -> bool:
    """Whether a phase has tasks that have not ended."""
    query = select(task_table.c.id).where(task_table.c.phase_id == phase_id, task_table.c.status.notin_(FINISHED_TASK))
    return conn.execute(query.limit(1)).first() is not None


def has_open_phases(conn: Connection, project_id: str) -> bool:
    """Whether a project has phases that have not ended."""
    query = select(phases.c.id).where(phases.c.project_id == project_id, phases.c.status.notin_(FINISHED_PHASE))
    return conn.execute(query.limit(1)).first() is not None


def move_phase(conn: Connection, phase: PhaseRow, status: PhaseStatus, **values: Unpack[PhaseChanges]) -> None:
    """Change a phase's status as the table of moves allows.

    Raises:
        Conflict: the table does not allow this move from the phase's current status.
    """
    allowed = sources(PHASE_MOVES, status)
    query = update(phases).where(phases.c.id == phase.id, phases.c.status.in_(allowed)).values(status=status, **values)
    if conn.execute(query).rowcount != 1:
        raise Conflict(f"Phase '{phase.key}' cannot become {status} now.", code="impossible_move")


def describe(phase: PhaseRow) -> PhaseNames:
    """Return the fields that every event about a phase has."""
    return {"phase_id": phase.id, "key": phase.key, "name": phase.name, "position": phase.position}


def finish(
    conn: Connection, project: ProjectRow, status: ProjectStatus, *, failure: Failure | None, actor: Actor
) -> None:
    """End a run, whatever its tasks and phases are doing. Every task that this ends gets an event.

    Cancelled: open tasks are cancelled; those still running are marked `did_not_stop`. Failed: tasks that never started are
    skipped. A run that an answer has ended is cancelled, and `failure` says so.
    """
    at = now()
    cancelled = status == ProjectStatus.CANCELLED
    rows = tasks.open_of(conn, project.id)
    running = [row for row in rows if row.status == TaskStatus.RUNNING]
    others = [row for row in rows if row.status != TaskStatus.RUNNING]
    new_events = _revoke(conn, running, at, DID_NOT_STOP if cancelled else _lost(failure))
    if cancelled or _is_lost(failure):
        why = "cancelled" if cancelled else "run_lost"
        new_events += tasks.end_many(conn, others, TaskStatus.CANCELLED, reason=why, at=at)
    else:
        new_events += tasks.end_many(conn, others, TaskStatus.SKIPPED, reason="phase_failed", at=at)
    new_events += _close_phases(conn, project.id, cancelled=cancelled, at=at)
    questions.withdraw_all(conn, project.id)
    gates.withdraw(conn, project.id)
    waiting = proposals.version_waiting(conn, project)
    if waiting is not None:
        # The version would change a run that is over. An edit from now on makes a version that corrects the project.
        plans.supersede(conn, project.id, waiting)
        new_events.append(PlanSuperseded(plan_version=waiting, by=plans.current_version(project)))
    outcome, end = end_of(conn, project, status, failure)
    ended: ProjectChanges = {
        "stage": Stage.FINISHED,
        "gate": None,
        "failure": failure,
        "engaged": False,
        "paused": False,
        "outcome": outcome,
    }
    projects.move(conn, project, status, **ended)
    conn.execute(update(runs).where(runs.c.id == project.run_id).values(status=status, completed_at=at))
    slow_steps.note(conn, project, at)
    events.append(conn, project.id, *new_events, end, actor=actor, at=at)


def mark_lost(conn: Connection, project: ProjectRow, *, code: str, message: str) -> None:
    """Record that Temporal no longer runs a project's workflow. The project has failed, and its open tasks are cancelled."""
    failure: Failure = {"code": code, "message": message, "task_id": None}
    events.append(conn, project.id, RunLost(run_id=project.latest_run, code=code), actor="signoff")
    finish(conn, project, ProjectStatus.FAILED, failure=failure, actor="signoff")


def cancel_unstarted(
    conn: Connection, project: ProjectRow, *, actor: Actor, decision: CancelSeal, outcome: Outcome | None = None
) -> None:
    """Cancel a pending project. None of its tasks has started. `outcome` says more about why."""
    at = now()
    new_events = tasks.end_many(conn, tasks.open_of(conn, project.id), TaskStatus.CANCELLED, reason="cancelled", at=at)
    new_events += _close_phases(conn, project.id, cancelled=True, at=at)
    ended: ProjectChanges = {"stage": Stage.FINISHED, "former_stage": None, "gate": None, "outcome": outcome}
    projects.move(conn, project, ProjectStatus.CANCELLED, **ended)
    gates.withdraw(conn, project.id)
    more: _Outcome = {"outcome": outcome} if outcome is not None else {}
    end = ProjectCancelled(tasks=tasks.count_by_status(conn, project.id), **more, **decision)
    events.append(conn, project.id, *new_events, end, actor=actor, at=at)


def _revoke(conn: Connection, rows: list[tasks.TaskRow], at: str, error: TaskError) -> list[EventData]:
    """Revoke the fencing tokens of running tasks. Their attempts count as stopping until they are seen to have ended."""
    new_events = tasks.end_many(conn, rows, TaskStatus.CANCELLED, reason=error["type"], at=at, error=error)
    values = {"status": TaskStatus.CANCELLED, "error": error, "stopping_at": at}
    for row in rows:
        conn.execute(
            update(attempts).where(attempts.c.task_id == row.id, attempts.c.token == row.token).values(**values)
        )
    return new_events


def _close_phases(conn: Connection, project_id: str, *, cancelled: bool, at: str) -> list[EventData]:
    query = _PHASES.select.where(phases.c.project_id == project_id, phases.c.status.notin_(FINISHED_PHASE))
    new_events: list[EventData] = []
    for phase in _PHASES.all(conn, query.order_by(phases.c.position)):
        skip = not cancelled and phase.status == PhaseStatus.PENDING
        move_phase(conn, phase, PhaseStatus.SKIPPED if skip else PhaseStatus.CANCELLED, completed_at=at)
        if skip:
            new_events.append(PhaseSkipped(**describe(phase)))
    return new_events


def _is_lost(failure: Failure | None) -> bool:
    return failure is not None and failure["code"] in {"run_lost", "run_terminated"}


def _lost(failure: Failure | None) -> TaskError:
    code = failure["code"] if failure is not None else "run_lost"
    return {"type": code, "message": "The run ended while this task was in progress."}
