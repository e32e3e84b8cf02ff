"""Changes to approved files since the approval: what tasks changed, what people accepted, and what was uploaded."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from app.domain.decisions import RUN_AS_IT_IS, QuestionKind
from app.storage.tables import attempts, files, questions, tasks

Item = tuple[str, str, str | None]


class Left(NamedTuple):
    """The state in which the newest attempt that changed a file left it: its checksum, or None if the file was gone."""

    sha256: str | None
    task_key: str


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
            return Left(row.left_behind[path], _key_of(conn, row.task_id))
    return None


def _key_of(conn: Connection, task_id: str) -> str:
    return conn.execute(select(tasks.c.key).where(tasks.c.id == task_id)).scalar_one_or_none() or task_id


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
