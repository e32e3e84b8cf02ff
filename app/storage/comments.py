"""Comments on plans. Each is an event of the project's record, so the chain and the seals cover it like everything else."""

from __future__ import annotations

from typing import TypedDict

from sqlalchemy import Connection, func, select

from app.domain.errors import Conflict, NotFound
from app.domain.identity import new_id
from app.domain.sender import Actor
from app.storage import events, plans, projects, proposals
from app.storage.record_tables import events as event_table
from signoff.schemas.comments import PlanComment
from signoff.schemas.event_data import PlanCommented
from signoff.schemas.events import Event
from signoff.schemas.problems import Problem
from signoff.vocabulary import EventType

MAX_COMMENTS = 1_000


class _OfTask(TypedDict, total=False):
    task_id: str
    key: str


_TYPES = (str(EventType.PLAN_COMMENTED),)


def add(
    conn: Connection, project_id: str, text: str, *, task: str | None, version: int | None, actor: Actor
) -> PlanComment:
    """Add a comment on a plan version, or on one of its tasks (id or key). The version is by default the one that is read.

    Raises:
        NotFound: `no_plan`, `plan_not_found` or `task_not_found`.
        Conflict: `plan_not_ready`: the version has no content. `too_many_comments`.
    """
    project = projects.get(conn, project_id)
    chosen = version or proposals.version_waiting(conn, project) or plans.current_version(project)
    contents = plans.contents(plans.get(conn, project_id, chosen))
    of_task: _OfTask = {}
    if task is not None:
        ids = contents.ids["tasks"]
        key = next((key for key, task_id in ids.items() if task in {key, task_id}), None)
        if key is None:
            message = f"Version {chosen} of the plan has no task {task}."
            raise NotFound(message, code="task_not_found", details=[Problem(field="task", message=message)])
        of_task = {"task_id": ids[key], "key": key}
    if _count(conn, project_id) >= MAX_COMMENTS:
        message = f"This project has {MAX_COMMENTS} comments, which is the most that it can have."
        raise Conflict(message, code="too_many_comments")
    said = PlanCommented(
        comment_id=new_id("cmt"), plan_version=chosen, plan_digest=contents.digest, text=text, **of_task
    )
    (written,) = events.append(conn, project_id, said, actor=actor)
    return _comment(written)


def all_of(conn: Connection, project_id: str) -> list[PlanComment]:
    """Return the comments on all versions, oldest first.

    Raises:
        NotFound: there is no such project.
    """
    last = projects.get(conn, project_id).last_seq
    return [_comment(event) for event in events.of_types(conn, project_id, _TYPES, up_to=last)]


def _count(conn: Connection, project_id: str) -> int:
    mine = (event_table.c.project_id == project_id, event_table.c.type == EventType.PLAN_COMMENTED)
    return conn.execute(select(func.count()).select_from(event_table).where(*mine)).scalar_one()


def _comment(event: Event) -> PlanComment:
    """The comment in an event. A row that was altered may lack anything; the audit reports it."""
    data = event.data

    def text(name: str) -> str:
        return str(data.get(name) or "")

    version = data.get("plan_version")
    return PlanComment(
        id=text("comment_id"),
        seq=event.seq,
        version=version if isinstance(version, int) else 0,
        digest=text("plan_digest"),
        task_id=text("task_id") or None,
        key=text("key") or None,
        text=text("text"),
        by=event.actor,
        at=event.at,
    )
