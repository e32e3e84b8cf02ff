"""Finds the gate for which a person's device is to sign, and refuses what does not wait."""

from __future__ import annotations

from typing import TypedDict

from sqlalchemy import Connection

from app.commands.control import to_run_again
from app.domain.commands import CommandKind
from app.domain.decisions import QuestionKind, QuestionStatus
from app.domain.errors import Conflict, Invalid
from app.domain.signed_gates import SignedGate
from app.domain.states import Call, check_call
from app.storage import questions, signed_gates, tasks
from app.storage.projects import ProjectRow, situation
from signoff.schemas.json_value import JsonObject
from signoff.schemas.problems import Problem
from signoff.vocabulary import TaskStatus, WaitReason


class Named(TypedDict):
    """What a sender wants to approve: one of these, or the plan."""

    phase_id: str | None
    task_id: str | None
    answer: str | None
    outputs: JsonObject | None
    decision_id: str | None
    tasks: list[str] | None


def gate_to_sign(conn: Connection, project: ProjectRow, named: Named) -> SignedGate | None:
    """Return the gate that a sender names; None if it is the plan.

    Raises:
        Invalid: several gates are named, or an answer without a task.
        NotFound: there is no such task or decision.
        Conflict: `phase_not_waiting`, `task_not_waiting` or `decision_closed`: it does not wait for approval.
    """
    _check_one(named)
    if (phase_id := named["phase_id"]) is not None:
        if project.gate is None or project.gate["phase_id"] != phase_id:
            raise Conflict("This phase does not wait for approval.", code="phase_not_waiting")
        return signed_gates.of_phase(conn, project, phase_id)
    if (task_id := named["task_id"]) is not None:
        task = tasks.get(conn, project.id, task_id)
        if task.status != TaskStatus.WAITING or task.reason != WaitReason.RELEASE:
            message = f"Task '{task.key}' does not wait to be released, so a passkey has nothing to sign."
            raise Conflict(message, code="task_not_waiting")
        answer = CommandKind(named["answer"] or CommandKind.RETRY)
        return signed_gates.of_task(conn, project, task, answer, {"outputs": named["outputs"] or {}})
    if (decision_id := named["decision_id"]) is not None:
        question = questions.get(conn, project.id, decision_id)
        if question.status != QuestionStatus.OPEN or question.kind != QuestionKind.CHANGED:
            message = "This is not an open decision about something that changed, so a passkey has nothing to sign."
            raise Conflict(message, code="decision_closed")
        return signed_gates.of_change(conn, project, tasks.get(conn, project.id, question.task_id), question)
    if (again := named["tasks"]) is not None:
        check_call(Call.RETRY, situation(project))
        rows = to_run_again(conn, project, tasks.all_of(conn, project.id), again)
        return signed_gates.of_retry(conn, project, [row.id for row in rows])
    return None


def _check_one(named: Named) -> None:
    given = [
        name
        for name, value in (
            ("phase_id", named["phase_id"]),
            ("task_id", named["task_id"]),
            ("decision_id", named["decision_id"]),
            ("tasks", named["tasks"]),
        )
        if value is not None
    ]
    if len(given) > 1:
        message = f"Name one of {' and '.join(given)}: a passkey signs for one gate."
        raise Invalid(message, details=[Problem(field=given[1], message=message)])
    for field, value in (("answer", named["answer"]), ("outputs", named["outputs"])):
        if value is not None and named["task_id"] is None:
            message = f"`{field}` belongs to `task_id`."
            raise Invalid(message, details=[Problem(field=field, message=message)])
