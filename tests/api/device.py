"""A device with passkeys, as the standard describes it: it makes keys, and signs challenges with them."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from app.domain.passkeys import encoded

PRESENT, VERIFIED, HAS_KEY = 0x01, 0x04, 0x40


class Device:
    """Makes one key.

    Attributes:
        origin: the address of the page that asks it.
        rp_id: the name of the server that the page states.
        flags: what it says about the person: that they are there, and that it knows them.
        count: its count of signatures.
    """

    def __init__(self, origin: str) -> None:
        self.origin, self.rp_id = origin, "localhost"
        self.flags, self.count = PRESENT | VERIFIED, 0
        self.extra: dict[str, Any] = {}
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._id = os.urandom(16)

    def register(self, asked: dict[str, Any]) -> dict[str, str]:
        """The fields of a new passkey."""
        numbers = self._private.public_key().public_numbers()
        key = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        made = bytes(16) + len(self._id).to_bytes(2, "big") + self._id + key
        data = self._data(self.flags | HAS_KEY) + made
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", asked["challenge"])
        return {
            "nonce": asked["nonce"],
            "credential_id": encoded(self._id),
            "client_data": encoded(client_data),
            "attestation": encoded(attestation),
        }

    def sign(self, asked: dict[str, Any]) -> dict[str, str]:
        """The signature over a challenge."""
        self.count += 1
        data, client_data = self._data(self.flags), self._client_data("webauthn.get", asked["challenge"])
        signature = self._private.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return {
            "nonce": asked["nonce"],
            "credential_id": encoded(self._id),
            "client_data": encoded(client_data),
            "authenticator_data": encoded(data),
            "signature": encoded(signature),
        }

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, **self.extra}).encode()
