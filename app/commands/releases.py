"""A model's answer alone never releases what cannot be taken back. Checked before an answer, an approval and an edit."""

from __future__ import annotations

from sqlalchemy import Connection

from app.domain.commands import CommandKind
from app.domain.conditions import ends_run
from app.domain.decisions import MODEL_ACTOR, QuestionKind
from app.domain.errors import Conflict
from app.domain.lasting import lasting_effect
from app.domain.plan import PlanDraft
from app.domain.releasing import Released, Releases, listed
from app.storage import needs, plans, projects, questions, tasks
from app.storage.questions import QuestionRow
from app.storage.tasks import TaskRow
from signoff.vocabulary import TaskStatus

NEEDS_PERSON = "needs_person"


def check_answer(conn: Connection, actor: str, task: TaskRow, question: QuestionRow, answer: str) -> None:
    """Refuse a model's answer that would release what cannot be taken back.

    Raises:
        Conflict: `needs_person`.
    """
    why = objection(conn, task, question, answer) if actor.startswith(MODEL_ACTOR) else None
    if why is not None:
        raise Conflict(why, code=NEEDS_PERSON)


def objection(conn: Connection, task: TaskRow, question: QuestionRow, answer: str) -> str | None:
    """Why a person must give this answer; None if a model may give it.

    Runs that were approved before plans said who decides keep their rules.
    """
    if needs.deciders(conn, task.project_id) is None:
        return None
    released = _released(conn, task, question, answer)
    if not released:
        return None
    return f"A person must confirm this answer: it lets {listed(released)} run."


def _released(conn: Connection, task: TaskRow, question: QuestionRow, answer: str) -> list[Released]:
    if question.kind == QuestionKind.TASK_FAILED and answer == CommandKind.RETRY:
        effect = lasting_effect(task.action, task.on_crash)
        return [Released(task.key, effect)] if effect is not None else []
    if not _lets_run(conn, task, question.kind, answer):
        return []
    draft = plans.content(plans.current(conn, projects.get(conn, task.project_id)))
    return Releases(draft).by(task.key)


def _lets_run(conn: Connection, task: TaskRow, kind: QuestionKind, answer: str) -> bool:
    """Whether the tasks after this one run because of the answer."""
    if kind == QuestionKind.DECISION:
        return not ends_run(needs.stops(conn, task.project_id), task.key, answer)
    return answer == CommandKind.SKIP


def check_kept_answers(conn: Connection, project_id: str, draft: PlanDraft) -> None:
    """Refuse a plan in which an answer that a model has given would release what cannot be taken back.

    Raises:
        Conflict: `needs_person`, with what to change.
    """
    releases = Releases(draft)
    for task_id, kind, answer in questions.answers_by(conn, project_id, MODEL_ACTOR):
        task = tasks.find(conn, project_id, task_id)
        if task is None or not tasks.is_done(task) or not _lets_run(conn, task, kind, answer):
            continue
        left = [item for item in releases.by(task.key) if _is_left(conn, project_id, item.key)]
        if left:
            message = (
                f"A model has answered '{task.key}', and that answer alone would let {listed(left)} run. Add approval=yes "
                "(requires_approval), so that a person releases it."
            )
            raise Conflict(message, code=NEEDS_PERSON, context={"tasks": [item.key for item in left]})


def _is_left(conn: Connection, project_id: str, key: str) -> bool:
    row = tasks.find(conn, project_id, key)
    return row is None or row.status == TaskStatus.PENDING
