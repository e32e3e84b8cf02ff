"""Turns a delivery to a workflow into a request to decide. It is looked up in the database: Temporal authenticates nobody."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from activities import by_hand
from activities.moments import not_due
from app.commands.handlers import HANDLERS
from app.domain.commands import (
    Approve,
    CommandKind,
    CommandRecord,
    CommandRequest,
    ExpireQuestion,
    StoredCommand,
    commands_of,
)
from app.domain.decisions import QuestionStatus
from app.domain.errors import Conflict, DomainError, NotFound
from app.domain.identity import now
from app.domain.signals import BY_HAND, UNAUTHENTICATED, not_by_hand, unknown_command
from app.storage import commands, decisions, gates, plans, projects, questions, reviews, tasks
from app.storage.decisions import Handler
from app.storage.projects import ProjectRow
from signoff.vocabulary import GateKind, ProjectStatus, Stage
from workflows.contracts import OWN_ACTOR, Delivery

_REQUEST_ID_LENGTH = 200
# Completes a request before it takes effect.
Prepare = Callable[[Connection, CommandRequest], None]


def decide(
    conn: Connection, delivery: Delivery, *, signals_by_hand: bool, temporal_run_id: str | None, prepare: Prepare
) -> CommandRecord | None:
    """Decide a delivery. None if there is nothing to decide, because the record does not confirm it.

    Args:
        conn: an open write transaction.
        delivery: what reached the workflow, or what the workflow found to be due.
        signals_by_hand: obey signals that do not name a command, regardless of what they ask for.
        temporal_run_id: the Temporal run id of the workflow that asks.
        prepare: completes a request before it is decided.

    Raises:
        NotFound: the project does not exist.
        ApplicationError: `NotDue`: Temporal must ask again later.
    """
    project = projects.get(conn, delivery.project_id)
    request, refusal = _read(conn, project, delivery, signals_by_hand=signals_by_hand)
    if request is None:
        return None
    if request.command_type.starts_run and temporal_run_id is not None:
        request.payload = {**request.payload, "temporal_run_id": temporal_run_id}
    if refusal is None:
        _check_undo_over(conn, request)
        prepare(conn, request)
    return decisions.decide(conn, request, refusal or HANDLERS[request.kind], announce_refusal=True)


def _check_undo_over(conn: Connection, request: CommandRequest) -> None:
    """Make sure that an approval does not take effect while it can be withdrawn, by the clock that has set this time.

    Raises:
        ApplicationError: `NotDue`.
    """
    named = request.payload.get("completed_by")
    gate = gates.completed_gate(conn, request.project_id, named) if named is not None else None
    if gate is not None and gate.undo_until is not None and gate.undo_until > now():
        raise not_due(f"The approval {named} can be withdrawn until {gate.undo_until}.")


def _read(
    conn: Connection, project: ProjectRow, delivery: Delivery, *, signals_by_hand: bool
) -> tuple[CommandRequest | None, Handler | None]:
    """The request to decide, and a handler that refuses it, if it must be refused."""
    if delivery.origin == "plan_ready":
        return automatic_approval(conn, project), None
    if delivery.origin == "time_up":
        return expiry(conn, project, delivery.task or ""), None
    if not commands_of(delivery.name):
        return None, None
    if delivery.origin == "signal" and delivery.command is not None:
        command = stored_command(conn, delivery)
        if command is not None:
            return command, _of_its_run(project, command)
        return _unauthenticated(delivery), _refuse(unknown_command(delivery.name, project.id))
    return _sent_by_hand(delivery, signals_by_hand=signals_by_hand)


def stored_command(conn: Connection, delivery: Delivery) -> StoredCommand | None:
    """The command that a signal names. It must belong to this project and be of a kind that this signal announces."""
    command = commands.find(conn, delivery.project_id, delivery.command or "")
    fits = command is not None and command.command_type in commands_of(delivery.name)
    return command if fits else None


def _of_its_run(project: ProjectRow, command: StoredCommand) -> Handler | None:
    try:
        command.check_run(project.run_id, running=project.status == ProjectStatus.RUNNING)
    except Conflict as error:
        return _refuse(error)
    return None


def _sent_by_hand(delivery: Delivery, *, signals_by_hand: bool) -> tuple[CommandRequest, Handler | None]:
    request = _unauthenticated(delivery)
    if not signals_by_hand and not request.command_type.only_stops:
        return request, _refuse(not_by_hand(delivery.name, delivery.project_id))
    try:
        request.kind, request.comment, request.payload = by_hand.read(
            delivery.name, delivery.content, delivery.project_id
        )
    except DomainError as error:
        return request, _refuse(error)
    return request, None


def _unauthenticated(delivery: Delivery) -> CommandRequest:
    return CommandRequest(
        project_id=delivery.project_id,
        request_id=f"{BY_HAND}{delivery.id}"[:_REQUEST_ID_LENGTH],
        kind=commands_of(delivery.name)[0].kind,
        actor=UNAUTHENTICATED,
    )


def _refuse(error: DomainError) -> Handler:
    def refuse(_conn: Connection, _decision: CommandRecord) -> None:
        raise error

    return refuse


def automatic_approval(conn: Connection, project: ProjectRow) -> CommandRequest | None:
    """The automatic approval of a plan that a planner or a refinement has just made, if the project is set to do so."""
    if not project.auto_approve_plan or project.stage != Stage.AWAITING_APPROVAL:
        return None
    if reviews.standing_request(conn, project) is not None:
        # Somebody wants to see the next version before it runs.
        return None
    plan = plans.current(conn, project)
    if plan.planner == "hand" and not decisions.has_made_plan(conn, project.id, plan.version):
        return None
    gate = gates.find(conn, project.id, GateKind.PLAN, str(plan.version))
    if gate is not None and not gate.demands.automatic:
        return None
    return CommandRequest(
        project_id=project.id,
        request_id=f"auto:{plan.version}",
        kind=Approve.kind,
        actor=OWN_ACTOR,
        comment="auto_approve_plan",
        payload=Approve(plan_version=plan.version, plan_digest=plan.digest).payload,
    )


def expiry(conn: Connection, project: ProjectRow, key: str) -> CommandRequest | None:
    """The expiry of a task's question.

    Raises:
        ApplicationError: `NotDue`: the question is still open by this worker's clock; Temporal asks again.
    """
    task = tasks.find(conn, project.id, key)
    question = questions.latest_of(conn, task.id) if task is not None else None
    if task is None or question is None or question.expires_at is None or question.run_id != project.run_id:
        return None
    if question.status == QuestionStatus.OPEN and question.expires_at > now():
        raise not_due(f"The question of task '{task.key}' is open until {question.expires_at}.")
    return CommandRequest(
        project_id=project.id,
        request_id=f"expire:{project.run_id}:{task.key}",
        kind=ExpireQuestion.kind,
        actor=OWN_ACTOR,
        comment="Nobody answered in time.",
        payload=ExpireQuestion(task=task.key).payload,
    )


def command_to_erase(conn: Connection, project_id: str, command_id: str) -> StoredCommand:
    """The stored command to delete a project.

    Raises:
        NotFound: no such command has that id.
    """
    command = commands.find(conn, project_id, command_id)
    if command is None or not _is_delete(command):
        raise NotFound(f"This id is not a stored command to delete project {project_id}.", code="unknown_command")
    return command


def asks_to_erase(conn: Connection, delivery: Delivery) -> bool:
    """Whether the project must be deleted once its run has stopped."""
    command = stored_command(conn, delivery) if delivery.origin == "signal" else None
    return command is not None and _is_delete(command)


def _is_delete(command: StoredCommand) -> bool:
    return command.kind == CommandKind.CANCEL and bool(command.payload.get("delete"))
