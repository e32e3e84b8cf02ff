"""Passkeys: keys on people's own devices, with which they sign the plans that they approve."""

from __future__ import annotations

from pydantic import BaseModel


class Passkey(BaseModel):
    """A passkey of the sender. `rp_id` is the name of the server that it is for."""

    id: str
    name: str
    credential_id: str
    rp_id: str
    created_at: str
    last_used_at: str | None


class PasskeyList(BaseModel):
    """The sender's passkeys, oldest first."""

    passkeys: list[Passkey]
    needs_password: bool = False


class PasskeyChallenge(BaseModel):
    """What a device has to sign, once, before `expires_at`.

    `challenge` is in base64url, as are the ids of the passkeys: those that may sign, or, for a new passkey, those that exist.
    `rp_id` is the name of the server that the browser must use.
    """

    nonce: str
    challenge: str
    rp_id: str
    user_id: str
    user_name: str
    credential_ids: list[str]
    expires_at: str
