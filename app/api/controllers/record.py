"""The public key for verifying seals, and the state of the record as a whole."""

from __future__ import annotations

from litestar import Controller, get
from litestar.di import NamedDependency

from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.domain.signing import fingerprint_of
from app.sealing import survey
from app.sealing.keys import pem_of
from signoff.schemas.record import FormerKey, KeyChange, RecordFinding, RecordKey
from signoff.vocabulary import Scope


class RecordController(Controller):
    """The record of all projects together."""

    path = "/api/record-key"
    tags = ("record",)

    @get("/", operation_id="getRecordKey", opt={SCOPE: Scope.READ}, summary="Get the public key for verifying seals")
    async def get_record_key(self, services: NamedDependency[Services]) -> RecordKey:
        """Also reports whether the database still contains every project that was sealed."""
        sealer = services.sealer
        # Copied before the database is read: a record that is sealed meanwhile is newer in the database, which is allowed.
        published = dict(sealer.heads)
        state = await services.database.read(survey.look)
        findings = [*survey.damaged(sealer.damage), *survey.check(state, published, sealer.ring)]
        keys = sealer.keys
        former = [
            FormerKey(key_id=key_id, fingerprint=fingerprint_of(key), public_key=pem_of(key))
            for key_id, key in keys.ring.keys.items()
            if key_id != keys.signer.key_id
        ]
        return RecordKey(
            key_id=keys.signer.key_id,
            fingerprint=keys.fingerprint,
            public_key=keys.pem,
            former_keys=former,
            changes=[KeyChange.model_validate(change.model_dump()) for change in keys.changes],
            sealed_projects=len(state.projects) - len(state.unsealed),
            unsealed_projects=len(state.unsealed),
            intact=not findings,
            findings=[
                RecordFinding(code=item.code, project_id=project_id, message=item.message)
                for project_id, item in findings
            ],
        )
