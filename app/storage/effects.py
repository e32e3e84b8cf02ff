"""What each kind of decision does. Each checks that it may, and does it, in the one transaction that records it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from app.domain.decisions import Decision, DecisionKind
from app.domain.errors import Conflict, ErrorInfo
from app.domain.events import EventType
from app.domain.identity import now
from app.domain.states import (
    SKIPPED_BY_PERSON,
    Call,
    PhaseStatus,
    ProjectStatus,
    Situation,
    Stage,
    TaskStatus,
    check_call,
    situation_of,
)
from app.storage import decisions, events, plans, projects, runs, tasks
from app.storage.projects import ProjectRow

# What a person may say of a task that waits, by what it waits for.
ANSWERS: dict[str, frozenset[DecisionKind]] = {
    "manual": frozenset({DecisionKind.COMPLETE, DecisionKind.SKIP, DecisionKind.FAIL}),
    "worker_lost": frozenset({DecisionKind.COMPLETE, DecisionKind.RETRY, DecisionKind.SKIP, DecisionKind.FAIL}),
}

NO_ANSWER: frozenset[DecisionKind] = frozenset()


def situation(project: ProjectRow) -> Situation:
    """Which row of the table of calls the project is in."""
    return situation_of(project.status, project.stage, has_plan=project.plan_version is not None)


def request_plan(conn: Connection, decision: Decision) -> None:
    """Open the next plan version for a planner. Sending a plan back that nobody signed is recorded as returned."""
    project = projects.get(conn, decision.project_id)
    call = Call.GENERATE if decision.kind == DecisionKind.GENERATE else Call.REGENERATE
    check_call(call, situation(project))
    planner = decision.payload.get("planner") or "outline"
    version = plans.next_version(conn, project.id)
    decision.payload = {**decision.payload, "version": version}
    seal = decision.seal()
    if situation(project) == Situation.PLAN_READY:
        data = {"plan_version": project.plan_version, "comment": decision.comment, **seal}
        events.append(conn, project.id, (EventType.PLAN_RETURNED, data), actor=decision.actor)
    instructions = decision.payload.get("instructions")
    plans.begin_generation(
        conn, project, version, planner=planner, instructions=instructions, actor=decision.actor, seal=seal
    )


def approve(conn: Connection, decision: Decision) -> None:
    """Approve the current plan and open a run; on a running project, the phase gate that waits."""
    project = projects.get(conn, decision.project_id)
    if situation(project) == Situation.RUNNING:
        _approve_phase(conn, project, decision)
        return
    check_call(Call.APPROVE, situation(project))
    plan = plans.get(conn, project.id, project.plan_version)
    _check_bound(plan, decision.payload)
    plans.verified_draft(plan)
    decision.plan_version, decision.plan_digest = plan.version, plan.digest
    busy = projects.running_in(conn, project.workspace, besides=project.id)
    if busy is not None:
        raise Conflict(
            f"Project {busy} is running in the same workspace; wait until it has finished.",
            code="workspace_busy",
            context={"project_id": busy},
        )
    run = runs.start(conn, project, plan, temporal_run_id=decision.payload.get("temporal_run_id"))
    decision.payload = {**decision.payload, **run}
    plans.mark_approved(conn, project.id, plan.version, actor=decision.actor, at=decision.at)
    signed = {"plan_version": plan.version, "plan_digest": plan.digest}
    events.append(
        conn,
        project.id,
        (EventType.PLAN_APPROVED, {**signed, "comment": decision.comment, **decision.seal()}),
        (EventType.RUN_STARTED, {**signed, **run}),
        actor=decision.actor,
    )


def _check_bound(plan: plans.PlanRow, payload: dict[str, Any]) -> None:
    version, digest = payload.get("plan_version"), payload.get("plan_digest")
    if (version is not None and version != plan.version) or (digest is not None and digest != plan.digest):
        raise Conflict(
            f"The plan was changed: version {plan.version} is the current one. Read it, then approve that.",
            code="plan_superseded",
            context={"plan_version": plan.version, "plan_digest": plan.digest},
        )


def _approve_phase(conn: Connection, project: ProjectRow, decision: Decision) -> None:
    wanted = decision.payload.get("phase_id")
    gate = project.gate
    if gate is None or project.stage != Stage.AWAITING_PHASE_APPROVAL:
        raise Conflict("The project is running, and no phase of it waits for an approval.", code="project_running")
    if wanted is not None and wanted != gate["phase_id"]:
        message = "Another phase than that one waits for an approval."
        raise Conflict(message, code="phase_not_waiting", context={"phase_id": gate["phase_id"]})
    run = runs.find(conn, project.run_id)
    plan = plans.get(conn, project.id, project.plan_version)
    _check_bound(plan, decision.payload)
    phase = runs.get_phase(conn, gate["phase_id"])
    decision.plan_version, decision.plan_digest = plan.version, run.plan_digest if run is not None else None
    decision.payload = {**decision.payload, "phase_id": phase.id}
    at = now()
    runs.move_phase(conn, phase, PhaseStatus.RUNNING, started_at=at)
    projects.change(conn, project, stage=Stage.EXECUTING, gate=None)
    events.append(
        conn,
        project.id,
        (EventType.PHASE_APPROVED, {**runs.describe(phase), "comment": decision.comment, **decision.seal()}),
        (EventType.PHASE_STARTED, runs.describe(phase)),
        actor=decision.actor,
        at=at,
    )


def cancel(conn: Connection, decision: Decision) -> None:
    """Cancel a pending project at once, interrupt a planning, or begin to cancel a running one."""
    project = projects.get(conn, decision.project_id)
    where = situation(project)
    check_call(Call.CANCEL, where)
    seal = {"reason": decision.comment, **decision.seal()}
    if where == Situation.RUNNING:
        if project.stage == Stage.CANCELLING:
            told = (EventType.DECISION_MADE, {"kind": decision.kind, **seal})
        else:
            projects.change(conn, project, stage=Stage.CANCELLING, gate=None)
            told = (EventType.RUN_CANCELLING, seal)
        events.append(conn, project.id, told, actor=decision.actor)
        return
    if where == Situation.PLANNING:
        error = ErrorInfo(status=409, code="planning_cancelled", message="The planning was cancelled.")
        latest = plans.latest(conn, project.id)
        if latest is not None:
            plans.fail_generation(conn, project.id, latest.version, error, actor=decision.actor, seal=seal)
        project = projects.get(conn, project.id)
        if project.status != ProjectStatus.PENDING:
            return
    runs.cancel_unstarted(conn, project, actor=decision.actor, decision=seal)


def answer(conn: Connection, decision: Decision) -> None:
    """Carry out what a person says of a task that waits: complete, skip, fail, or (after a lost worker) retry."""
    project = projects.get(conn, decision.project_id)
    task = tasks.get(conn, project.id, str(decision.payload.get("task")))
    if situation(project) != Situation.RUNNING or project.stage == Stage.CANCELLING:
        raise Conflict("The project is not running.", code="project_not_running")
    allowed = ANSWERS.get(task.reason or "", NO_ANSWER) if task.status == TaskStatus.WAITING else NO_ANSWER
    if decision.kind not in allowed:
        raise Conflict(
            f"Task '{task.key}' is {task.status} and does not wait for that answer.",
            code="task_not_waiting",
            context={"task_id": task.id, "status": task.status, "allowed": sorted(allowed)},
        )
    decision.payload = {**decision.payload, "task_id": task.id, "key": task.key}
    _carry_out(conn, task, decision, decision.payload.get("outputs") or {})


def _carry_out(conn: Connection, task: tasks.TaskRow, decision: Decision, outputs: dict[str, Any]) -> None:
    said: dict[str, Any] = {"comment": decision.comment, **decision.seal()}
    if decision.kind == DecisionKind.RETRY:
        data = {**tasks.describe(task), "answer": decision.kind, **said}
        tasks.set_reason(conn, task, "retry")
        events.append(conn, task.project_id, (EventType.DECISION_MADE, data), actor=decision.actor)
        return
    if decision.kind == DecisionKind.COMPLETE:
        tasks.close_task(conn, task, TaskStatus.COMPLETED, actor=decision.actor, outputs=outputs, **said)
    elif decision.kind == DecisionKind.SKIP:
        tasks.close_task(conn, task, TaskStatus.SKIPPED, actor=decision.actor, reason=SKIPPED_BY_PERSON, **said)
    else:
        message = decision.comment or "A person said that it failed."
        error = {"type": "failed_by_person", "message": message}
        tasks.close_task(conn, task, TaskStatus.FAILED, actor=decision.actor, error=error, **said)


EFFECTS: dict[DecisionKind, decisions.Effect] = {
    DecisionKind.GENERATE: request_plan,
    DecisionKind.RETURN: request_plan,
    DecisionKind.APPROVE: approve,
    DecisionKind.CANCEL: cancel,
    DecisionKind.COMPLETE: answer,
    DecisionKind.SKIP: answer,
    DecisionKind.RETRY: answer,
    DecisionKind.FAIL: answer,
}
