"""Approvals that a person's own device signs, at every gate."""

from __future__ import annotations

from typing import TypeVar

from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from app.api.controllers.passkeys import challenge_for, origin_of, person_of, rp_id_of
from app.api.http.any_request import AnyRequest
from app.api.http.bodies import PasskeySignature
from app.api.http.idempotency import claim_of
from app.api.http.passkey_bodies import BeginPasskeyApproval
from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.commands.gates_to_sign import Named, gate_to_sign
from app.domain.commands import Approve, Command
from app.domain.errors import Conflict, Invalid
from app.domain.passkeys import Assertion, challenge_of, decoded, encoded, objection_to, stored
from app.domain.signed_gates import SignedGate
from app.storage import commands, passkeys, projects
from app.storage.passkeys import ChallengeRow
from signoff.schemas.json_value import JsonObject
from signoff.schemas.passkeys import PasskeyChallenge
from signoff.schemas.problems import Problem
from signoff.vocabulary import GateKind, Scope

C = TypeVar("C", bound=Command)


class PasskeyApprovalController(Controller):
    """Approvals that a person's own device signs."""

    path = "/api/projects/{project_id:str}/passkey-challenge"
    tags = ("plans",)

    @post(
        "/",
        operation_id="beginPasskeyApproval",
        opt={SCOPE: (Scope.APPROVE, Scope.OPERATE)},
        summary="Begin to approve with a passkey",
        status_code=200,
    )
    async def begin(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[BeginPasskeyApproval],
    ) -> Response[PasskeyChallenge]:
        """Answers with what your device has to sign within 5 minutes: the digests of the plan that you have read, and the gate.

        Without a gate, it is for the plan. Otherwise name one: `phase_id`, `task_id` with `answer`, `decision_id`, or `tasks`
        for a retry of the project. Send the device's answer as `passkey` of the approval, with the same values. The guide to
        passkeys says how the challenge is made.
        """
        rp_id = rp_id_of(origin_of(request, services))

        def work(conn: Connection) -> PasskeyChallenge:
            project = projects.get(conn, project_id)
            found = person_of(conn, request)
            known = [each.credential_id for each in passkeys.all_of(conn, found.identity.id) if each.rp_id == rp_id]
            if not known:
                message = f"You have no passkey for {rp_id}. Add one on the page, under Passkeys."
                raise Conflict(message, code="no_passkey")
            named = Named(**data.model_dump(include=set(Named.__annotations__)))
            gate = gate_to_sign(conn, project, named)
            row = passkeys.issue(
                conn,
                found.identity.id,
                project_id=project_id,
                plan_version=data.plan_version,
                plan_digest=data.plan_digest,
                gate=gate.content if gate is not None else None,
            )
            frozen = data.frozen_digest if gate is None else None
            wanted = challenge_of(project_id, data.plan_version, data.plan_digest, row.nonce, frozen, gate)
            return challenge_for(row, encoded(wanted), found, rp_id, known)

        return Response(
            await services.database.transact(work),
            headers={"Cache-Control": "no-store"},
        )


async def with_passkey(
    request: AnyRequest, services: Services, project_id: str, command: C, signed: PasskeySignature | None
) -> C:
    """Verify the signature of the sender's device, if there is one, and return the command for exactly what it signed.

    Raises:
        Invalid: the signature is not valid, or is for something else than the command.
        Conflict: the challenge has ended, or the sender has no such passkey.
    """
    if signed is None:
        return command
    origin = origin_of(request, services)
    claim = claim_of(request)

    def work(conn: Connection) -> C:
        earlier = commands.find_row(conn, project_id, claim.request_id) if claim is not None else None
        if earlier is not None:
            # A repeat of a request that was stored: its challenge was used then.
            return type(command).model_validate(dict(earlier["payload"]))
        projects.get(conn, project_id)
        person = person_of(conn, request).identity
        challenge = passkeys.use(conn, person.id, signed.nonce, project_id=project_id)
        passkey = passkeys.find(conn, person.id, signed.credential_id)
        if passkey is None:
            raise Conflict("You have no such passkey. It may have been removed.", code="no_passkey")
        version, digest = int(challenge.plan_version or 0), str(challenge.plan_digest)
        gate = SignedGate.model_validate(challenge.gate) if challenge.gate is not None else None
        bound = _bound(command, challenge, gate)
        frozen = command.frozen_digest if gate is None and isinstance(command, Approve) else None
        assertion = Assertion(
            public_key=passkey.public_key,
            rp_id=passkey.rp_id,
            origin=origin,
            frozen_digest=frozen,
            gate=gate,
            **signed.model_dump(mode="json"),
        )
        wanted = challenge_of(project_id, version, digest, signed.nonce, frozen, gate)
        objection = objection_to(assertion, wanted, sign_count=passkey.sign_count)
        if objection is not None:
            raise _wrong(f"The passkey's signature is not valid. {objection}")
        # Bytes 33 to 36 of the authenticator data are its count of signatures.
        count = int.from_bytes(decoded(signed.authenticator_data)[33:37], "big")
        passkeys.note_use(conn, passkey, count)
        return command.model_copy(update={**bound, "passkey": stored(assertion)})

    return await services.database.transact(work)


def _bound(command: Command, challenge: ChallengeRow, gate: SignedGate | None) -> JsonObject:
    """What the command is bound to, because the device has signed it.

    Raises:
        Invalid: the device has signed something else than the command says.
    """
    if not isinstance(command, Approve):
        if gate is None:
            raise _wrong("The passkey has signed the plan, not this. Ask for a challenge for this.")
        if (mismatch := gate.mismatch(command.kind, command.payload)) is not None:
            raise _wrong(mismatch)
        return {}
    version, digest = challenge.plan_version, challenge.plan_digest
    if command.plan_version not in (None, version) or command.plan_digest not in (None, digest):
        raise _wrong("The passkey has signed another plan than the one that you approve.")
    named: JsonObject = {"plan_version": version, "plan_digest": digest}
    if gate is None:
        if command.phase_id is not None:
            raise _wrong("The passkey has signed the plan, not this phase. Ask for a challenge for the phase.")
        return named
    if gate.kind != GateKind.PHASE:
        raise _wrong("The passkey has signed another answer.")
    if command.phase_id not in (None, gate.phase_id):
        raise _wrong("The passkey has signed for another phase.")
    if command.frozen_digest not in (None, gate.frozen_digest):
        raise _wrong("The passkey has signed for other files and settings than those that you name.")
    return {**named, "phase_id": gate.phase_id, "frozen_digest": gate.frozen_digest}


def _wrong(message: str) -> Invalid:
    return Invalid(message, code="passkey_invalid", details=[Problem(field="passkey", message=message)])
