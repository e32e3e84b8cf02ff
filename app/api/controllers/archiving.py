"""Moves finished projects to the archive, and back."""

from __future__ import annotations

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from sqlalchemy import Connection

from app.api.http.actor import actor_of
from app.api.http.any_request import AnyRequest
from app.api.http.bodies import ArchiveProjects
from app.api.http.permission import SCOPE
from app.api.http.project_rules import check_archivable
from app.api.http.services import Services
from app.commands import archiving
from app.domain.errors import DomainError
from app.domain.sender import Actor
from signoff.schemas.answers import ArchiveAnswer, BatchFailure
from signoff.vocabulary import Scope


class ArchivingController(Controller):
    """The archive of projects."""

    path = "/api/projects"
    tags = ("projects",)

    @post(
        "/batch/archive",
        operation_id="archiveProjects",
        opt={SCOPE: Scope.AUTHOR},
        summary="Archive projects, or bring them back",
        status_code=200,
    )
    async def archive_projects(
        self, request: AnyRequest, services: NamedDependency[Services], data: JSONBody[ArchiveProjects]
    ) -> ArchiveAnswer:
        """Lists, counts and searches leave archived projects out. They stay readable and verifiable, and can be exported.

        Only a finished project can be archived. A retry or a new plan brings it back. An id that cannot be archived does not
        stop the rest.
        """
        actor, failed = actor_of(request), list[BatchFailure]()
        ids = list(dict.fromkeys(data.ids))
        for project_id in ids:
            try:
                await services.database.transact(
                    lambda conn, project_id=project_id: _move(conn, request, project_id, data, actor)
                )
            except DomainError as error:
                failed.append(BatchFailure(id=project_id, error=error.info.code, message=error.info.message))
        done = [project_id for project_id in ids if all(project_id != failure.id for failure in failed)]
        words = ("archived", "not archived") if data.archived else ("brought back", "not brought back")
        message = ", ".join(f"{len(of)} {word}" for of, word in zip((done, failed), words, strict=True) if of) + "."
        return ArchiveAnswer(done=done, failed=failed, message=message)


def _move(conn: Connection, request: AnyRequest, project_id: str, data: ArchiveProjects, actor: Actor) -> None:
    check_archivable(conn, request, project_id)
    archiving.archive(conn, project_id, archived=data.archived, actor=actor)
