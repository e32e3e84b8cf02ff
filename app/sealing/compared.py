"""Compares a certificate with the record in an export, and checks a certificate without one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from pydantic import ValidationError

from app.domain.audit import Found, worst_first
from app.domain.certificate import Statement
from app.domain.certificate_checks import differences
from app.domain.certificate_content import PlanFacts, build
from app.domain.certificate_story import Story
from app.domain.errors import Conflict, NotFound
from app.domain.signing import KeyRing, fingerprint_of
from app.sealing.envelope import Certificate, wrong
from app.storage.audit import Record
from signoff.schemas.json_value import JsonValue

# A certificate of another run differs in nearly everything. This many differences are enough to see that.
_MAX_DIFFERENCES = 20


def story_of(certificate: Certificate | None) -> Story | None:
    """Return the story to collect from a record's events, or None if there is no statement to compare."""
    if certificate is None or certificate.statement is None:
        return None
    predicate = certificate.statement.predicate
    return Story(predicate.plan.version, predicate.record.events)


def compare(certificate: Certificate, story: Story | None, record: Record, last: int) -> Iterator[Found]:
    """Yield what differs between a certificate and a record.

    Args:
        certificate: the certificate.
        story: what the record's events tell about the certificate's plan version.
        record: the rows of the record.
        last: the number of the record's last event.
    """
    statement = certificate.statement
    if statement is None or story is None:
        return
    predicate = statement.predicate
    if predicate.project.id != record.project.id:
        message = f"The certificate is about project {predicate.project.id}, but the export about {record.project.id}."
        yield wrong("certificate_differs", message)
        return
    if predicate.record.events > last:
        message = f"The certificate covers {predicate.record.events} events, but the record has only {last}."
        yield wrong("certificate_ahead", message)
        return
    seal = next((seal for seal in record.seals if seal.number == predicate.record.seal.number), None)
    row = next((row for row in record.plans if row.version == predicate.plan.version), None)
    if seal is None or row is None:
        what = "seal" if seal is None else "plan version"
        yield wrong("certificate_differs", f"The record does not have the {what} that the certificate names.")
        return
    try:
        recorded = build(PlanFacts.model_validate(row), record.decisions, story, seal)
    except (Conflict, NotFound, ValidationError, KeyError) as error:
        reason = str(error) if isinstance(error, Conflict | NotFound) else "Its plan cannot be read."
        yield wrong("certificate_differs", f"The record does not give the certificate's statement: {reason}")
        return
    expected: JsonValue = json.loads(recorded.payload())
    for sentence in islice(differences(certificate.raw, expected), _MAX_DIFFERENCES):
        yield wrong("certificate_differs", sentence.removeprefix("predicate."))


@dataclass
class VerifiedCertificate:
    """Result of checking a certificate without a record.

    Attributes:
        fingerprint: the fingerprint of the key that it was checked with.
        statement: what it states; None if that cannot be read.
        findings: the findings, worst first.
    """

    fingerprint: str
    statement: Statement | None
    findings: list[Found] = field(default_factory=list[Found])

    @property
    def intact(self) -> bool:
        """Whether nothing was altered."""
        return not self.findings


def verify_alone(certificate: Certificate, key: bytes) -> VerifiedCertificate:
    """Check a certificate with a public key alone."""
    try:
        found = worst_first(certificate.findings(KeyRing([key])))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
        found = [wrong("certificate_unreadable", "The certificate contains values that Signoff does not write.")]
    return VerifiedCertificate(fingerprint_of(key), certificate.statement, found)


def digest_of_statement(statement: Statement) -> str:
    """The SHA-256 of a statement, by which a printed certificate names the signed one."""
    return hashlib.sha256(statement.payload()).hexdigest()
