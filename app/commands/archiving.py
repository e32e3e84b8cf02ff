"""The archive: finished projects that lists leave out."""

from __future__ import annotations

from sqlalchemy import Connection, update

from app.domain.errors import Conflict
from app.domain.identity import now
from app.domain.sender import Actor
from app.domain.states import FINISHED_PROJECT
from app.storage import events, projects
from app.storage.tables import projects as project_table
from signoff.schemas.event_data import ProjectUpdated
from signoff.vocabulary import Stage


def archive(conn: Connection, project_id: str, *, archived: bool, actor: Actor) -> None:
    """Move a project to the archive, or back. Nothing happens if it is there already.

    Raises:
        NotFound: there is no such project.
        Conflict: `not_finished`: only a finished project can be archived.
    """
    project = projects.get(conn, project_id)
    if archived == (project.archived_at is not None):
        return
    if archived and (project.status not in FINISHED_PROJECT or project.stage == Stage.PLANNING):
        raise Conflict("Only a finished project can be archived. Cancel this one first, or wait.", code="not_finished")
    values = {"archived_at": now() if archived else None, "revision": project.revision + 1}
    conn.execute(update(project_table).where(project_table.c.id == project_id).values(**values))
    events.append(conn, project_id, ProjectUpdated(fields=["archived"], archived=archived), actor=actor)
