"""Which scope an answer to a task needs: some answers are approvals, the others run the project."""

from __future__ import annotations

from sqlalchemy import Connection

from app.api.http.callers import AnyConnection, require
from app.domain.commands import CommandKind
from app.domain.conditions import DECISION
from app.domain.decisions import QuestionKind
from app.storage import projects
from app.storage.questions import QuestionRow
from signoff.schemas.tasks import Task
from signoff.vocabulary import Scope, WaitReason

# Whoever answers these lets something happen that somebody must answer for.
_APPROVALS = frozenset({QuestionKind.DECISION, QuestionKind.CHANGED, QuestionKind.AGENT})
_REASONS = frozenset({WaitReason.RELEASE, WaitReason.SIGNED_CHANGED, WaitReason.AGENT_QUESTION, WaitReason.DECISION})


def check_answer(conn: Connection, request: AnyConnection, question: QuestionRow) -> None:
    """Check that the sender may answer a question: decisions and changes are for approvers, failures for operators.

    Raises:
        Forbidden: `role_needed`.
    """
    project = projects.get(conn, question.project_id)
    require(request, project.labels, Scope.APPROVE if question.kind in _APPROVALS else Scope.OPERATE)


def check_task(conn: Connection, request: AnyConnection, task: Task, kind: CommandKind) -> None:
    """Check that the sender may complete, skip, retry or fail a task.

    What waits for an approval is for approvers, also when it is skipped. Both approvers and operators may say how a manual task
    ended; everything else is for operators.

    Raises:
        Forbidden: `role_needed`.
    """
    project = projects.get(conn, task.project_id)
    require(request, project.labels, *_needed(task, kind))


def _needed(task: Task, kind: CommandKind) -> tuple[Scope, ...]:
    if task.requires_approval or task.reason in _REASONS or task.action.get("type") == DECISION:
        failed = task.reason in {WaitReason.AFTER_FAILURE, WaitReason.WORKER_LOST, WaitReason.RETRY}
        return (Scope.OPERATE,) if failed else (Scope.APPROVE,)
    if task.reason == WaitReason.MANUAL and kind in {CommandKind.COMPLETE, CommandKind.FAIL}:
        return (Scope.APPROVE, Scope.OPERATE)
    return (Scope.OPERATE,)
