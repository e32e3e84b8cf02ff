"""Changes to approved files since the approval: what tasks changed, what people accepted, and what was uploaded."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from app.domain.decisions import RUN_AS_IT_IS, QuestionKind
from app.domain.unseen import READ
from app.storage.tables import attempts, files, questions, tasks
from signoff.vocabulary import TaskStatus

Item = tuple[str, str, str | None]


class Left(NamedTuple):
    """The state in which the newest attempt that changed a file left it: its checksum, or None if the file was gone."""

    sha256: str | None
    task_key: str
    by_model: bool


def left_behind(conn: Connection, project_id: str, path: str, since: str) -> Left | None:
    """Return what the newest attempt that began after `since` and changed a file left of it. None if none changed it."""
    conditions = (
        attempts.c.project_id == project_id,
        attempts.c.left_behind.is_not(None),
        attempts.c.started_at >= since,
    )
    query = select(attempts.c.left_behind, attempts.c.task_id).where(*conditions)
    for row in conn.execute(query.order_by(attempts.c.ended_at.desc(), attempts.c.number.desc())):
        if path in row.left_behind:
            task = conn.execute(select(tasks.c.key, tasks.c.action).where(tasks.c.id == row.task_id)).one_or_none()
            by_model = task is not None and task.action["type"] == "agent"
            return Left(row.left_behind[path], task.key if task is not None else row.task_id, by_model)
    return None


def read_by_people(conn: Connection, project_id: str, keys: list[str]) -> dict[str, str]:
    """Return the checksums of the files that these tasks have shown to people, as they were read. The newest reading counts."""
    conditions = (tasks.c.project_id == project_id, tasks.c.key.in_(keys), tasks.c.status == TaskStatus.COMPLETED)
    query = select(tasks.c.outputs).where(*conditions).order_by(tasks.c.completed_at)
    read: dict[str, str] = {}
    for outputs in conn.execute(query).scalars():
        read |= outputs.get(READ) or {}
    return read


def running_tasks(conn: Connection, project_id: str, besides: str) -> list[str]:
    """Return the keys of the other tasks that are in progress."""
    conditions = (tasks.c.project_id == project_id, tasks.c.status == "running", tasks.c.id != besides)
    return list(conn.execute(select(tasks.c.key).where(*conditions).order_by(tasks.c.position)).scalars())


def accepted(conn: Connection, project_id: str, since: str) -> dict[Item, str]:
    """Return the differences that people chose to run with, by decision id. An answer covers only the state that it names."""
    asked = (questions.c.project_id == project_id, questions.c.kind == QuestionKind.CHANGED)
    answered = (questions.c.answer == RUN_AS_IT_IS, questions.c.opened_at >= since)
    query = select(questions.c.details, questions.c.decision_id).where(*asked, *answered)
    return {
        (item["what"], item["name"], item["now"]): row.decision_id
        for row in conn.execute(query.order_by(questions.c.position))
        for item in row.details["differences"]
    }


def uploaded(conn: Connection, project_id: str, path: str, sha256: str, since: str) -> str | None:
    """Return who uploaded this content of a file after `since`, or None if nobody did."""
    conditions = (files.c.project_id == project_id, files.c.path == path, files.c.sha256 == sha256)
    return conn.execute(
        select(files.c.uploaded_by).where(*conditions, files.c.uploaded_at >= since)
    ).scalar_one_or_none()
