"""The one way through a gate: an approval is checked against what the gate demands, counted, and recorded with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from app.commands import reviews
from app.domain.commands import CommandRecord
from app.domain.errors import Conflict, Forbidden, Invalid
from app.domain.gates import Approval, Approver, GateFacts, Rules, needed, refusal, still_missing
from app.domain.identity import isoformat, parse_time
from app.domain.passkeys import assertion_of, has_signature, objection_to_decision
from app.domain.sender import Sender
from app.domain.signals import OWN_ACTOR
from app.domain.signed_gates import SignedGate
from app.storage import decisions, events, gates, projects
from app.storage.gates import GateRow, GateStatus
from app.storage.projects import ProjectRow
from signoff.schemas.event_data import DecisionMade
from signoff.schemas.json_value import JsonObject
from signoff.schemas.problems import Problem
from signoff.vocabulary import GateKind


def sign(
    conn: Connection,
    command: CommandRecord,
    project: ProjectRow,
    gate: GateRow | None,
    *,
    seen: str | None = None,
    waits: SignedGate | None = None,
) -> bool:
    """Count an approval at a gate. True if the gate is open after it; otherwise the approval is on record, and the gate waits.

    A gate that gives time to undo waits even if its approvals are complete. After that time, the app submits the last approval
    again with `completed_by`, which opens the gate.

    Without a gate, one approval by anybody who may decide is enough. Adds to the command's payload what the gate demands, so that
    the seal of the decision covers it. The caller must not change the payload after this returns False.

    Args:
        conn: an open write transaction.
        command: the approval.
        project: its project.
        gate: the gate; None if no policy was about it when it opened.
        seen: the digest of what the approver saw beside the plan. Earlier approvals of something else no longer count.
        waits: what a passkey must have signed; None for a plan.

    Raises:
        Invalid: `passkey_invalid`.
        Forbidden: `four_eyes`, `not_a_signer` or `passkey_needed`.
        Conflict: `already_approved`, `approval_expired` or `gate_closed`.
    """
    _check_device(command, waits)
    completed_by = command.payload.get("completed_by")
    if completed_by is not None:
        _open_completed(conn, command, gate, completed_by, seen)
        return True
    if gate is None:
        return True
    check_in_time(gate, command.at)
    if gate.completed_by is not None:
        raise gates.already_complete(gate)
    rules, given = gate.demands, gates.approvals_of(conn, gate, command.kind)
    if command.actor == OWN_ACTOR and rules.automatic:
        note_automatic(conn, command, gate)
        return True
    authors = gates.authors_of(conn, project) if rules.four_eyes else set[str]()
    outdated = [one for one in given if one.seen != seen or one.by.actor_id in authors]
    given = [one for one in given if one not in outdated]
    who = _approver(conn, command, project, rules)
    refused = refusal(gate.kind, rules, given, who, authors)
    if refused is not None:
        raise refused
    counts_for = [number for number, demand in enumerate(rules.demands) if demand.accepts(who)]
    facts = _facts(gate, counts_for=counts_for, seen=seen, outdated=[one.decision_id for one in outdated])
    own = Approval(command.sender, command.at, tuple(counts_for), command.id, seen)
    return _count(conn, command, gate, [*given, own], facts)


def _count(
    conn: Connection, command: CommandRecord, gate: GateRow, counted: Sequence[Approval], facts: GateFacts
) -> bool:
    """Record how many approvals a gate has with this one, and open the gate if that is enough."""
    rules = gate.demands
    number, least = len(counted), needed(rules, counted)
    facts["given"], facts["needed"] = number, least
    facts["missing"] = [missing.words for missing in still_missing(rules, counted)]
    complete = not facts["missing"]
    facts["opens"] = complete and not rules.undo
    if complete and rules.undo:
        facts["undo_until"] = isoformat(parse_time(command.at) + timedelta(seconds=rules.undo))
        gates.complete(conn, gate, command.id, facts["undo_until"])
    command.payload = {**command.payload, "gate": facts}
    if facts["opens"]:
        gates.close(conn, gate, GateStatus.PASSED, at=command.at)
        return True
    _record_waiting(conn, command, gate, facts)
    return False


def _check_device(command: CommandRecord, waits: SignedGate | None) -> None:
    """Refuse the signature of a device over something else than what waits now."""
    if command.payload.get("passkey") is None:
        return
    why = objection_to_decision(command)
    signed = assertion_of(command) if why is None else None
    if signed is not None and signed.gate != waits:
        why = "It is for something else than what waits now, or for an earlier time at which this waited. Try again."
    if why is not None:
        message = f"The passkey's signature is not valid. {why}"
        raise Invalid(message, code="passkey_invalid", details=[Problem(field="passkey", message=message)])


def _approver(conn: Connection, command: CommandRecord, project: ProjectRow, rules: Rules) -> Approver:
    """Who sends an approval, who vouches for them, and whether their device has signed it where that is demanded."""
    link = command.payload.get("link")
    vouched_by = link.get("made_by_id") if link is not None else None
    who = gates.approver_by_link(conn, command.sender, project, vouched_by)
    return replace(who, with_passkey=rules.passkey and has_signature(command))


def _record_waiting(conn: Connection, command: CommandRecord, gate: GateRow, facts: GateFacts) -> None:
    """Record an approval at a gate that still waits after it."""
    made = DecisionMade(
        kind=command.kind,
        plan_version=gate.plan_version,
        comment=command.comment,
        gate=_told(gate, facts),
        **reviews.withdrawn(command),
        **command.seal(),
    )
    events.append(conn, gate.project_id, made, actor=command.sender)


def _told(gate: GateRow, facts: GateFacts) -> JsonObject:
    """What the event of an approval says about a gate that still waits after it."""
    told: JsonObject = {"id": gate.id, "kind": gate.kind, "given": facts.get("given"), "needed": facts.get("needed")}
    return {**told, "undo_until": facts["undo_until"]} if "undo_until" in facts else told


def _open_completed(
    conn: Connection, command: CommandRecord, gate: GateRow | None, completed_by: str, seen: str | None
) -> None:
    """Open a gate whose approvals were complete, because the time to undo the last of them is over.

    Raises:
        Conflict: `gate_closed`: that approval was withdrawn, or nothing waits any more; `surroundings_changed`: what its
            approver saw has changed since.
    """
    if gate is None or gate.status != GateStatus.OPEN or gate.completed_by != completed_by:
        raise Conflict("This approval was withdrawn, or nothing waits for it any more.", code="gate_closed")
    rules = gate.demands
    authors = gates.authors_of(conn, projects.get(conn, gate.project_id)) if rules.four_eyes else set[str]()
    given = gates.approvals_of(conn, gate, command.kind)
    given = [one for one in given if one.seen == seen and one.by.actor_id not in authors]
    if still_missing(rules, given):
        message = "Files, settings or authors have changed since this was approved. Review it again."
        raise Conflict(message, code="surroundings_changed")
    facts = _facts(gate, seen=seen)
    facts["given"], facts["needed"], facts["missing"], facts["opens"] = len(given), needed(rules, given), [], True
    facts["completed_by"] = completed_by
    command.payload = {**command.payload, "gate": facts}
    gates.close(conn, gate, GateStatus.PASSED, at=command.at)


def withdraw(conn: Connection, command: CommandRecord) -> None:
    """Withdraw the approval that would open a gate. Its approver may do so, and Signoff itself if it cannot take effect.

    Raises:
        Conflict: `nothing_to_undo`, or `gate_ambiguous` if several approvals can be withdrawn and the command names no gate.
        Forbidden: `not_your_approval`.
    """
    gate = _gate_to_undo(conn, command)
    command.plan_version = gate.plan_version
    command.payload = {**command.payload, "gate_id": gate.id, "withdrawn": str(gate.completed_by)}
    gates.reopen(conn, gate)
    reviews.request_again(conn, command)
    made = DecisionMade(
        kind=command.kind,
        plan_version=gate.plan_version,
        comment=command.comment,
        gate={"id": gate.id, "kind": gate.kind},
        withdrawn=str(gate.completed_by),
        **command.seal(),
    )
    events.append(conn, gate.project_id, made, actor=command.sender)


def _gate_to_undo(conn: Connection, command: CommandRecord) -> GateRow:
    gate_id, named = command.payload.get("gate_id"), command.payload.get("withdrawn")
    project = projects.get(conn, command.project_id)
    waiting = [gate for gate in gates.open_of(conn, project.id) if gate.completed_by is not None]
    waiting = [gate for gate in waiting if gate_id in (None, gate.id) and named in (None, gate.completed_by)]
    own = [gate for gate in waiting if command.actor == OWN_ACTOR or is_own(conn, gate, command.sender)]
    if waiting and not own:
        message = "Only the person who gave the last approval can withdraw it."
        raise Forbidden(message, code="not_your_approval")
    if not own:
        message = (
            "There is no approval to undo: it has taken effect, was withdrawn, or its policies give no time to undo."
        )
        raise Conflict(message, code="nothing_to_undo")
    if len(own) > 1:
        message = "Several of your approvals can be withdrawn. Name the gate of one of them in `gate_id`."
        raise Conflict(message, code="gate_ambiguous", context={"gates": [gate.id for gate in own]})
    return own[0]


def is_own(conn: Connection, gate: GateRow, sender: Sender) -> bool:
    """Whether a sender gave the approval that completed a gate's approvals."""
    if gate.completed_by is None or sender.actor_id is None:
        return False
    decision = decisions.by_id(conn, gate.project_id, gate.completed_by)
    return decision is not None and decision.actor_id == sender.actor_id


def note_automatic(conn: Connection, command: CommandRecord, gate: GateRow) -> None:
    """Record that a gate is open because the project approves its plans automatically, and the policies allow that."""
    command.payload = {**command.payload, "gate": _facts(gate, automatic=True)}
    gates.close(conn, gate, GateStatus.PASSED, at=command.at)


def check_in_time(gate: GateRow, at: str) -> None:
    """Refuse an approval that comes too late.

    Raises:
        Conflict: `approval_expired`.
    """
    if gate.status == GateStatus.EXPIRED or (gate.expires_at is not None and gate.expires_at <= at):
        what = (
            "The project is cancelled. Make a new plan with regenerate-plan"
            if gate.kind == GateKind.PLAN
            else "The project is cancelled. Retry it"
        )
        message = f"The time to approve this ended at {gate.expires_at}. {what}, then have it approved in time."
        raise Conflict(message, code="approval_expired", context={"expires_at": gate.expires_at})


def check_expiry(conn: Connection, command: CommandRecord) -> None:
    """For a cancellation because the time for approvals is up: make sure that this is so, and close the gate.

    Raises:
        Conflict: `gate_closed`: the approvals were complete in time, or nothing waits for them any more.
    """
    gate_id = command.payload.get("expired_gate")
    if gate_id is None:
        return
    gate = gates.by_id(conn, command.project_id, gate_id)
    over = gate is not None and gate.expires_at is not None and gate.expires_at <= command.at
    if gate is None or gate.status != GateStatus.OPEN or gate.completed_by is not None or not over:
        raise Conflict("This no longer waits for approvals, or it still has time.", code="gate_closed")
    gates.close(conn, gate, GateStatus.EXPIRED, at=command.at)


def _facts(
    gate: GateRow,
    *,
    counts_for: list[int] | None = None,
    seen: str | None = None,
    outdated: list[str] | None = None,
    automatic: bool = False,
) -> GateFacts:
    """What the record of an approval says about its gate: the demands in force, and for which of them it counts."""
    facts: GateFacts = {"id": gate.id, "kind": gate.kind, "rules": gate.rules, "counts_for": counts_for or []}
    if seen is not None:
        facts["seen"] = seen
    if outdated:
        facts["outdated"] = outdated
    if automatic:
        facts["automatic"] = facts["opens"] = True
    return facts
