"""The request bodies for passkeys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from app.api.http.bodies import MAX_PASSWORD_LENGTH, Base64Url, Digest, Id, Json, RequestBody, Version
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
    """What a device is to sign: the plan version as it was read or, with one of the other fields, what waits in its run."""

    plan_version: Version
    plan_digest: Digest
    frozen_digest: Digest | None = Field(
        default=None, description="The `frozen.digest` of the plan that was read. Needed for a plan that has one."
    )
    phase_id: Id | None = Field(default=None, description="The phase to approve.")
    task_id: Id | None = Field(default=None, description="The task that waits to be released.")
    answer: Literal["retry", "complete", "skip"] | None = Field(
        default=None, description="Whether to release the task (`retry`, the default), or complete or skip it instead."
    )
    outputs: dict[str, Json] | None = Field(default=None, description="The outputs that the answer gives to the task.")
    decision_id: Id | None = Field(
        default=None, description="The decision to let a task run although it no longer matches what was signed."
    )
    tasks: list[Id] | None = Field(
        default=None, max_length=10_000, description="To retry the project: the tasks that the retry names, or none."
    )
