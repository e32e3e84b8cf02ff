"""Audits gates: whether they demand what was settled when they opened, and whether nothing went on without its approvals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from app.domain.audit import AuditedRow, Found
from app.domain.commands import CommandRecord, Outcome
from app.domain.gates import Rules
from app.domain.integrity import altered
from app.domain.passkeys import is_signed_with_passkey
from app.domain.replay import Replay, ReplayedGate
from signoff.vocabulary import GateKind

_SETTLED = ("kind", "subject", "plan_version", "plan_digest", "rules", "expires_at", "opened_at")


def check_gates(rows: Sequence[AuditedRow], decisions: Sequence[CommandRecord], replay: Replay) -> Iterator[Found]:
    """Find gates that differ from what was settled, and plans and phases that went on without the approvals they needed."""
    by_id = {row.id: row for row in rows}
    for gate_id, gate in replay.gates.items():
        row = by_id.pop(gate_id, None)
        if row is None:
            yield altered("gate_altered", f"The gate {gate_id} is missing from the record.")
            continue
        others = [name for name in _SETTLED if getattr(row, name) != getattr(gate, name)]
        if others:
            message = f"The gate {gate_id} differs from what was settled when it opened: {', '.join(others)}."
            yield altered("gate_altered", message)
    for row in by_id.values():
        yield altered("gate_altered", f"No event mentions the gate {row.id}.")
    for gate_id, gate in replay.gates.items():
        if _went_on(gate_id, gate, replay, decisions) and (why := unmet(gate_id, gate.rules, decisions)) is not None:
            what = _WHAT.get(gate.kind) or f"Plan version {gate.plan_version}"
            yield Found(
                "critical",
                "approvals_missing",
                f"{what} went on without the approvals that its gate {gate_id} demands: {why}",
                "Find out who let it continue. Somebody with write access to the database may have done it.",
            )


_WHAT: dict[str, str] = {
    GateKind.PHASE: "A phase",
    GateKind.TASK: "A task",
    GateKind.RETRY: "A retry",
    GateKind.CHANGE: "A changed task",
}


def _went_on(gate_id: str, gate: ReplayedGate, replay: Replay, decisions: Sequence[CommandRecord]) -> bool:
    if gate.kind in {GateKind.PLAN, GateKind.EDIT}:
        plan = replay.plans.get(gate.plan_version)
        return plan is not None and plan.approved_by is not None
    if gate.kind == GateKind.PHASE:
        return gate.approved
    told = [one.payload.get("gate") or {} for one in decisions if one.outcome == Outcome.ACCEPTED]
    return any(facts.get("id") == gate_id and facts.get("opens") for facts in told)


def unmet(gate_id: str, demanded: object, decisions: Sequence[CommandRecord]) -> str | None:
    """Why the decisions on record do not meet what a gate demands; None if they do."""
    try:
        rules = Rules.model_validate(demanded)
    except ValidationError:
        return "what it demands cannot be read."
    by_id = {decision.id: decision for decision in decisions}
    given: dict[str, set[int]] = {}
    for decision in decisions:
        if decision.outcome != Outcome.ACCEPTED:
            continue
        withdrawn = by_id.get(decision.payload.get("withdrawn", ""))
        if withdrawn is not None and (withdrawn.payload.get("gate") or {}).get("id") == gate_id:
            given.pop(_who(withdrawn), None)
        told = decision.payload.get("gate")
        if told is None or told.get("id") != gate_id:
            continue
        if told.get("automatic"):
            return None if rules.automatic else "it was approved automatically."
        if told.get("completed_by") is not None:
            # It gives no approval: it says that the time to undo one is over.
            continue
        if rules.passkey and not is_signed_with_passkey(decision):
            continue
        for name in told.get("outdated") or ():
            given.pop(_who(by_id.get(name)), None)
        given[_who(decision)] = set(told.get("counts_for") or ())
    return _lacking(rules, given)


def _who(decision: CommandRecord | None) -> str:
    return (decision.actor_id or decision.actor) if decision is not None else ""


def _lacking(rules: Rules, given: Mapping[str, set[int]]) -> str | None:
    for number, demand in enumerate(rules.demands):
        count = sum(number in counts for counts in given.values())
        if count < demand.approvals:
            return f"'{demand.policy}' demands {demand.approvals} people, and {count} approved."
    return None
