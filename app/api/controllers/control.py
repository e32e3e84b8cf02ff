"""Control of runs: pause, resume, and retry a finished project."""

from __future__ import annotations

from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from app.api.controllers.passkey_approvals import with_passkey
from app.api.http.actor import new_command
from app.api.http.any_request import AnyRequest
from app.api.http.bodies import Remark, RetryRun
from app.api.http.outcome import RECORDED, recorded, status_answer, submit
from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.domain import commands
from app.storage import projects
from signoff.schemas.answers import StatusAnswer
from signoff.vocabulary import ProjectStatus, Scope


class ControlController(Controller):
    """Commands that control a run."""

    path = "/api/projects/{project_id:str}"
    tags = ("control",)

    @post(
        "/pause",
        operation_id="pauseProject",
        opt={SCOPE: Scope.OPERATE},
        summary="Pause a run",
        status_code=200,
        responses=RECORDED,
    )
    async def pause(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[Remark],
    ) -> Response[StatusAnswer]:
        """Tasks in progress finish. Until the run is resumed, no task starts and no failed task is retried."""
        return await _steer(request, services, project_id, data, commands.Pause())

    @post(
        "/resume",
        operation_id="resumeProject",
        opt={SCOPE: Scope.OPERATE},
        summary="Resume a run",
        status_code=200,
        responses=RECORDED,
    )
    async def resume(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[Remark],
    ) -> Response[StatusAnswer]:
        """The run continues where it was paused."""
        return await _steer(request, services, project_id, data, commands.Resume())

    @post(
        "/retry",
        operation_id="retryProject",
        opt={SCOPE: Scope.OPERATE},
        summary="Retry a finished project",
        status_code=200,
        responses=RECORDED,
    )
    async def retry(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[RetryRun],
    ) -> Response[StatusAnswer]:
        """Starts a new run that retries what failed. Completed tasks, their outputs and approvals are kept.

        Tasks that are named (by id or key) run again, together with all tasks that depend on them.
        """
        asked = await with_passkey(request, services, project_id, commands.RetryRun(tasks=data.tasks), data.passkey)
        command = new_command(request, project_id, asked, comment=data.comment)
        decided = await submit(services, command)
        if decided is None:
            return await recorded(services, command)
        project = await services.database.read(lambda conn: projects.find(conn, project_id))
        return Response(status_answer(project, decided, ProjectStatus.RUNNING), headers=decided.headers)


async def _steer(
    request: AnyRequest, services: Services, project_id: str, data: Remark, asked: commands.Command
) -> Response[StatusAnswer]:
    command = new_command(request, project_id, asked, comment=data.comment)
    decided = await submit(services, command)
    if decided is None:
        return await recorded(services, command)
    project = await services.database.read(lambda conn: projects.find(conn, project_id))
    return Response(status_answer(project, decided), headers=decided.headers)
