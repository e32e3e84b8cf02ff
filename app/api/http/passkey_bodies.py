"""The request bodies for passkeys."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from app.api.http.bodies import MAX_PASSWORD_LENGTH, Base64Url, Digest, RequestBody, Version
from app.domain.plan import PLAIN


class BeginPasskey(RequestBody):
    """The sender's password: whoever finds an open browser must not be able to add a device.

    People whom an identity provider or a proxy signs in have none, and leave it out.
    """

    password: Annotated[SecretStr, Field(max_length=MAX_PASSWORD_LENGTH)] | None = None


class AddPasskey(RequestBody):
    """A new passkey: a name for it, and what the device has answered to the challenge with this nonce, in base64url."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True), PLAIN]
    nonce: Base64Url
    credential_id: Base64Url
    client_data: Base64Url
    attestation: Base64Url


class BeginPasskeyApproval(RequestBody):
    """The plan version that a device is to sign, as it was read."""

    plan_version: Version
    plan_digest: Digest
    frozen_digest: Digest | None = Field(
        default=None, description="The `frozen.digest` of the plan that was read. Needed if the plan has one."
    )
