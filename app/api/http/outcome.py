"""Answers that report the outcome of a command: decided, or recorded but not decided yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec

from app.api.http.services import Services
from app.domain.commands import CommandRecord, CommandRequest
from app.domain.errors import Conflict
from app.domain.gates import GateFacts
from app.sealing.sealer import Sealer
from app.storage import projects
from app.storage.projects import ProjectRow
from signoff.schemas.answers import ApprovalsSoFar, Recorded, StatusAnswer
from signoff.schemas.record import RecordSeal
from signoff.vocabulary import ProjectStatus

SEAL_HEADER = "Signoff-Seal"
# Sealing takes a few milliseconds. If the disk or the database is slow, the answer does not wait longer than this.
SEAL_SECONDS = 1.0
RECORDED = {202: ResponseSpec(Recorded, description="Recorded. The outcome will be an event.", generate_examples=False)}


@dataclass(frozen=True)
class Decided:
    """The record of a command, and the seal that covers its event.

    Attributes:
        record: the record.
        seal: None if the record could not be sealed in time. The log has the reason, and the audit reports unsealed events.
    """

    record: CommandRecord
    seal: RecordSeal | None

    @property
    def headers(self) -> dict[str, str]:
        """A header with the seal, for answers that do not contain the record."""
        return {SEAL_HEADER: self.seal.model_dump_json()} if self.seal is not None else {}


async def submit(services: Services, command: CommandRequest, seconds: float = 0.0) -> Decided | None:
    """Submit a command and seal its record; None if it was recorded, but not decided in time.

    The time is `seconds`, and at least 5 s.

    Raises:
        DomainError: the command was refused, or the project does not exist (NotFound).
        Unavailable: Temporal or the database does not answer; the command may be repeated.
    """
    record = await services.commands.submit(command, seconds)
    return Decided(record, await seal_now(services.sealer, command.project_id)) if record is not None else None


async def seal_now(sealer: Sealer, project_id: str) -> RecordSeal | None:
    """Seal a project's complete record and return its newest seal; if that fails, log the reason and return None.

    Never raises: the decision remains valid, and the app seals it later.
    """
    seal = await sealer.seal_within(project_id, SEAL_SECONDS)
    return RecordSeal.model_validate(seal.model_dump()) if seal is not None else None


async def recorded(
    services: Services, command: CommandRequest, *, headers: dict[str, str] | None = None
) -> Response[Any]:
    """Answer 202: the command is durably recorded, and its outcome will be an event."""
    project = await services.database.read(lambda conn: projects.get(conn, command.project_id))
    answer = Recorded(
        id=project.id,
        status=project.status,
        updated_at=project.updated_at,
        stage=project.stage,
        request_id=command.request_id,
    )
    return Response(answer, status_code=202, headers=headers)


def status_answer(project: ProjectRow | None, decided: Decided, reached: ProjectStatus | None = None) -> StatusAnswer:
    """The outcome of a decision. The project may have moved on already: a short run can end before its approval is answered.

    Raises:
        Conflict: `project_deleted`.
    """
    if project is None:
        raise Conflict("The project has been deleted in the meantime.", code="project_deleted")
    gate = decided.record.payload.get("gate")
    waits = gate is not None and not gate.get("opens")
    return StatusAnswer(
        id=project.id,
        status=ProjectStatus(project.status) if waits or reached is None else reached,
        updated_at=project.updated_at,
        stage=project.stage,
        decision_id=decided.record.id,
        seal=decided.seal,
        approvals=ApprovalsSoFar(
            opens=not waits,
            given=gate.get("given", 0),
            needed=gate.get("needed", 0),
            missing=_missing(gate),
            undo_until=gate.get("undo_until"),
        )
        if gate is not None
        else None,
    )


def _missing(gate: GateFacts) -> list[str]:
    return [str(words) for words in gate.get("missing", [])]
