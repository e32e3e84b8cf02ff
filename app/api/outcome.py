"""What a request came to, in an answer: decided, or recorded and still to be decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec

from app.api.models.answers import Recorded, StatusAnswer
from app.api.models.record import RecordSeal
from app.api.services import Services
from app.domain.decisions import Decision, DecisionRequest
from app.domain.errors import Conflict
from app.domain.states import ProjectStatus
from app.sealing.sealer import Sealer
from app.storage import projects
from app.storage.projects import ProjectRow

SEAL_HEADER = "Signoff-Seal"
# A seal takes a few milliseconds. Where the disk or the database is slow, the answer does not wait for it.
SEAL_SECONDS = 1.0
RECORDED = {202: ResponseSpec(Recorded, description="Recorded; the outcome comes as an event.")}


@dataclass(frozen=True)
class Decided:
    """A decision, and the seal that covers its event.

    Attributes:
        seal: None where the record could not be sealed in time; the log has the reason, and the audit shows what is missing.
    """

    decision: Decision
    seal: RecordSeal | None

    @property
    def headers(self) -> dict[str, str]:
        """The seal, for answers that show what was decided on and not the decision."""
        return {SEAL_HEADER: self.seal.model_dump_json()} if self.seal is not None else {}


async def submit(services: Services, request: DecisionRequest) -> Decided | None:
    """Have a request decided and the decision sealed; None where it is recorded and has not been decided within 5 s.

    Raises:
        DomainError: the one that it was refused with; NotFound where there is no such project.
        Unavailable: Temporal or the database does not answer; the request may be repeated.
    """
    decision = await services.requests.submit(request)
    return Decided(decision, await seal_now(services.sealer, request.project_id)) if decision is not None else None


async def seal_now(sealer: Sealer, project_id: str) -> RecordSeal | None:
    """Seal all that a project has on record, and give its newest seal; None, with a reason in the log, where that fails.

    Never raises: what was decided stays decided, and the app seals it later.
    """
    seal = await sealer.seal_within(project_id, SEAL_SECONDS)
    return RecordSeal.model_validate(seal.model_dump()) if seal is not None else None


async def recorded(
    services: Services, request: DecisionRequest, *, headers: dict[str, str] | None = None
) -> Response[Any]:
    """202: the request is safe, and its outcome will be an event."""
    project = await services.database.read(lambda conn: projects.get(conn, request.project_id))
    answer = Recorded(id=project.id, status=project.status, stage=project.stage, request_id=request.request_id)
    return Response(answer, status_code=202, headers=headers)


def status_answer(project: ProjectRow | None, decided: Decided, reached: ProjectStatus | None = None) -> StatusAnswer:
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
        decision_id=decided.decision.id,
        seal=decided.seal,
    )
