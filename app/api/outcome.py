"""What a request came to, in an answer: decided, or recorded and still to be decided."""

from __future__ import annotations

from typing import Any

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec

from app.api.models.answers import Recorded, StatusAnswer
from app.api.services import Services
from app.domain.decisions import Decision, DecisionRequest
from app.domain.errors import Conflict
from app.domain.states import ProjectStatus
from app.storage import projects
from app.storage.projects import ProjectRow

RECORDED = {202: ResponseSpec(Recorded, description="Recorded; the outcome comes as an event.")}


async def recorded(services: Services, request: DecisionRequest) -> Response[Any]:
    """202: the request is safe, and its outcome will be an event."""
    project = await services.database.read(lambda conn: projects.get(conn, request.project_id))
    answer = Recorded(id=project.id, status=project.status, stage=project.stage, request_id=request.request_id)
    return Response(answer, status_code=202)


def status_answer(project: ProjectRow | None, decision: Decision, reached: ProjectStatus | None = None) -> StatusAnswer:
    """What a decision came to. It may have come further by now: a short run is over before its approval is answered.

    Raises:
        Conflict: `project_deleted`.
    """
    if project is None:
        raise Conflict("The project was deleted meanwhile.", code="project_deleted")
    return StatusAnswer(
        id=project.id,
        status=reached or ProjectStatus(project.status),
        updated_at=project.updated_at,
        stage=project.stage,
        decision_id=decision.id,
    )
