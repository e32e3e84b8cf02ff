"""Passkeys: a person's own device signs what they approve: the digest of the plan, and the gate at which something waits.

The challenge that the device signs is a hash over the project, the version, the digest, and a nonce that the server has issued.
The whole assertion is kept with the decision, so anyone can check it later with what the record has.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Annotated, TypedDict, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from app.domain.commands import CommandKind, CommandRecord, Outcome
from app.domain.frozen import Frozen
from app.domain.plan import canonical_json
from app.domain.signed_gates import SignedGate
from signoff.schemas.json_value import JsonObject

_PURPOSE = b"signoff passkey approval 1\n"
# The challenge has the digest of the files and settings too, which the approval freezes.
_PURPOSE_WITH_FROZEN = b"signoff passkey approval 2\n"
# The challenge names a gate during a run or after it.
_PURPOSE_AT_A_GATE = b"signoff passkey approval 3\n"
Base64Url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,8192}$")]
LOCALHOST = "localhost"
_OTHER_FROZEN = "It is for other files and settings than those that were frozen."


class Response(TypedDict):
    """What a browser sends of an assertion, each in base64url without padding."""

    credential_id: str
    client_data: str
    authenticator_data: str
    signature: str


class Assertion(BaseModel):
    """A device's signature over an approval, with everything that is needed to check it.

    Attributes:
        nonce: the random part of the challenge, which the server issued for one use.
        credential_id: the id of the passkey.
        public_key: the public key of the passkey, as a COSE key.
        rp_id: the name of the server that the passkey is for.
        origin: the address of the page on which the person approved.
        client_data: what the browser signed with it: the challenge and the origin.
        authenticator_data: what the device says about itself: that the person was there, and that it knew them.
        signature: the signature of the device.
        frozen_digest: the digest of the files and settings that the person saw, if the device has signed it.
        gate: the gate of a phase, a task, a retry or a change; None for a plan.
    """

    model_config = ConfigDict(extra="forbid")

    nonce: Base64Url
    credential_id: Base64Url
    public_key: Base64Url
    rp_id: str
    origin: str
    client_data: Base64Url
    authenticator_data: Base64Url
    signature: Base64Url
    frozen_digest: str | None = None
    gate: SignedGate | None = None


def challenge_of(
    project_id: str,
    version: int,
    digest: str,
    nonce: str,
    frozen_digest: str | None = None,
    gate: SignedGate | None = None,
) -> bytes:
    """The challenge for the approval of a plan version, and of the files and settings with this digest that it relies on.

    With `gate`, it is for what waits at that gate of a run of the version.
    """
    content: JsonObject = {"project_id": project_id, "plan_version": version, "plan_digest": digest, "nonce": nonce}
    if gate is not None:
        return hashlib.sha256(_PURPOSE_AT_A_GATE + canonical_json({**content, "gate": gate.content})).digest()
    if frozen_digest is None:
        return hashlib.sha256(_PURPOSE + canonical_json(content)).digest()
    return hashlib.sha256(_PURPOSE_WITH_FROZEN + canonical_json({**content, "frozen_digest": frozen_digest})).digest()


def encoded(data: bytes) -> str:
    """Bytes in base64url without padding, as browsers write them."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """The bytes of a text in base64url without padding.

    Raises:
        ValueError: it is not base64url.
    """
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def objection_to(assertion: Assertion, challenge: bytes, *, sign_count: int = 0) -> str | None:
    """Why an assertion is not valid for a challenge, as a sentence; None if it is valid.

    Args:
        assertion: what the device has signed, and its public key.
        challenge: what it had to sign.
        sign_count: the device's own count of signatures, as it was last time; 0 if unknown.
    """
    # Loads OpenSSL's bindings, which most commands do not need.
    from webauthn import verify_authentication_response  # noqa: PLC0415
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    if not _is_for(assertion.origin, assertion.rp_id):
        return f"The page {assertion.origin} may not use passkeys of {assertion.rp_id}."
    try:
        verify_authentication_response(
            credential={
                "id": assertion.credential_id,
                "rawId": assertion.credential_id,
                "type": "public-key",
                "response": {
                    "clientDataJSON": assertion.client_data,
                    "authenticatorData": assertion.authenticator_data,
                    "signature": assertion.signature,
                },
            },
            expected_challenge=challenge,
            expected_rp_id=assertion.rp_id,
            expected_origin=assertion.origin,
            credential_public_key=decoded(assertion.public_key),
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
        client_data: JsonObject = json.loads(decoded(assertion.client_data))
    except WebAuthnException as error:
        return f"{error}."
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError):
        return "It cannot be read."
    # The page of another site, which shows this one in a frame, could have asked for it.
    return "It was made in a page of another site." if client_data.get("crossOrigin") else None


def _is_for(origin: str, rp_id: str) -> bool:
    """Whether pages with this origin may use passkeys of this server."""
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and host == LOCALHOST)
    return secure and bool(rp_id) and (host == rp_id or host.endswith(f".{rp_id}"))


def assertion_of(decision: CommandRecord) -> Assertion | None:
    """The assertion that is kept with a decision; None if it was made without a passkey.

    Raises:
        ValueError: what is kept is not an assertion.
    """
    kept = decision.payload.get("passkey")
    return Assertion.model_validate(kept) if kept is not None else None


def objection_to_decision(decision: CommandRecord) -> str | None:
    """Why the passkey's signature that is kept with a decision is not valid; None if it is valid, or if there is none."""
    try:
        assertion = assertion_of(decision)
    except ValidationError:
        return "It cannot be read."
    if assertion is None:
        return None
    if decision.plan_version is None or decision.plan_digest is None:
        return "The decision names no plan."
    gate, payload = assertion.gate, decision.payload
    if gate is None and (decision.kind != CommandKind.APPROVE or payload.get("phase_id") is not None):
        return "It is for a plan, not for what this decision lets run."
    if gate is not None and (mismatch := gate.mismatch(decision.kind, payload)) is not None:
        return mismatch
    version, digest = decision.plan_version, decision.plan_digest
    challenge = challenge_of(decision.project_id, version, digest, assertion.nonce, assertion.frozen_digest, gate)
    return objection_to(assertion, challenge)


def objection_to_frozen(decision: CommandRecord, frozen: Frozen | None) -> str | None:
    """Why the passkey's signature of a decision does not fit what the decision froze; None if it fits, or is over the plan only.

    Records from before devices signed what was frozen have no digest of it. An approval that no longer counts, because files have
    changed since, froze something else, which is not kept.
    """
    kept = decision.payload.get("passkey") or {}
    at_gate = kept.get("gate")
    if isinstance(at_gate, dict):
        found = frozen.seen_digest() if frozen is not None else None
        return None if at_gate.get("frozen_digest") == found else _OTHER_FROZEN
    signed = kept.get("frozen_digest")
    if signed is None or frozen is None or frozen.digest() != decision.payload.get("frozen_digest"):
        return None
    return None if frozen.seen_digest() == signed else _OTHER_FROZEN


def is_signed_with_passkey(decision: CommandRecord) -> bool:
    """Whether a decision let something pass, and the sender's own device signed it. For policies that demand it."""
    if decision.outcome != Outcome.ACCEPTED:
        return False
    return has_signature(decision)


def has_signature(command: CommandRecord) -> bool:
    """Whether a command has a valid signature of the sender's own device over the plan that it names."""
    return command.payload.get("passkey") is not None and objection_to_decision(command) is None


def stored(assertion: Assertion) -> JsonObject:
    """An assertion, as it is kept with a decision."""
    return cast("JsonObject", assertion.model_dump(mode="json", exclude_none=True))
