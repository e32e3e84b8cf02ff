"""Decisions that tasks ask for. Each is opened, then answered once, expired or withdrawn, with an event for each step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy import Connection, func, insert, select, update

from app.domain.decisions import RUN_AS_IT_IS, QuestionKind, QuestionStatus
from app.domain.errors import NotFound
from app.domain.frozen import ChangeDetails, ChangedItem, without_texts
from app.domain.identity import new_id, now
from app.domain.replay import outputs_hash
from app.storage import events, projects, proposals, tasks
from app.storage.reading import Rows
from app.storage.tables import decisions, questions
from app.storage.tasks import TaskRow
from signoff.schemas.event_data import DecisionRequested
from signoff.schemas.json_value import JsonMapping
from signoff.vocabulary import ProjectStatus, Stage


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A decision that a task asks for. `app.storage.tables` explains the columns."""

    position: int
    id: str
    project_id: str
    run_id: str
    task_id: str
    kind: QuestionKind
    question: str
    reference: str | None
    options: list[str]
    details: ChangeDetails | None
    default_answer: str | None
    status: QuestionStatus
    opened_at: str
    expires_at: str | None
    answer: str | None
    closed_at: str | None
    closed_by: str | None
    decision_id: str | None

    @property
    def differences(self) -> list[ChangedItem]:
        """What differs from what was approved, if that is what the question is about."""
        return self.details["differences"] if self.details is not None else []


_ROWS = Rows(questions, QuestionRow)
ANSWERS_TO_A_FAILURE = ("retry", "skip", "fail")
ANSWERS_TO_A_CHANGE = (RUN_AS_IT_IS, "fail")
ANSWERS_TO_A_LOSS = ("retry", "complete", "skip", "fail")


class _Changed(TypedDict, total=False):
    changed: list[JsonMapping]
    details_hash: str | None


def ask(
    conn: Connection,
    task: TaskRow,
    run_id: str,
    kind: QuestionKind,
    question: str,
    *,
    options: Sequence[str],
    default: str | None = None,
    expires_at: str | None = None,
    reference: str | None = None,
    details: ChangeDetails | None = None,
) -> str:
    """Open a decision for a waiting task and return its id. The project then waits for the decision."""
    question_id = new_id("dec")
    row = {
        "id": question_id,
        "project_id": task.project_id,
        "run_id": run_id,
        "task_id": task.id,
        "kind": kind,
        "question": question,
        "reference": reference,
        "options": list(options),
        "details": details,
        "default_answer": default,
        "status": QuestionStatus.OPEN,
        "opened_at": now(),
        "expires_at": expires_at,
    }
    conn.execute(insert(questions).values(row))
    changed: _Changed = {}
    if details is not None:
        changed["changed"] = [*without_texts(details["differences"])]
        changed["details_hash"] = outputs_hash(details)
    asked = DecisionRequested(
        **tasks.describe(task),
        question_id=question_id,
        kind=kind,
        question=question,
        options=list(options),
        **changed,
        default=default,
        expires_at=expires_at,
    )
    events.append(conn, task.project_id, asked, actor="signoff")
    settle_stage(conn, task.project_id)
    return question_id


def find(conn: Connection, project_id: str, question_id: str) -> QuestionRow | None:
    """Return a question by its id, or None."""
    query = _ROWS.select.where(questions.c.project_id == project_id, questions.c.id == question_id)
    return _ROWS.find(conn, query)


def get(conn: Connection, project_id: str, question_id: str) -> QuestionRow:
    """Return a question by its id.

    Raises:
        NotFound: `decision_not_found`.
    """
    row = find(conn, project_id, question_id)
    if row is None:
        raise NotFound(f"This project has no decision {question_id[:64]}.", code="decision_not_found")
    return row


def latest_of(conn: Connection, task_id: str) -> QuestionRow | None:
    """Return the newest question of a task, regardless of its status."""
    query = _ROWS.select.where(questions.c.task_id == task_id).order_by(questions.c.position.desc()).limit(1)
    return _ROWS.find(conn, query)


def count_answers(conn: Connection, task_id: str, run_id: str, *, answer: str, by: str) -> int:
    """Count how often questions of a task got this answer in a run, from actors whose names begin with `by`."""
    conditions = (questions.c.task_id == task_id, questions.c.run_id == run_id, questions.c.answer == answer)
    whose = questions.c.closed_by.startswith(by, autoescape=True)
    return conn.execute(select(func.count()).select_from(questions).where(*conditions, whose)).scalar_one()


def answers_by(conn: Connection, project_id: str, by: str) -> list[tuple[str, QuestionKind, str]]:
    """Return the newest answer of each task that actors gave whose names begin with `by`: task id, kind of question, answer."""
    rows = [row for row in all_of(conn, project_id) if (row.closed_by or "").startswith(by) and row.answer is not None]
    return [(row.task_id, row.kind, row.answer or "") for row in {row.task_id: row for row in rows}.values()]


@dataclass(frozen=True)
class Reply:
    """A person's answer to a question, and the comment on it, which may be empty."""

    answer: str
    comment: str


def reply_to(conn: Connection, task_id: str, reference: str) -> Reply | None:
    """Return the reply to a question that a task asked under its own reference, or None."""
    conditions = (questions.c.task_id == task_id, questions.c.reference == reference, questions.c.answer.is_not(None))
    with_comment = questions.join(decisions, decisions.c.id == questions.c.decision_id, isouter=True)
    query = select(questions.c.answer, decisions.c.comment).select_from(with_comment).where(*conditions)
    row = conn.execute(query.order_by(questions.c.position.desc()).limit(1)).one_or_none()
    return Reply(row.answer, row.comment or "") if row is not None else None


def all_of(conn: Connection, project_id: str) -> list[QuestionRow]:
    """Return every question of a project, oldest first."""
    return _ROWS.all(conn, _ROWS.select.where(questions.c.project_id == project_id).order_by(questions.c.position))


def count_open(conn: Connection, project_id: str) -> int:
    """Count the decisions that a project waits for."""
    conditions = (questions.c.project_id == project_id, questions.c.status == QuestionStatus.OPEN)
    return conn.execute(select(func.count()).select_from(questions).where(*conditions)).scalar_one()


def close(
    conn: Connection, task: TaskRow, status: QuestionStatus, *, answer: str | None, by: str, decision_id: str
) -> None:
    """Close the open question of a task, if it has one, and update the project's stage."""
    conditions = (questions.c.task_id == task.id, questions.c.status == QuestionStatus.OPEN)
    values = {"status": status, "answer": answer, "closed_at": now(), "closed_by": by, "decision_id": decision_id}
    if conn.execute(update(questions).where(*conditions).values(**values)).rowcount:
        settle_stage(conn, task.project_id)


def withdraw_all(conn: Connection, project_id: str) -> None:
    """Close every open question, because the run has ended and nobody needs the answers any more."""
    conditions = (questions.c.project_id == project_id, questions.c.status == QuestionStatus.OPEN)
    values = {"status": QuestionStatus.WITHDRAWN, "closed_at": now(), "closed_by": "signoff"}
    conn.execute(update(questions).where(*conditions).values(**values))


def settle_stage(conn: Connection, project_id: str) -> None:
    """Set a running project's stage to what it now waits for. A cancellation in progress takes precedence."""
    project = projects.get(conn, project_id)
    if project.status != ProjectStatus.RUNNING or project.stage == Stage.CANCELLING:
        return
    if project.paused:
        stage = Stage.PAUSED
    elif proposals.version_waiting(conn, project) is not None:
        stage = Stage.AWAITING_APPROVAL
    elif count_open(conn, project_id):
        stage = Stage.AWAITING_DECISION
    else:
        stage = Stage.AWAITING_PHASE_APPROVAL if project.gate is not None else Stage.EXECUTING
    if stage != project.stage:
        projects.change(conn, project, stage=stage)
