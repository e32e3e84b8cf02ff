"""Control over runs: pause and resume a run, or retry a finished run from what failed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select, update

from app.commands import approvals
from app.domain.commands import CommandRecord
from app.domain.conditions import DECISION, condition_of, ends_run
from app.domain.errors import Conflict
from app.domain.plan import task_of
from app.domain.states import PHASE_MOVES, TASK_MOVES, Call, Situation, check_call, sources
from app.storage import events, gates, needs, plan_gates, plans, projects, questions, runs, signed_gates, tasks
from app.storage.gates import GateStatus
from app.storage.projects import ProjectRow, situation
from app.storage.tables import phases as phase_table
from app.storage.tables import tasks as task_table
from app.storage.tasks import TaskRow
from signoff.schemas.event_data import RunPaused, RunResumed, RunStarted
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import GateKind, PhaseStatus, PlanStatus, RunsOn, Stage, TaskStatus

_CHUNK = 5000


def pause(conn: Connection, command: CommandRecord) -> None:
    """Start nothing more. Tasks in progress run to their end."""
    _set_paused(conn, command, RunPaused, paused=True)


def resume(conn: Connection, command: CommandRecord) -> None:
    """Resume a paused run."""
    _set_paused(conn, command, RunResumed, paused=False)


def _set_paused(
    conn: Connection, command: CommandRecord, change: type[RunPaused | RunResumed], *, paused: bool
) -> None:
    project = projects.get(conn, command.project_id)
    check_call(Call.PAUSE, situation(project))
    if project.stage == Stage.CANCELLING:
        raise Conflict("The project is being cancelled.", code="project_cancelling")
    if project.paused == paused:
        message = "The project is already paused." if paused else "The project is not paused."
        raise Conflict(message, code="already_paused" if paused else "not_paused")
    projects.change(conn, project, paused=paused)
    questions.settle_stage(conn, project.id)
    changed = change(run_id=project.latest_run, comment=command.comment, **command.seal())
    events.append(conn, project.id, changed, actor=command.sender)


def retry_run(conn: Connection, command: CommandRecord) -> None:
    """Open another run of the approved plan. Finished tasks stay finished; the others run again.

    `tasks` in the payload (ids or keys) names finished tasks that must run again anyway, together with every task that
    depends on them.
    """
    project = projects.get(conn, command.project_id)
    edited = situation(project) == Situation.PLAN_READY and project.run_id is not None
    if not edited:
        check_call(Call.RETRY, situation(project))
    plan = plans.current(conn, project)
    if plan.status != PlanStatus.APPROVED:
        message = f"The plan was changed after its last run. Approve version {plan.version} to run it."
        context = {"plan_version": plan.version, "plan_digest": plan.digest}
        raise Conflict(message, code="plan_superseded", context=context)
    plans.verified_draft(plan)
    digest = plans.contents(plan).digest
    projects.check_stopped(conn, project.id)
    runs.check_workspace_free(conn, project)
    rows = tasks.all_of(conn, project.id)
    again = to_run_again(conn, project, rows, command.payload.get("tasks") or [])
    command.plan_version, command.plan_digest = plan.version, digest
    ids = [row.id for row in again]
    waits = signed_gates.of_retry(conn, project, ids)
    if not approvals.sign(conn, command, project, _gate_of_retry(conn, project, plan, ids), waits=waits):
        return
    run = runs.start(conn, project, plan, temporal_run_id=command.payload.get("temporal_run_id"))
    command.payload = {**command.payload, **run}
    _reset_tasks(conn, [row.id for row in again])
    _reset_phases(conn, project.id, {row.phase_id for row in again})
    started = RunStarted(
        plan_version=plan.version,
        plan_digest=digest,
        **run,
        retry_of=project.run_id,
        kept=len(rows) - len(again),
        reset=[row.id for row in again],
        comment=command.comment,
        **command.seal(),
    )
    events.append(conn, project.id, started, actor=command.sender)


def _gate_of_retry(
    conn: Connection, project: ProjectRow, plan: plans.PlanRow, again: Sequence[str]
) -> gates.GateRow | None:
    """The gate of a retry that runs these tasks again. It opens with the first request for this."""
    subject = gates.retry_subject(project, again)
    found = gates.find(conn, project.id, GateKind.RETRY, subject)
    if found is not None and found.status == GateStatus.OPEN:
        return found
    return plan_gates.open_again(conn, project, subject, plan)


def to_run_again(
    conn: Connection, project: ProjectRow, rows: Sequence[TaskRow], named: Collection[str]
) -> list[TaskRow]:
    """Return the unfinished tasks, the named ones, and those that depend on a named one, in the plan's order.

    A run that an answer has ended asks again. Phases that follow a failure or clean up belong to each run. What has a condition
    on a task that runs again is evaluated again.
    """
    phases = {phase.id: phase for phase in runs.phases_of(conn, project.id)}
    ending = needs.stops(conn, project.id)
    again = {row.key for row in rows if not tasks.is_done(row) or phases[row.phase_id].runs_on != RunsOn.SUCCESS}
    dependents: dict[str, list[str]] = {}
    watching: dict[str, list[str]] = {}
    for row in rows:
        for key in row.depends_on:
            dependents.setdefault(key, []).append(row.key)
        for condition in (condition_of(row.condition), condition_of(phases[row.phase_id].condition)):
            for key in task_of(condition):
                watching.setdefault(key, []).append(row.key)
    stack = [row.key for row in rows if row.status == TaskStatus.COMPLETED and ends_run(ending, row.key, _answer(row))]
    stack += [tasks.get(conn, project.id, name).key for name in named]
    stack += [name for key in again for name in watching.get(key, ())]
    reached: set[str] = set()
    while stack:
        key = stack.pop()
        if key not in reached:
            reached.add(key)
            stack += [*dependents.get(key, ()), *watching.get(key, ())]
    chosen = reached | again
    return [row for row in rows if row.key in chosen]


def _answer(row: TaskRow) -> object:
    return row.outputs.get("answer") if row.action["type"] == DECISION else None


def _reset_tasks(conn: Connection, ids: Sequence[str]) -> None:
    values: JsonObject = {
        "status": TaskStatus.PENDING,
        "reason": None,
        "outputs": {},
        "error": None,
        "exit_code": None,
        "log_bytes": 0,
        "started_at": None,
        "completed_at": None,
        "due_at": None,
        "recorded_try": 0,
        "token": None,
        "quarantine": None,
    }
    allowed = [*sources(TASK_MOVES, TaskStatus.PENDING), TaskStatus.PENDING]
    for start in range(0, len(ids), _CHUNK):
        chosen = (task_table.c.id.in_(ids[start : start + _CHUNK]), task_table.c.status.in_(allowed))
        conn.execute(update(task_table).where(*chosen).values(**values))


def _reset_phases(conn: Connection, project_id: str, reopened: Collection[str]) -> None:
    """Reset the phases that contain a task to run or that never finished. Their approvals remain valid."""
    query = select(phase_table.c.id, phase_table.c.status).where(phase_table.c.project_id == project_id)
    ids = [row.id for row in conn.execute(query) if row.id in reopened or row.status != PhaseStatus.COMPLETED]
    allowed = [*sources(PHASE_MOVES, PhaseStatus.PENDING), PhaseStatus.PENDING]
    chosen = (phase_table.c.id.in_(ids), phase_table.c.status.in_(allowed))
    values = {"status": PhaseStatus.PENDING, "started_at": None, "completed_at": None}
    conn.execute(update(phase_table).where(*chosen).values(**values))
