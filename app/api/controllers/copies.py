"""Duplicates projects, and deletes many at once."""

from __future__ import annotations

import asyncio
import time

from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from app.api.http.actor import actor_of, new_command
from app.api.http.any_request import AnyRequest
from app.api.http.bodies import DeleteProjects, DuplicateProject
from app.api.http.callers import caller_of
from app.api.http.idempotency import answer_once, claim_of
from app.api.http.permission import SCOPE
from app.api.http.preconditions import etag, revision_tag
from app.api.http.project_rules import check_copy, check_deletable
from app.api.http.services import Services
from app.api.views import present
from app.api.views.for_caller import for_caller
from app.commands import copies
from app.domain.commands import Cancel
from app.domain.errors import DomainError, NotFound
from app.domain.identity import new_id
from app.storage import projects
from app.temporal.commands import STOP_SECONDS
from app.workspace.workspaces import root_of
from signoff.schemas.answers import BatchDeleteAnswer, BatchFailure
from signoff.schemas.projects import Project
from signoff.vocabulary import Scope


class CopyController(Controller):
    """Operations that duplicate one project or delete many."""

    path = "/api/projects"
    tags = ("projects",)

    @post(
        "/{project_id:str}/duplicate",
        operation_id="duplicateProject",
        opt={SCOPE: Scope.AUTHOR},
        summary="Duplicate a project",
    )
    async def duplicate_project(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[DuplicateProject],
    ) -> Response[Project]:
        """The plan becomes version 1 of the copy, which is pending and has its own workspace. Nothing starts automatically."""
        source = await services.database.read(lambda conn: projects.get(conn, project_id))
        labels = check_copy(request, source)
        copy_id = new_id("proj")
        workspace = await asyncio.to_thread(services.workspaces.make, copy_id)
        actor, caller = actor_of(request), caller_of(request)

        def work(conn: Connection) -> Project:
            row = copies.duplicate(
                conn,
                project_id,
                copy_id,
                name=data.name,
                workspace=str(workspace),
                actions=services.actions,
                actor=actor,
                labels=labels,
            )
            made = present.project(
                conn, row, temporal=services.engine.link(copy_id), page=services.engine.page(copy_id)
            )
            return for_caller(conn, row, made, caller)

        try:
            if data.include_files:
                files = await asyncio.to_thread(services.workspaces.checked, source.workspace, source.path)
                await asyncio.to_thread(services.workspaces.copy_files, files, root_of(str(workspace), None))
            return await answer_once(request, services, work, status=201, headers=etag(revision_tag(1)))
        except BaseException:
            await asyncio.to_thread(services.workspaces.remove, copy_id)
            raise

    @post(
        "/batch/delete",
        operation_id="deleteProjects",
        opt={SCOPE: Scope.AUTHOR},
        summary="Delete many projects",
        status_code=200,
    )
    async def delete_projects(
        self, request: AnyRequest, services: NamedDependency[Services], data: JSONBody[DeleteProjects]
    ) -> BatchDeleteAnswer:
        """An id that cannot be deleted does not stop the rest. Live projects are cancelled together, for at most 10 s."""
        ids = list(dict.fromkeys(data.ids))
        # All projects (at most 200 per request) are cancelled at once and share the same 10 s.
        deadline = time.monotonic() + STOP_SECONDS
        deletions = [_delete(request, services, project_id, deadline) for project_id in ids]
        outcomes = dict(zip(ids, await asyncio.gather(*deletions), strict=True))
        deleted = [project_id for project_id, outcome in outcomes.items() if outcome is True]
        deleting = [project_id for project_id, outcome in outcomes.items() if outcome is False]
        failed = [
            BatchFailure(id=project_id, error=outcome.info.code, message=outcome.info.message)
            for project_id, outcome in outcomes.items()
            if isinstance(outcome, DomainError)
        ]
        counts = {"deleted": len(deleted), "still being cancelled": len(deleting), "not deleted": len(failed)}
        message = ", ".join(f"{count} {word}" for word, count in counts.items() if count) + "."
        return BatchDeleteAnswer(deleted=deleted, deleting=deleting, failed=failed, message=message)


async def _delete(request: AnyRequest, services: Services, project_id: str, deadline: float) -> bool | DomainError:
    """True if the project is deleted, False if it is still being cancelled, or the error that prevents its deletion."""
    claim = claim_of(request)
    command = new_command(request, project_id, Cancel(delete=True))
    try:
        await services.database.read(lambda conn: check_deletable(conn, request, project_id))
        return await services.commands.delete(command, deadline=deadline)
    except NotFound as error:
        # The client lost the answer to an earlier attempt of this same request, which did delete the project.
        repeated = claim is not None and not claim.first and error.info.code == "project_deleted"
        return True if repeated else error
    except DomainError as error:
        return error
