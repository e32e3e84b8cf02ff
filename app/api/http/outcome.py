"""Answers that report the outcome of a request: decided, or recorded but not decided yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec

from app.api.http.services import Services
from app.domain.decisions import Decision, DecisionRequest
from app.domain.errors import Conflict
from app.sealing.sealer import Sealer
from app.storage import projects
from app.storage.projects import ProjectRow
from signoff.schemas.answers import Recorded, StatusAnswer
from signoff.schemas.record import RecordSeal
from signoff.vocabulary import ProjectStatus

SEAL_HEADER = "Signoff-Seal"
# Sealing takes a few milliseconds. If the disk or the database is slow, the answer does not wait longer than this.
SEAL_SECONDS = 1.0
RECORDED = {202: ResponseSpec(Recorded, description="Recorded. The outcome will be an event.")}


@dataclass(frozen=True)
class Decided:
    """A decision, and the seal that covers its event.

    Attributes:
        decision: the decision.
        seal: None if the record could not be sealed in time. The log has the reason, and the audit reports unsealed events.
    """

    decision: Decision
    seal: RecordSeal | None

    @property
    def headers(self) -> dict[str, str]:
        """A header with the seal, for answers that do not contain the decision."""
        return {SEAL_HEADER: self.seal.model_dump_json()} if self.seal is not None else {}


async def submit(services: Services, request: DecisionRequest, seconds: float = 0.0) -> Decided | None:
    """Submit a request for a decision and seal the decision; None if it was recorded, but not decided in time.

    The time is `seconds`, and at least 5 s.

    Raises:
        DomainError: the request was refused, or the project does not exist (NotFound).
        Unavailable: Temporal or the database does not answer; the request may be repeated.
    """
    decision = await services.requests.submit(request, seconds)
    return Decided(decision, await seal_now(services.sealer, request.project_id)) if decision is not None else None


async def seal_now(sealer: Sealer, project_id: str) -> RecordSeal | None:
    """Seal a project's complete record and return its newest seal; if that fails, log the reason and return None.

    Never raises: the decision remains valid, and the app seals it later.
    """
    seal = await sealer.seal_within(project_id, SEAL_SECONDS)
    return RecordSeal.model_validate(seal.model_dump()) if seal is not None else None


async def recorded(
    services: Services, request: DecisionRequest, *, headers: dict[str, str] | None = None
) -> Response[Any]:
    """Answer 202: the request is durably recorded, and its outcome will be an event."""
    project = await services.database.read(lambda conn: projects.get(conn, request.project_id))
    answer = Recorded(id=project.id, status=project.status, stage=project.stage, request_id=request.request_id)
    return Response(answer, status_code=202, headers=headers)


def status_answer(project: ProjectRow | None, decided: Decided, reached: ProjectStatus | None = None) -> StatusAnswer:
    """The outcome of a decision. The project may have moved on already: a short run can end before its approval is answered.

    Raises:
        Conflict: `project_deleted`.
    """
    if project is None:
        raise Conflict("The project has been deleted in the meantime.", code="project_deleted")
    return StatusAnswer(
        id=project.id,
        status=reached or ProjectStatus(project.status),
        updated_at=project.updated_at,
        stage=project.stage,
        decision_id=decided.decision.id,
        seal=decided.seal,
    )
