"""Signed certificates: in-toto statements in DSSE envelopes, which many tools can verify."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict

from app.domain.audit import Found
from app.domain.certificate import PREDICATE_TYPE, Statement
from app.domain.certificate_checks import inconsistencies
from app.domain.signing import KeyRing, Signer, fingerprint_of
from app.domain.unique_json import unique_members
from app.sealing.zipped import ExportUnusable
from signoff.schemas.json_value import JsonObject, JsonValue

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"
MAX_BYTES = 64 * 1024 * 1024
_ADVICE = "Get the certificate again, directly from the server."


class _Signature(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keyid: str
    sig: str


class _Envelope(BaseModel):
    """What a certificate's file may contain. Anything else in it would not be signed."""

    model_config = ConfigDict(extra="forbid")

    payload: str
    payloadType: str  # noqa: N815 - the name in the standard
    signatures: list[_Signature]


class Certificate:
    """A certificate that was read, whether or not it is valid.

    Attributes:
        statement: what it states; None if that cannot be read.
        raw: the statement as JSON.
        key_ids: the ids of the keys that it names, which are fingerprints.
    """

    def __init__(
        self, envelope: Envelope | None, raw: JsonValue, statement: Statement | None, found: list[Found]
    ) -> None:
        self.statement = statement
        self.raw = raw
        self.key_ids = sorted(envelope.signatures) if envelope is not None else []
        self._envelope = envelope
        self._found = found

    def findings(self, keys: KeyRing) -> Iterator[Found]:
        """Yield what is wrong with it: its signature, its type, and parts of it that contradict each other."""
        yield from self._found
        if self._envelope is not None:
            yield from self._signed_by(self._envelope, keys)
        if self.statement is not None:
            for sentence in inconsistencies(self.statement):
                yield wrong("certificate_inconsistent", sentence)
            if not self.statement.predicate.record.seal.is_signed_by(keys):
                yield wrong("seal_forged", "The seal in the certificate is not signed with a key of the app.")

    def _signed_by(self, envelope: Envelope, keys: KeyRing) -> Iterator[Found]:
        from securesystemslib.exceptions import VerificationError  # noqa: PLC0415 - not needed to verify a record

        if envelope.payload_type != PAYLOAD_TYPE:
            yield wrong(
                "certificate_type", f"The type of its content is '{envelope.payload_type}', not {PAYLOAD_TYPE}."
            )
        public = [public_key_of(key) for key in keys.keys.values()]
        known = {key.keyid for key in public}
        if not known & set(self.key_ids):
            named = ", ".join(self.key_ids) or "no key"
            yield wrong("key_unknown", f"The certificate was signed by {named}, not by {', '.join(sorted(known))}.")
            return
        try:
            envelope.verify(list(public), 1)
        except VerificationError:
            yield wrong(
                "certificate_forged", "Its signature is not valid: the certificate was altered after it was signed."
            )


def public_key_of(key: bytes) -> SSlibKey:
    """Return a public key in the form of securesystemslib. Its id is its fingerprint."""
    from securesystemslib.signer import SSlibKey  # noqa: PLC0415 - not needed to verify a record

    return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(key), keyid=fingerprint_of(key))


def sign(statement: Statement, signer: Signer) -> bytes:
    """Return a statement in a signed envelope, as JSON. The same statement and key give the same bytes."""
    from securesystemslib.dsse import Envelope  # noqa: PLC0415 - not needed to verify a record
    from securesystemslib.signer import Signature  # noqa: PLC0415

    envelope = Envelope(statement.payload(), PAYLOAD_TYPE, {})
    key_id = fingerprint_of(signer.public_key)
    envelope.signatures[key_id] = Signature(key_id, signer.sign_envelope(envelope.pae()).hex())
    return json.dumps(envelope.to_dict()).encode() + b"\n"


def read(path: Path) -> Certificate:
    """Read a certificate from a file. Defects become findings, so that each is reported.

    Raises:
        ExportUnusable: this is not a certificate.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ExportUnusable(f"{path} has more than {MAX_BYTES} bytes. It is neither an export nor a certificate.")
    try:
        content = _json(data)
    except (ValueError, RecursionError) as error:
        raise ExportUnusable(f"{path} is neither a zip nor a certificate: it is not valid JSON.") from error
    if not isinstance(content, dict) or not {"payload", "payloadType", "signatures"} <= set(
        cast("JsonObject", content)
    ):
        raise ExportUnusable(f"{path} is neither a zip nor a certificate: it is not a DSSE envelope.")
    return _parse(cast("JsonObject", content))


def _parse(content: JsonObject) -> Certificate:
    from securesystemslib.dsse import Envelope  # noqa: PLC0415 - not needed to verify a record

    try:
        checked = _Envelope.model_validate(content)
        # The library also takes the URL-safe alphabet, in which the same bytes have another spelling.
        for text in (checked.payload, *(signature.sig for signature in checked.signatures)):
            base64.b64decode(text, validate=True)
        envelope = Envelope.from_dict(checked.model_dump())
    except ValueError:
        found = [wrong("certificate_unreadable", "The envelope is not one that Signoff writes.")]
        return Certificate(None, None, None, found)
    try:
        raw = _json(envelope.payload)
        statement = Statement.model_validate(raw)
        as_written = statement.payload() == envelope.payload
    except (RecursionError, ValueError):
        message = f"Its content is not a statement with the type {PREDICATE_TYPE}."
        return Certificate(envelope, None, None, [wrong("certificate_unreadable", message)])
    found: list[Found] = []
    if not as_written:
        found.append(wrong("certificate_unreadable", "Its content is not written as Signoff writes it."))
    return Certificate(envelope, raw, statement, found)


def _json(data: bytes) -> JsonValue:
    return json.loads(data, object_pairs_hook=unique_members)


def wrong(code: str, message: str) -> Found:
    """Return a finding about a certificate."""
    return Found("critical", code, message, _ADVICE)
