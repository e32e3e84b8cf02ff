"""What waits for approval in a project, and whether its reader may give it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from app.commands.approvals import is_own
from app.domain.gates import Approver, needed, refusal, still_missing
from app.domain.people import ROLE_FOR, Access
from app.domain.sender import Sender, called
from app.domain.states import Situation
from app.storage import gates, plans, proposals, questions
from app.storage.gates import GateRow
from app.storage.projects import ProjectRow, situation
from app.storage.tasks import TaskRow
from signoff.schemas.gates import Gate, GateApprovals, GivenApproval
from signoff.vocabulary import GateKind, Scope, TaskStatus, WaitReason

_ONE = GateApprovals(given=0, needed=1)
_SCOPES = {GateKind.RETRY: Scope.OPERATE}


def gates_of(conn: Connection, project: ProjectRow, rows: Sequence[TaskRow]) -> list[Gate]:
    """Everything in a project that waits for approval, whether a policy is about it or not. `rows` has all of its tasks."""
    # Without a plan there is nothing to approve.
    found = [shown(conn, row) for row in gates.open_of(conn, project.id)] if project.plan_version is not None else []
    there = {_what(gate) for gate in found}
    return [*found, *(gate for gate in _usual(conn, project, rows) if _what(gate) not in there)]


def _what(gate: Gate) -> tuple[GateKind, str | None]:
    return gate.kind, gate.phase_id or gate.task_id


def gate_of_phase(everything: list[Gate]) -> Gate | None:
    """The gate of the phase at which a project waits, if it waits at one."""
    return next((gate for gate in everything if gate.kind == GateKind.PHASE), None)


def shown(conn: Connection, row: GateRow) -> Gate:
    """A gate at which policies demand something."""
    rules, given = row.demands, gates.approvals_of(conn, row)
    name = row.subject.partition(":")[0]
    task = questions.find(conn, row.project_id, name) if row.kind == GateKind.CHANGE else None
    return Gate(
        kind=row.kind,
        id=row.id,
        plan_version=row.plan_version,
        phase_id=name if row.kind == GateKind.PHASE else None,
        task_id=name if row.kind == GateKind.TASK else task.task_id if task is not None else None,
        since=row.opened_at,
        expires_at=row.expires_at,
        approvals=GateApprovals(
            given=len(given),
            needed=needed(rules, given),
            by=[
                GivenApproval(
                    name=one.by.actor,
                    id=one.by.actor_id,
                    at=one.at,
                    decision_id=one.decision_id,
                    link_made_by=one.link.get("made_by"),
                    link_requested_by=one.link.get("requested_by"),
                )
                for one in given
            ],
            missing=[missing.words for missing in still_missing(rules, given)],
        ),
        demands=rules.words,
        passkey=rules.passkey,
        undo_until=row.undo_until,
    )


def for_reader(conn: Connection, project: ProjectRow, gate: Gate, reader: Sender, access: Access) -> Gate:
    """A gate with whether its reader may approve, and why not."""
    scope = _SCOPES.get(gate.kind, Scope.APPROVE)
    if not access.may(scope, project.labels):
        why = f"You do not have the role {ROLE_FOR[scope]}, which this needs."
        return gate.model_copy(update={"may_approve": False, "why_not": why, "may_undo": False})
    row = gates.by_id(conn, project.id, gate.id) if gate.id is not None else None
    if row is None:
        return gate.model_copy(update={"may_approve": True, "may_undo": False})
    told, may_undo = _why_not(conn, project, row, reader, access), is_own(conn, row, reader)
    return gate.model_copy(update={"may_approve": told is None, "why_not": told, "may_undo": may_undo})


def _why_not(conn: Connection, project: ProjectRow, row: GateRow, reader: Sender, access: Access) -> str | None:
    if row.completed_by is not None:
        return gates.already_complete(row).info.message
    rules = row.demands
    authors = gates.authors_of(conn, project) if rules.four_eyes else set[str]()
    is_key = (reader.actor_id or "").startswith("key_")
    # People may still sign with a device.
    is_person = (reader.actor_id or "").startswith("person_")
    who = Approver(
        called(reader.actor), reader.actor_id, access.roles_for(project.labels), is_key=is_key, with_passkey=is_person
    )
    why = refusal(row.kind, rules, gates.approvals_of(conn, row), who, authors)
    return why.info.message if why is not None else None


def _usual(conn: Connection, project: ProjectRow, rows: Sequence[TaskRow]) -> list[Gate]:
    """What waits for one approval by anybody who may approve."""
    found: list[Gate] = []
    if situation(project) == Situation.PLAN_READY and project.plan_version is not None:
        plan = plans.current(conn, project)
        found.append(Gate(kind=GateKind.PLAN, plan_version=plan.version, since=plan.created_at, approvals=_ONE))
    edited = proposals.find(conn, project)
    if edited is not None:
        found.append(Gate(kind=GateKind.EDIT, plan_version=edited.version, since=edited.created_at, approvals=_ONE))
    if project.gate is not None:
        found.append(
            Gate(
                kind=GateKind.PHASE,
                plan_version=project.plan_version,
                phase_id=project.gate["phase_id"],
                since=project.gate["since"],
                approvals=_ONE,
            )
        )
    for task in rows if situation(project) == Situation.RUNNING else ():
        if task.status == TaskStatus.WAITING and task.reason == WaitReason.RELEASE:
            since = task.started_at or project.updated_at
            version = project.plan_version
            found.append(Gate(kind=GateKind.TASK, plan_version=version, task_id=task.id, since=since, approvals=_ONE))
    return found
