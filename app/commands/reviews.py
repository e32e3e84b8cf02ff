"""A reviewer's other answers to a plan: request changes, or reject it. And what a request for changes means for an approval."""

from __future__ import annotations

from typing import TypedDict

from sqlalchemy import Connection

from app.commands.bound import check_bound
from app.domain.command_seals import CancelSeal
from app.domain.commands import CommandKind, CommandRecord
from app.domain.errors import Conflict, Invalid
from app.domain.signals import UNAUTHENTICATED
from app.domain.states import Call, check_call
from app.storage import decisions, events, gates, plans, projects, reviews, runs
from app.storage.projects import ProjectRow, situation
from signoff.schemas.event_data import PlanChangesRequested, PlanRejected
from signoff.schemas.problems import Problem
from signoff.vocabulary import Outcome, Stage


class Withdrawn(TypedDict, total=False):
    """The id of the decision that another one withdraws."""

    withdrawn: str


def request_changes(conn: Connection, command: CommandRecord) -> None:
    """Make the project wait for its author, who makes the next version."""
    project, digest = _reviewed(conn, command)
    standing = reviews.standing_request(conn, project)
    if project.stage == Stage.CHANGES_REQUESTED and standing is not None:
        message = (
            f"{standing.actor} has already requested changes to version {standing.plan_version}. To add something, comment on "
            "the plan."
        )
        raise Conflict(message, code="changes_requested", context=_context(standing))
    projects.change(conn, project, stage=Stage.CHANGES_REQUESTED)
    gate = next((gate for gate in gates.open_of(conn, project.id) if gate.completed_by is not None), None)
    if gate is not None:
        command.payload = {**command.payload, "gate_id": gate.id, "withdrawn": str(gate.completed_by)}
        gates.reopen(conn, gate)
    requested = PlanChangesRequested(
        plan_version=plans.current_version(project),
        plan_digest=digest,
        comment=command.comment,
        **withdrawn(command),
        **command.seal(),
    )
    events.append(conn, project.id, requested, actor=command.sender)


def reject(conn: Connection, command: CommandRecord) -> None:
    """Reject the plan that waits for approval. The project is cancelled at once, because none of its tasks has started."""
    project, digest = _reviewed(conn, command)
    seal = command.seal()
    rejected = PlanRejected(
        plan_version=plans.current_version(project), plan_digest=digest, comment=command.comment, **seal
    )
    events.append(conn, project.id, rejected, actor=command.sender)
    reason: CancelSeal = {"reason": command.comment, **seal}
    runs.cancel_unstarted(conn, project, actor=command.sender, decision=reason, outcome=Outcome.REJECTED)


def check_no_request(conn: Connection, project: ProjectRow, command: CommandRecord) -> None:
    """Refuse to approve a version to which somebody else has requested changes.

    Whoever requested them may approve it after all, which withdraws the request. The command then names it.

    Raises:
        Conflict: `changes_requested`.
    """
    if project.stage != Stage.CHANGES_REQUESTED:
        return
    standing = reviews.standing_request(conn, project)
    if standing is None:
        return
    if command.actor == UNAUTHENTICATED or not standing.sender.is_same_as(command.sender):
        message = (
            f"{standing.actor} has requested changes to version {standing.plan_version}. Make a new version, or ask "
            f"{standing.actor} to approve this one."
        )
        raise Conflict(message, code="changes_requested", context=_context(standing))
    command.payload = {**command.payload, "withdrawn": standing.id}


def withdrawn(command: CommandRecord) -> Withdrawn:
    """Return the earlier decision that a command withdraws. Empty if there is none."""
    request = command.payload.get("withdrawn")
    return {"withdrawn": request} if request is not None else {}


def wait_again(conn: Connection, project: ProjectRow, command: CommandRecord) -> None:
    """Let a plan wait for its other approvals again, if this approval has withdrawn the request for changes to it."""
    if withdrawn(command):
        projects.change(conn, project, stage=Stage.AWAITING_APPROVAL)


def request_again(conn: Connection, command: CommandRecord) -> None:
    """Let a plan wait for its author again, if the approval that a command withdraws has withdrawn the request for changes."""
    undone = decisions.by_id(conn, command.project_id, command.payload.get("withdrawn", ""))
    if undone is not None and undone.kind == CommandKind.APPROVE and withdrawn(undone):
        projects.change(conn, projects.get(conn, command.project_id), stage=Stage.CHANGES_REQUESTED)


def _reviewed(conn: Connection, command: CommandRecord) -> tuple[ProjectRow, str]:
    """Return the project and the digest of the version that the command is about, and name the version in the command."""
    project = projects.get(conn, command.project_id)
    check_call(Call.REVIEW, situation(project))
    plan = plans.current(conn, project)
    check_bound(plan, command.payload)
    if not command.comment.strip():
        message = "Say in `comment` what must change, or why the plan is rejected."
        raise Invalid(message, code="comment_needed", details=[Problem(field="comment", message=message)])
    digest = plans.contents(plan).digest
    command.plan_version, command.plan_digest = plan.version, digest
    return project, digest


def _context(standing: CommandRecord) -> dict[str, object]:
    return {"by": standing.actor, "at": standing.at, "plan_version": standing.plan_version, "comment": standing.comment}
