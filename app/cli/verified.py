"""Prints what `signoff verify` found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from app.cli.display import visible
from app.domain.sender import ORIGIN_FIELDS, called
from app.domain.signing_links import SETTINGS_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.audit import Found
    from app.domain.certificate import Statement
    from app.sealing.compared import VerifiedCertificate
    from app.sealing.exported import Verified
    from signoff.schemas.json_value import JsonObject

_MAX_SHOWN = 50
_COLORS = {"critical": "red", "high": "red", "medium": "yellow", "low": "yellow"}


def print_export_json(result: Verified) -> None:
    """Print the result for an export as JSON."""
    answer = {
        "intact": result.intact,
        "trusted_key": result.trusted,
        "fingerprint": result.fingerprint,
        "project_id": result.project_id,
        "name": result.name,
        "exported_at": result.exported_at,
        "events": result.events,
        "sealed_events": result.seal.seq if result.seal is not None else 0,
        "files": result.files,
        "seal": result.seal.model_dump(mode="json") if result.seal is not None else None,
        "certificate": _certified(result.certificate),
        "findings": [finding._asdict() for finding in result.findings],
    }
    click.echo(json.dumps(answer, indent=2))


def print_export(result: Verified) -> None:
    """Print the result for an export, and for a certificate that was compared with it."""
    if result.project_id is not None:
        covered = f"sealed up to event {result.seal.seq}" if result.seal is not None else "not sealed"
        name = visible(f"{result.name} ({result.project_id})")
        click.echo(f"{name}: {result.events} events, {covered}; {result.files} files; exported {result.exported_at}.")
    if result.unsealed:
        first = result.events - result.unsealed + 1
        subject = f"Event {first} is" if result.unsealed == 1 else f"Events {first} to {result.events} are"
        click.echo(f"{subject} not sealed: the project was running when it was exported.")
    _print_statement(result.certificate)
    _print_findings(result.findings)
    if result.trusted:
        click.echo(f"Key: {result.fingerprint}")
    elif result.fingerprint is not None:
        click.echo(
            f"Key: {result.fingerprint}, taken from the zip itself. This shows only that the record is consistent, not who "
            "signed it. To check that too, pass the server's key with --public-key."
        )
    both = " and the certificate" if result.compared else ""
    if result.intact:
        click.secho(f"The record{both} {'are' if both else 'is'} intact.", fg="green")
    elif both:
        click.secho("The record or the certificate was altered.", fg="red")
    else:
        click.secho("The record was altered.", fg="red")


def print_certificate_json(result: VerifiedCertificate) -> None:
    """Print the result for a certificate alone as JSON."""
    answer = {
        "intact": result.intact,
        "trusted_key": True,
        "fingerprint": result.fingerprint,
        "certificate": _certified(result.statement),
        "findings": [finding._asdict() for finding in result.findings],
    }
    click.echo(json.dumps(answer, indent=2))


def print_certificate(result: VerifiedCertificate) -> None:
    """Print the result for a certificate alone."""
    _print_statement(result.statement)
    _print_findings(result.findings)
    click.echo(f"Key: {result.fingerprint}")
    if result.intact:
        click.secho("The certificate is intact.", fg="green")
    else:
        click.secho("The certificate was altered, or is not by this key.", fg="red")


def _certified(statement: Statement | None) -> JsonObject | None:
    """What a certificate states, in short."""
    from app.sealing.compared import digest_of_statement  # noqa: PLC0415 - keeps the overview of commands fast

    if statement is None:
        return None
    predicate = statement.predicate
    return {
        "statement_sha256": digest_of_statement(statement),
        "project_id": predicate.project.id,
        "plan_version": predicate.plan.version,
        "plan_digest": predicate.plan.digest,
        "approved_by": [
            {name: each.decision.get(name) for name in ("actor", *ORIGIN_FIELDS, "at")} for each in predicate.approvals
        ],
        "status": predicate.outcome.status,
        "events": predicate.record.events,
    }


def _print_statement(statement: Statement | None) -> None:
    stated = _certified(statement)
    if statement is None or stated is None:
        return
    predicate = statement.predicate
    click.echo(
        visible(
            f"Certificate: version {predicate.plan.version} of the plan of {predicate.project.created_as} "
            f"({predicate.project.id}), digest {predicate.plan.digest}."
        )
    )
    for each in predicate.approvals:
        told = each.decision
        details = ", ".join(str(told[name]) for name in ORIGIN_FIELDS if told.get(name) is not None)
        payload = told.get("payload")
        link = payload.get("link") if isinstance(payload, dict) else None
        vouched = _vouched(link) if isinstance(link, dict) else ""
        click.echo(
            visible(
                f"  approved by {called(str(told.get('actor')))}{f' ({details})' if details else ''}{vouched} at {told.get('at')}"
            )
        )
    words = predicate.policy.get("words") if isinstance(predicate.policy, dict) else None
    for sentence in words if isinstance(words, list) else []:
        click.echo(visible(f"  demanded: {sentence}"))
    click.echo(visible(f"  outcome: {predicate.outcome.status}, as of event {predicate.record.events}"))
    click.echo(f"  statement: {stated['statement_sha256']}")


def _vouched(link: JsonObject) -> str:
    by_settings = link.get("made_by_id") == SETTINGS_ID
    by = (
        "the settings of the server"
        if by_settings
        else f"{called(str(link.get('made_by')))} ({link.get('made_by_id')})"
    )
    asked = f", asked for by {called(str(link.get('requested_by')))}" if link.get("requested_by") is not None else ""
    sent = (
        f", link delivered by the server to {link.get('delivered_to')}" if link.get("delivered_to") is not None else ""
    )
    return f", vouched for by {by}{asked}{sent}"


def _print_findings(findings: Sequence[Found]) -> None:
    for finding in findings[:_MAX_SHOWN]:
        click.secho(f"  {finding.severity:8}  {finding.code}: ", fg=_COLORS[finding.severity], nl=False)
        click.echo(visible(finding.message))
    if len(findings) > _MAX_SHOWN:
        click.echo(f"  and {len(findings) - _MAX_SHOWN} more; --json prints all")
