"""Ed25519 signatures over what the app writes. Anybody can check them with the public key alone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, field_validator

from app.domain.plan import canonical_json

# The execution option that holds the signer for write transactions. Only the app's transactions have one.
SIGNER = "signoff_signer"
KEY_BYTES = 32
# How many of its latest signatures a signer remembers. What it signs is mostly checked within a second, when it is sealed.
_REMEMBERED = 1024


def fingerprint_of(public_key: bytes) -> str:
    """SHA-256 of the 32 bytes of a public key, in hexadecimal."""
    return hashlib.sha256(public_key).hexdigest()


def key_id_of(public_key: bytes) -> str:
    """The id of a key in signatures: the first 16 digits of its fingerprint."""
    return fingerprint_of(public_key)[:16]


def _message(purpose: str, content: object) -> bytes:
    # The purpose ensures that a signature over one kind of content is not valid for another kind.
    return f"signoff {purpose} 1\n".encode() + canonical_json(content)


class Signer:
    """Signs content with a private key.

    Attributes:
        public_key: the 32 bytes of the public key.
        key_id: the id that its signatures carry.
    """

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        # What each signature was made for, as a hash.
        self._made: dict[str, bytes] = {}
        self.public_key = private.public_key().public_bytes_raw()
        self.key_id = key_id_of(self.public_key)

    def sign(self, purpose: str, content: object) -> str:
        """Sign `content`. The signature is text: the key's id, a colon, and base64."""
        message = _message(purpose, content)
        signature = f"{self.key_id}:{base64.b64encode(self._private.sign(message)).decode()}"
        self._made[signature] = hashlib.sha256(message).digest()
        if len(self._made) > _REMEMBERED:
            del self._made[next(iter(self._made))]
        return signature

    def has_made(self, signature: str, message: bytes) -> bool:
        """Whether it remembers that it has made this signature, and over this message. It takes less than to verify it."""
        return self._made.get(signature) == hashlib.sha256(message).digest()

    def derive(self, purpose: str) -> bytes:
        """Derive 32 secret bytes for another purpose. They reveal nothing about the private key."""
        kdf = HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=f"signoff {purpose} 1".encode())
        return kdf.derive(self._private.private_bytes_raw())

    def sign_envelope(self, encoded: bytes) -> bytes:
        """Sign the pre-authentication encoding of a DSSE envelope, and return the 64 bytes of the signature.

        It begins with `DSSEv1`, so the signature is not valid for content of another kind.

        Raises:
            ValueError: this is not such an encoding.
        """
        if not encoded.startswith(b"DSSEv1 "):
            raise ValueError("only the encoding of a DSSE envelope is signed as it is")
        return self._private.sign(encoded)


class KeyChange(BaseModel):
    """A change of keys, signed with both: whoever trusts one key can trust the other. Keys are in base64."""

    old: str
    new: str
    at: str
    by_old: str = ""
    by_new: str = ""

    @field_validator("old", "new")
    @classmethod
    def _is_key(cls, text: str) -> str:
        if len(base64.b64decode(text, validate=True)) != KEY_BYTES:
            raise ValueError(f"must be a public key of {KEY_BYTES} bytes")
        return text

    @property
    def content(self) -> dict[str, str]:
        """The content that both keys sign."""
        return self.model_dump(include={"old", "new", "at"})


class KeyRing:
    """The public keys whose signatures are accepted.

    Args:
        keys: the keys, 32 bytes each.
        own: the signer of this process, whose key is one of them. What it remembers is not verified again.
    """

    def __init__(self, keys: Iterable[bytes], own: Signer | None = None) -> None:
        self._own = own
        self._raw = {key_id_of(key): key for key in keys}
        self._keys = {name: Ed25519PublicKey.from_public_bytes(key) for name, key in self._raw.items()}

    @property
    def keys(self) -> Mapping[str, bytes]:
        """The keys by id."""
        return self._raw

    def verifies(self, purpose: str, content: object, signature: str | None) -> bool:
        """Whether one of the keys made this signature over this content."""
        name, _, text = (signature or "").partition(":")
        key = self._keys.get(name)
        if key is None:
            return False
        message = _message(purpose, content)
        if self._own is not None and self._own.has_made(signature or "", message):
            return True
        try:
            key.verify(base64.b64decode(text, validate=True), message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def with_changes(self, changes: Iterable[KeyChange]) -> KeyRing:
        """This ring, plus every key that a chain of mutually signed changes connects to one of its keys."""
        trusted = dict(self._raw)
        waiting = list(changes)
        while True:
            for change in waiting:
                pair = [base64.b64decode(change.old), base64.b64decode(change.new)]
                both = KeyRing(pair)
                known = any(key_id_of(key) in trusted for key in pair)
                signed = all(
                    text.startswith(f"{key_id_of(key)}:") and both.verifies("key", change.content, text)
                    for key, text in zip(pair, (change.by_old, change.by_new), strict=True)
                )
                if known and signed:
                    trusted |= both.keys
                    waiting.remove(change)
                    break
            else:
                return KeyRing(trusted.values(), self._own)
