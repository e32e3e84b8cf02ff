"""Decisions that two different people must answer: checked before an answer, and before a skip that takes its place."""

from __future__ import annotations

from sqlalchemy import Connection

from app.domain.commands import CommandKind, CommandRecord, Outcome
from app.domain.conditions import DECISION
from app.domain.errors import Conflict
from app.domain.sender import Sender
from app.domain.signals import UNAUTHENTICATED
from app.domain.states import FINISHED_TASK
from app.domain.two_people import others_of
from app.storage import decisions, plans, projects, tasks
from app.storage.tasks import TaskRow

_SETTLING = frozenset({CommandKind.ANSWER, CommandKind.SKIP, CommandKind.COMPLETE})


def check(conn: Connection, command: CommandRecord, task: TaskRow) -> None:
    """Refuse to let one person settle two decisions that the plan leaves to two people.

    Raises:
        Conflict: `same_person`.
    """
    if task.action_type != DECISION:
        return
    draft = plans.content(plans.current(conn, projects.get(conn, task.project_id)))
    for key in others_of(draft).get(task.key, []):
        if command.actor == UNAUTHENTICATED:
            message = f"'{task.key}' and '{key}' need two different people, and nobody knows who sent this answer."
            raise Conflict(f"{message} Answer through the API, the page or the CLI.", code="same_person")
        other = tasks.find(conn, task.project_id, key)
        by = _settled_by(conn, other) if other is not None else None
        if by is not None and by.is_same_as(command.sender):
            message = f"{command.actor} has already settled '{key}'. Another person must answer '{task.key}'."
            raise Conflict(message, code="same_person", context={"decision": key, "actor": command.actor})


def _settled_by(conn: Connection, task: TaskRow) -> Sender | None:
    """Who answered or skipped a decision; None if nobody has."""
    if task.status not in FINISHED_TASK:
        return None
    made = [
        decision.sender
        for decision in decisions.all_of(conn, task.project_id)
        if decision.outcome == Outcome.ACCEPTED
        and decision.kind in _SETTLING
        and decision.payload.get("task_id") == task.id
    ]
    return made[-1] if made else None
