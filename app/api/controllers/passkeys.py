"""Passkeys: people register their devices, which then sign what they approve."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from app.api.http.any_request import AnyRequest
from app.api.http.callers import caller_of
from app.api.http.credentials import Credentials
from app.api.http.idempotency import answer_once
from app.api.http.passkey_bodies import AddPasskey, BeginPasskey
from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.domain.errors import Conflict, Invalid
from app.domain.identity import parse_time
from app.domain.passkeys import LOCALHOST, decoded, encoded
from app.storage import identities, passkeys, sessions
from app.storage.identities import Kind, Known
from app.storage.passkeys import ChallengeRow, PasskeyRow
from signoff.schemas.passkeys import Passkey, PasskeyChallenge, PasskeyList
from signoff.schemas.problems import Problem
from signoff.vocabulary import Scope

if TYPE_CHECKING:
    from webauthn.registration.verify_registration_response import VerifiedRegistration

_NOT_STORED = {"Cache-Control": "no-store"}
# Who has no password must have signed in within this time to add a passkey.
RECENT = timedelta(minutes=10)


class PasskeyController(Controller):
    """The sender's passkeys."""

    path = "/api/me/passkeys"
    tags = ("people",)

    @get("/", operation_id="listPasskeys", opt={SCOPE: Scope.SELF}, summary="List your passkeys")
    async def list_passkeys(self, request: AnyRequest, services: NamedDependency[Services]) -> Response[PasskeyList]:
        """Oldest first. Only people have passkeys; for others, the list is empty."""
        person_id = str(caller_of(request).actor_id)

        def work(conn: Connection) -> PasskeyList:
            found = identities.find(conn, person_id)
            rows = passkeys.all_of(conn, person_id)
            return PasskeyList(
                passkeys=[_shown(row) for row in rows],
                needs_password=found is not None and found.credential is not None,
            )

        return Response(await services.database.read(work), headers=_NOT_STORED)

    @post(
        "/challenge",
        operation_id="beginPasskey",
        opt={SCOPE: Scope.SELF},
        summary="Begin to add a passkey",
        status_code=200,
    )
    async def begin(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        credentials: NamedDependency[Credentials],
        data: JSONBody[BeginPasskey],
    ) -> Response[PasskeyChallenge]:
        """Needs your password. Answers with what a new device has to sign within 5 minutes.

        If an identity provider signs you in, you need no password, but must have signed in within the last 10 minutes. If a proxy
        signs you in, you need neither.
        """
        found = await services.database.read(lambda conn: person_of(conn, request))
        rp_id = rp_id_of(origin_of(request, services))
        if found.credential is not None:
            await _check_password(request, credentials, found, found.credential.hash, data)
        else:
            await _check_recent(request, services, data)

        def work(conn: Connection) -> PasskeyChallenge:
            row = passkeys.issue(conn, found.identity.id)
            known = [each.credential_id for each in passkeys.all_of(conn, found.identity.id)]
            return challenge_for(row, row.nonce, found, rp_id, known)

        return Response(await services.database.transact(work), headers=_NOT_STORED)

    @post("/", operation_id="addPasskey", opt={SCOPE: Scope.SELF}, summary="Add a passkey")
    async def add(
        self, request: AnyRequest, services: NamedDependency[Services], data: JSONBody[AddPasskey]
    ) -> Response[Passkey]:
        """Stores the public key of a device that has signed the challenge. The device must have checked that it is you."""
        origin = origin_of(request, services)
        rp_id = rp_id_of(origin)

        def work(conn: Connection) -> Passkey:
            person = person_of(conn, request).identity
            challenge = passkeys.use(conn, person.id, data.nonce)
            made = _registered(data, challenge, origin, rp_id)
            row = passkeys.add(
                conn,
                person.id,
                credential_id=encoded(made.credential_id),
                public_key=encoded(made.credential_public_key),
                rp_id=rp_id,
                sign_count=made.sign_count,
                name=data.name,
            )
            return _shown(row)

        return await answer_once(request, services, work, status=201, headers=_NOT_STORED)

    @delete(
        "/{passkey_id:str}",
        operation_id="removePasskey",
        opt={SCOPE: Scope.SELF},
        summary="Remove a passkey",
        status_code=200,
    )
    async def remove(
        self, request: AnyRequest, services: NamedDependency[Services], passkey_id: FromPath[str]
    ) -> Response[Passkey]:
        """It can sign nothing more. What it signed stays on record, with its public key."""
        person_id = str(caller_of(request).actor_id)
        row = await services.database.transact(lambda conn: passkeys.remove(conn, person_id, passkey_id))
        return Response(_shown(row), headers=_NOT_STORED)


async def _check_password(
    request: AnyRequest, credentials: Credentials, found: Known, hashed: str | None, data: BeginPasskey
) -> None:
    """Check the sender's password.

    Raises:
        Invalid: `wrong_password`. Not a 401, which says that the session has ended.
    """
    address = request.client.host if request.client else ""
    password = data.password.get_secret_value() if data.password is not None else ""
    if not await credentials.passwords.matches(password, hashed, name=found.identity.name, address=address):
        message = "The password is not right."
        raise Invalid(message, code="wrong_password", details=[Problem(field="password", message=message)])


async def _check_recent(request: AnyRequest, services: Services, data: BeginPasskey) -> None:
    """Check that a sender without a password has signed in a short time ago. A proxy vouches for each request.

    Raises:
        Invalid: the sender has no password, and has sent one.
        Conflict: `sign_in_again`.
    """
    if data.password is not None:
        message = "You have no password here. Leave it out."
        raise Invalid(message, details=[Problem(field="password", message=message)])
    session_id = caller_of(request).session_id
    if session_id is None:
        return
    begun = await services.database.read(lambda conn: sessions.begun_at(conn, session_id))
    if begun is None or parse_time(begun) < datetime.now(UTC) - RECENT:
        message = "To add a passkey, sign out and sign in again first: you signed in more than 10 minutes ago."
        raise Conflict(message, code="sign_in_again")


def person_of(conn: Connection, request: AnyRequest) -> Known:
    """The sender, who must be a person.

    Raises:
        Conflict: `not_a_person`: the sender is a program, or has the server's key.
    """
    found = identities.find(conn, str(caller_of(request).actor_id))
    if found is None or found.identity.kind != Kind.PERSON:
        message = "Only a person who signs in has passkeys. Ask an administrator to add you."
        raise Conflict(message, code="not_a_person")
    return found


def origin_of(request: AnyRequest, services: Services) -> str:
    """The address of the page: the configured one, else the one that the browser names, whose host the gateway has checked."""
    public = services.settings.public_url
    if public:
        parts = urlsplit(public)
        return f"{parts.scheme}://{parts.netloc}".lower()
    own = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    return request.headers.get("origin", own).lower()


def rp_id_of(origin: str) -> str:
    """The name of the server that passkeys are for.

    Raises:
        Conflict: `passkey_needs_name`: browsers offer no passkeys at this address.
    """
    parts = urlsplit(origin)
    host = parts.hostname or ""
    is_address = ":" in host or host.replace(".", "").isdigit()
    if is_address or not host or (parts.scheme != "https" and host != LOCALHOST):
        message = (
            "Browsers offer passkeys only at https addresses with a name, and at http://localhost. Open the page there, and set "
            "SIGNOFF_PUBLIC_URL to its address."
        )
        raise Conflict(message, code="passkey_needs_name")
    return host


def _registered(data: AddPasskey, challenge: ChallengeRow, origin: str, rp_id: str) -> VerifiedRegistration:
    # Loads OpenSSL's bindings, which the app does not need otherwise.
    from webauthn import verify_registration_response  # noqa: PLC0415
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    try:
        return verify_registration_response(
            credential={
                "id": data.credential_id,
                "rawId": data.credential_id,
                "type": "public-key",
                "response": {"clientDataJSON": data.client_data, "attestationObject": data.attestation},
            },
            expected_challenge=decoded(challenge.nonce),
            expected_rp_id=rp_id,
            expected_origin=origin,
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise _unusable(f"The device's answer is not valid: {error}.") from error
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise _unusable("The device's answer cannot be read.") from error


def _unusable(message: str) -> Invalid:
    return Invalid(message, code="passkey_invalid", details=[Problem(field="attestation", message=message)])


def challenge_for(row: ChallengeRow, wanted: str, found: Known, rp_id: str, known: list[str]) -> PasskeyChallenge:
    """What a device has to sign, as the API answers it: `wanted`, with a passkey in `known`."""
    return PasskeyChallenge(
        nonce=row.nonce,
        challenge=wanted,
        rp_id=rp_id,
        user_id=encoded(found.identity.id.encode()),
        user_name=found.identity.name,
        credential_ids=known,
        expires_at=row.expires_at,
    )


def _shown(row: PasskeyRow) -> Passkey:
    return Passkey.model_validate({name: getattr(row, name) for name in Passkey.model_fields})
