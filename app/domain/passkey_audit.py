"""Compares what devices have signed with the gates and runs that the events of a record tell of."""

from __future__ import annotations

from app.domain.commands import CommandRecord
from app.domain.passkeys import assertion_of
from app.domain.replay import Replay, ReplayedGate
from app.domain.signed_gates import SignedGate
from signoff.vocabulary import GateKind


def objection_to_opening(decision: CommandRecord, replay: Replay, used: set[str]) -> str | None:
    """Why the valid signature of a decision does not belong to it; None if it does, or if there is none.

    Args:
        decision: an accepted decision whose signature is valid.
        replay: what the events tell.
        used: the nonces of earlier decisions, to which this adds its own.
    """
    assertion = assertion_of(decision)
    if assertion is None:
        return None
    if assertion.nonce in used:
        return "An earlier decision has the same signature, which is valid once."
    used.add(assertion.nonce)
    return _objection_to_gate(decision, assertion.gate, replay) if assertion.gate is not None else None


def _objection_to_gate(decision: CommandRecord, signed: SignedGate, replay: Replay) -> str | None:
    if signed.run_id not in replay.runs:
        return "It is for a run that the record does not have."
    gate_id = (decision.payload.get("gate") or {}).get("id")
    gate = replay.gates.get(gate_id) if gate_id is not None else None
    if gate_id is not None and (gate is None or _opening_of(gate_id, gate, replay) != signed.opening):
        return "It is for another opening of the gate."
    if gate is not None and not gate.subject.startswith(_subject(signed)):
        return "It is for another gate than the one of the decision."
    return None


def _opening_of(gate_id: str, gate: ReplayedGate, replay: Replay) -> int:
    same = [name for name, one in replay.gates.items() if (one.kind, one.subject) == (gate.kind, gate.subject)]
    return same.index(gate_id) + 1


def _subject(signed: SignedGate) -> str:
    """How the subject of the gate begins that was signed."""
    if signed.kind == GateKind.PHASE:
        return f"{signed.phase_id}:{signed.run_id}"
    if signed.kind == GateKind.TASK:
        return f"{signed.task_id}:{signed.run_id}"
    if signed.kind == GateKind.RETRY:
        return f"{signed.run_id}:{(signed.tasks_digest or '')[:32]}"
    return str(signed.decision_id)
