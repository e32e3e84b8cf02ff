"""Checks that the parts of a certificate fit each other, and that a certificate matches a record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import cast

from app.domain.certificate import CertifiedDecision, Predicate, Statement, approves, policy_of, subjects_of
from app.domain.commands import CommandRecord, Outcome
from app.domain.frozen import Frozen
from app.domain.gate_audit import unmet
from app.domain.passkeys import objection_to_decision, objection_to_frozen
from app.domain.plan import canonical_json
from signoff.schemas.json_value import JsonObject, JsonValue

_MAX_SHOWN = 80


def inconsistencies(statement: Statement) -> Iterator[str]:
    """Yield a sentence for each part of a statement that does not fit another part of it."""
    predicate = statement.predicate
    plan = predicate.plan
    if hashlib.sha256(canonical_json(plan.covered)).hexdigest() != plan.digest:
        yield f"The text of plan version {plan.version} does not have the digest {plan.digest}."
    if statement.subject != subjects_of(predicate):
        yield "The subjects are not the plan and the files that the certificate describes."
    if not predicate.approvals:
        yield "It has no decision that approves the plan."
    yield from _hashes(predicate)
    for certified in predicate.approvals:
        yield from _approval(predicate, certified)
    yield from _devices(predicate)
    if predicate.approvals:
        yield from _frozen(predicate)
        yield from _policy(predicate)
    record = predicate.record
    if (record.seal.project_id, record.seal.seq, record.seal.hash) != (
        predicate.project.id,
        record.events,
        record.hash,
    ):
        yield "Its seal is over another record."
    yield from _files(predicate)


def _hashes(predicate: Predicate) -> Iterator[str]:
    for certified in [*predicate.requests, *predicate.approvals, *predicate.decisions]:
        name = certified.decision.get("id")
        if hashlib.sha256(canonical_json(certified.decision)).hexdigest() != certified.hash:
            yield f"Decision {name} does not have the hash that its event sealed."
        if certified.event > predicate.record.events:
            yield f"Decision {name} is younger than the certificate."


def _approval(predicate: Predicate, certified: CertifiedDecision) -> Iterator[str]:
    plan = predicate.plan
    try:
        decision = certified.read
    except ValueError:
        yield "A decision that approves the plan cannot be read."
        return
    if not approves(decision, plan.version) or decision.plan_digest != plan.digest:
        yield f"Decision {decision.id} does not approve the plan with the digest {plan.digest}."
    if decision.project_id != predicate.project.id:
        yield f"Decision {decision.id} is about another project."
    objection = objection_to_decision(decision)
    if objection is not None:
        yield f"The passkey's signature of decision {decision.id} is not valid. {objection}"


def _devices(predicate: Predicate) -> Iterator[str]:
    for certified in predicate.decisions:
        yield from _device(predicate, certified)


def _device(predicate: Predicate, certified: CertifiedDecision) -> Iterator[str]:
    """Check the passkey's signature of a later decision, which let a phase, a task, a retry or a change pass."""
    try:
        decision = certified.read
    except ValueError:
        return
    if decision.outcome != Outcome.ACCEPTED or decision.payload.get("passkey") is None:
        return
    objection = objection_to_decision(decision)
    if objection is not None:
        yield f"The passkey's signature of decision {decision.id} is not valid. {objection}"
    elif decision.plan_version == predicate.plan.version:
        yield from _signed_frozen(predicate, certified)


def _policy(predicate: Predicate) -> Iterator[str]:
    """Compare what was demanded with the approvals: whether each of them knew it, and whether together they meet it."""
    for certified in predicate.approvals:
        if policy_of(certified.decision) != predicate.policy:
            yield f"Decision {certified.decision.get('id')} was not given under the policy that the certificate names."
    try:
        approvals = [certified.read for certified in predicate.approvals]
    except ValueError:
        return
    gate = _gate(approvals[-1])
    if predicate.policy is not None and (why := unmet(str(gate.get("id")), predicate.policy, approvals)) is not None:
        yield f"The approvals are not those that the policy demands: {why}"
    elif gate.get("opens") is False:
        yield "The last approval says that others were missing."


def _gate(decision: CommandRecord) -> JsonObject:
    return _object(cast("JsonObject", decision.payload).get("gate"))


def _frozen(predicate: Predicate) -> Iterator[str]:
    signed = _object(predicate.approvals[-1].decision.get("payload")).get("frozen_digest")
    try:
        frozen = Frozen.model_validate(predicate.frozen).digest() if predicate.frozen is not None else None
    except ValueError:
        frozen = "unreadable"
    for certified in predicate.approvals:
        yield from _signed_frozen(predicate, certified)
    if frozen != signed:
        yield "The frozen files and settings are not those that the approval signed."


def _signed_frozen(predicate: Predicate, certified: CertifiedDecision) -> Iterator[str]:
    try:
        decision = certified.read
        frozen = Frozen.model_validate(predicate.frozen) if predicate.frozen is not None else None
    except ValueError:
        return
    if (objection := objection_to_frozen(decision, frozen)) is not None:
        yield f"The passkey's signature of decision {decision.id} does not fit. {objection}"


def _files(predicate: Predicate) -> Iterator[str]:
    tasks = {task.key: task for task in predicate.outcome.tasks}
    for file in predicate.outcome.files:
        task = tasks.get(file.task)
        made = _object(_object(task.ended.get("files")).get(file.path)) if task is not None else {}
        if made.get("sha256") != file.sha256:
            yield f"Task '{file.task}' did not make {file.path} with the checksum {file.sha256}."


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def differences(certified: JsonValue, recorded: JsonValue, where: str = "") -> Iterator[str]:
    """Yield a sentence for each value in which a certificate differs from what the record gives."""
    if isinstance(certified, dict) and isinstance(recorded, dict):
        for name in sorted({*certified, *recorded}):
            yield from differences(certified.get(name), recorded.get(name), f"{where}.{name}" if where else name)
    elif isinstance(certified, list) and isinstance(recorded, list):
        for index in range(max(len(certified), len(recorded))):
            one = certified[index] if index < len(certified) else None
            other = recorded[index] if index < len(recorded) else None
            yield from differences(one, other, f"{where}[{index}]")
    elif certified != recorded or type(certified) is not type(recorded):
        yield f"{where} is {_shown(certified)} in the certificate, but {_shown(recorded)} in the record."


def _shown(value: JsonValue) -> str:
    if value is None:
        return "missing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
