"""Phases: list them, and add one."""

from __future__ import annotations

from collections.abc import Sequence

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from app.api.controllers.editing import edit
from app.api.http.any_request import AnyRequest
from app.api.http.bodies import CreatePhase
from app.api.http.outcome import RECORDED
from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.api.views import present
from app.storage import projects
from signoff.schemas.tasks import Phase, PhaseList
from signoff.vocabulary import Scope


class PhaseController(Controller):
    """The phases of one project."""

    path = "/api/projects/{project_id:str}/phases"
    tags = ("phases",)

    @get("/", operation_id="listPhases", opt={SCOPE: Scope.READ}, summary="List the phases")
    async def list_phases(self, services: NamedDependency[Services], project_id: FromPath[str]) -> PhaseList:
        """In order, each with its status and the number of its tasks by status."""

        def work(conn: Connection) -> PhaseList:
            projects.get(conn, project_id)
            phases = present.phases(conn, project_id)
            return PhaseList(phases=phases, count=len(phases), project_id=project_id)

        return await services.database.read(work)

    @post(
        "/",
        operation_id="createPhase",
        opt={SCOPE: Scope.AUTHOR},
        summary="Add a phase to the plan",
        responses=RECORDED,
    )
    async def create_phase(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[CreatePhase],
    ) -> Response[Phase]:
        """Creates the next version of the plan, or the first, which needs an approval, during a run as well.

        Until then, a run starts nothing more.
        """

        def shown(conn: Connection, _tasks: Sequence[str], keys: Sequence[str]) -> Phase:
            plan = present.plan(conn, projects.get(conn, project_id), None)
            found = next(phase for phase in plan.phases if phase.key == keys[0])
            return Phase.model_validate(found.model_dump(include=set(Phase.model_fields)))

        operation = {"op": "add_phase", **data.model_dump(mode="json", exclude_unset=True)}
        return await edit(request, services, project_id, [operation], shown, status=201)
