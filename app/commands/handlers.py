"""What each kind of command does. Each handler checks and applies it in the one transaction that records it."""

from __future__ import annotations

from typing import TypedDict

from sqlalchemy import Connection

from app.commands import answers, approvals, control, plan_edits, releases, reviews
from app.commands.bound import check_bound, superseded
from app.domain.command_payload import CommandPayload
from app.domain.command_seals import CancelSeal
from app.domain.commands import TASK_ANSWERS, CommandKind, CommandRecord
from app.domain.conditions import stops_of
from app.domain.edits import parse_edits
from app.domain.errors import Conflict, ErrorInfo, Invalid
from app.domain.identity import now
from app.domain.known import left_open
from app.domain.parameters import Value
from app.domain.registry import load_actions
from app.domain.releasing import deciders_of
from app.domain.states import Call, Situation, check_call
from app.domain.unseen import shown_in
from app.storage import (
    decisions,
    events,
    freezing,
    gates,
    plans,
    projects,
    proposals,
    questions,
    runs,
    signed_gates,
    signing_links,
    tasks,
)
from app.storage.gates import GateStatus
from app.storage.projects import ProjectRow, situation
from signoff.schemas.event_data import (
    DecisionMade,
    PhaseApproved,
    PhaseStarted,
    PlanApproved,
    PlanDiscarded,
    PlanReturned,
    RunCancelling,
    RunStarted,
)
from signoff.schemas.problems import Problem
from signoff.vocabulary import GateKind, Outcome, PhaseStatus, ProjectStatus, Stage

# The planner that is used if the request names none.
OUTLINE = "outline"


def request_plan(conn: Connection, command: CommandRecord) -> None:
    """Open the next plan version for a planner. If a plan that waits for approval is sent back, record it as returned."""
    project = projects.get(conn, command.project_id)
    refine = bool(command.payload.get("refine"))
    call = Call.GENERATE if command.kind == CommandKind.GENERATE else Call.REFINE if refine else Call.REGENERATE
    check_call(call, situation(project))
    if project.plan_version is not None:
        check_bound(plans.current(conn, project), command.payload)
    planner = command.payload.get("planner") or OUTLINE
    _check_instructions(project, command, planner)
    edits = command.payload.get("edits")
    version = plans.next_version(conn, project.id) + (1 if edits else 0)
    command.payload = {**command.payload, "version": version}
    seal = command.seal()
    if situation(project) == Situation.PLAN_READY:
        returned = PlanReturned(plan_version=plans.current_version(project), comment=command.comment, **seal)
        events.append(conn, project.id, returned, actor=command.sender)
    if edits:
        # The edits get their own version, which stays if the planner fails.
        plan_edits.edit_plan(conn, project.id, parse_edits(edits), load_actions(), actor=command.sender, call=call)
        project = projects.get(conn, project.id)
    instructions = command.payload.get("instructions")
    given: dict[str, Value | None] = {**project.parameters, **(command.payload.get("parameters") or {})}
    plans.begin_generation(
        conn,
        project,
        version,
        planner=planner,
        instructions=instructions,
        parameters={name: value for name, value in given.items() if value is not None},
        based_on=project.plan_version if refine else None,
        actor=command.sender,
        seal=seal,
    )


def _check_instructions(project: ProjectRow, command: CommandRecord, planner: str) -> None:
    """Refuse instructions that nobody would read: the outline planner cannot use them, and they do not send a plan back.

    Instructions that send a waiting plan back are recorded, regardless of the planner that makes the next version.
    """
    if planner == OUTLINE and command.payload.get("instructions") and situation(project) != Situation.PLAN_READY:
        message = (
            "The outline planner follows only the description and cannot use `instructions`. Change the description, or name a "
            "planner that uses a model."
        )
        raise Invalid(message, code="instructions_unused", details=[Problem(field="instructions", message=message)])


def approve(conn: Connection, command: CommandRecord) -> None:
    """Approve the current plan and open a run; in a running project, approve an edit, or the phase that waits at its gate."""
    captured = freezing.take_captured(command)
    project = projects.get(conn, command.project_id)
    _check_not_expired(conn, project, command)
    if (link := command.payload.get("link")) is not None:
        # If the approval is refused after this, the transaction is undone, and the link stays unused.
        signing_links.use(conn, project.id, link.get("id", ""))
    if situation(project) == Situation.RUNNING:
        edited = proposals.find(conn, project) if command.payload.get("phase_id") is None else None
        if edited is None:
            _approve_phase(conn, project, command)
        else:
            _check_named(project, edited, command.payload)
            check_bound(edited, command.payload)
            plan_edits.approve_edit(conn, project, edited, command, captured)
        return
    check_call(Call.APPROVE, situation(project))
    if command.payload.get("phase_id") is not None:
        message = "The plan itself is waiting for approval, not a phase. Omit phase_id to approve the whole plan."
        raise Conflict(message, code="phase_not_waiting", context={"plan_version": project.plan_version})
    plan = plans.current(conn, project)
    check_bound(plan, command.payload)
    reviews.check_no_request(conn, project, command)
    draft = plans.verified_draft(plan)
    if not draft.tasks():
        raise Conflict("The plan has no tasks. Add one, then approve it.", code="empty_plan")
    digest = plans.contents(plan).digest
    command.plan_version, command.plan_digest = plan.version, digest
    runs.check_workspace_free(conn, project)
    releases.check_kept_answers(conn, project.id, draft)
    if project.run_id is not None:
        # A task of an earlier run that does not stop could otherwise run twice at the same time.
        projects.check_stopped(conn, project.id)
    if captured is not None:
        captured.frozen.stops, captured.frozen.deciders = stops_of(draft), deciders_of(draft)
        captured.frozen.shown = shown_in(draft) or None
    captured = freezing.bind(command, captured)
    gate = gates.find(conn, project.id, GateKind.PLAN, str(plan.version))
    if not approvals.sign(conn, command, project, gate, seen=freezing.seen(captured)):
        reviews.wait_again(conn, project, command)
        return
    run = runs.start(conn, project, plan, temporal_run_id=command.payload.get("temporal_run_id"))
    command.payload = {**command.payload, **run}
    freezing.keep(conn, project.id, plan.version, captured)
    plans.mark_approved(conn, project.id, plan.version, actor=command.sender, at=command.at)
    approved = PlanApproved(
        plan_version=plan.version,
        plan_digest=digest,
        approved_at=command.at,
        comment=command.comment,
        **left_open(draft),
        **reviews.withdrawn(command),
        **command.seal(),
    )
    started = RunStarted(plan_version=plan.version, plan_digest=digest, **run, **_kept(conn, project))
    events.append(conn, project.id, approved, started, actor=command.sender)


def _check_not_expired(conn: Connection, project: ProjectRow, command: CommandRecord) -> None:
    """Tell somebody who approves too late that the time is up, not that the project has ended.

    Raises:
        Conflict: `approval_expired`.
    """
    ended = project.status == ProjectStatus.CANCELLED or project.stage == Stage.CANCELLING
    newest = gates.newest_of(conn, project.id) if ended else None
    if newest is not None and newest.status == GateStatus.EXPIRED and newest.plan_version == project.plan_version:
        approvals.check_in_time(newest, command.at)


class _Kept(TypedDict, total=False):
    retry_of: str
    kept: int
    reset: list[str]


def _kept(conn: Connection, project: ProjectRow) -> _Kept:
    """What a run of a corrected plan keeps of the run before it. Empty if it keeps nothing."""
    rows = tasks.all_of(conn, project.id)
    again = [row.id for row in rows if not tasks.is_done(row)]
    if project.run_id is None or len(again) == len(rows):
        return {}
    return {"retry_of": project.run_id, "kept": len(rows) - len(again), "reset": again}


def discard_edit(conn: Connection, command: CommandRecord) -> None:
    """Discard the version that an edit of the run has made. The run continues with the version that was approved."""
    project = projects.get(conn, command.project_id)
    check_call(Call.DISCARD, situation(project))
    edited = proposals.find(conn, project)
    if edited is None:
        raise Conflict("No edit of this run is waiting for approval.", code="no_edit_waiting")
    if command.payload.get("plan_version") is None and command.payload.get("plan_digest") is None:
        # None was waiting when this was sent.
        raise superseded(edited)
    check_bound(edited, command.payload)
    command.plan_version, command.plan_digest = edited.version, edited.digest
    command.payload = {**command.payload, "plan_version": edited.version}
    plans.discard(conn, project.id, edited.version)
    gates.withdraw(conn, project.id, (GateKind.EDIT,))
    questions.settle_stage(conn, project.id)
    discarded = PlanDiscarded(
        plan_version=edited.version,
        plan_digest=plans.contents(edited).digest,
        run_id=project.latest_run,
        comment=command.comment,
        **command.seal(),
    )
    events.append(conn, project.id, discarded, actor=command.sender)


def _check_named(project: ProjectRow, edited: plans.PlanRow, payload: CommandPayload) -> None:
    """Refuse an approval that may mean the edit or the phase, because both wait and it names neither."""
    if project.gate is None or payload.get("plan_version") is not None or payload.get("plan_digest") is not None:
        return
    message = (
        f"Version {edited.version} of the plan, which an edit has made, and a phase both wait for approval. Name plan_version "
        "and plan_digest to approve the version, or phase_id to start the phase."
    )
    raise Conflict(message, code="approval_ambiguous", context={"plan_version": edited.version})


def _approve_phase(conn: Connection, project: ProjectRow, command: CommandRecord) -> None:
    requested = command.payload.get("phase_id")
    gate = project.gate
    if gate is None or project.stage == Stage.CANCELLING:
        raise Conflict("The project is running, and no phase is waiting for approval.", code="project_running")
    if requested is not None and requested != gate["phase_id"]:
        message = "A different phase is waiting for approval."
        raise Conflict(message, code="phase_not_waiting", context={"phase_id": gate["phase_id"]})
    run = runs.latest_of(conn, project)
    plan = plans.current(conn, project)
    check_bound(plan, command.payload)
    freezing.check_seen(command, plan)
    phase = runs.get_phase(conn, gate["phase_id"])
    command.plan_version, command.plan_digest = plan.version, run.plan_digest if run is not None else None
    command.payload = {**command.payload, "phase_id": phase.id}
    waits = signed_gates.of_phase(conn, project, phase.id)
    signed = gates.find(conn, project.id, GateKind.PHASE, gates.in_run(phase.id, project))
    # An edit may change a phase that waits. Earlier approvals then no longer count.
    if not approvals.sign(conn, command, project, signed, seen=plan.digest, waits=waits):
        return
    at = now()
    approved = {"approved_at": at, "approved_by": command.actor}
    runs.move_phase(conn, phase, PhaseStatus.RUNNING, started_at=at, **approved)
    projects.change(conn, project, gate=None)
    questions.settle_stage(conn, project.id)
    names = runs.describe(phase)
    allowed = PhaseApproved(**names, comment=command.comment, **command.seal())
    events.append(conn, project.id, allowed, PhaseStarted(**names), actor=command.sender, at=at)


def cancel(conn: Connection, command: CommandRecord) -> None:
    """Cancel a pending project at once, interrupt its planning, or begin to cancel a running project."""
    project = projects.get(conn, command.project_id)
    where = situation(project)
    check_call(Call.CANCEL, where)
    approvals.check_expiry(conn, command)
    seal: CancelSeal = {"reason": command.comment, **command.seal()}
    if where == Situation.RUNNING:
        if project.stage == Stage.CANCELLING:
            event = DecisionMade(kind=command.kind, **seal)
        else:
            projects.change(conn, project, stage=Stage.CANCELLING, gate=None)
            event = RunCancelling(**seal)
        events.append(conn, project.id, event, actor=command.sender)
        return
    if where == Situation.PLANNING:
        error = ErrorInfo(status=409, code="planning_cancelled", message="Planning was cancelled.")
        latest = plans.latest(conn, project.id)
        if latest is not None:
            plans.fail_generation(conn, project.id, latest.version, error, actor=command.sender, seal=seal)
        project = projects.get(conn, project.id)
        if project.status != ProjectStatus.PENDING:
            return
    outcome = Outcome.EXPIRED if command.payload.get("expired_gate") is not None else None
    runs.cancel_unstarted(conn, project, actor=command.sender, decision=seal, outcome=outcome)


HANDLERS: dict[CommandKind, decisions.Handler] = {
    CommandKind.GENERATE: request_plan,
    CommandKind.RETURN: request_plan,
    CommandKind.APPROVE: approve,
    CommandKind.CANCEL: cancel,
    CommandKind.PAUSE: control.pause,
    CommandKind.RESUME: control.resume,
    CommandKind.RETRY_RUN: control.retry_run,
    CommandKind.EDIT: plan_edits.edit_running,
    CommandKind.DISCARD: discard_edit,
    CommandKind.WITHDRAW: approvals.withdraw,
    CommandKind.REQUEST_CHANGES: reviews.request_changes,
    CommandKind.REJECT: reviews.reject,
    CommandKind.ANSWER: answers.answer_question,
    CommandKind.EXPIRE: answers.expire_question,
    **dict.fromkeys(TASK_ANSWERS, answers.answer_task),
}
