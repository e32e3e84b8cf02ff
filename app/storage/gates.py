"""Gates: what waits for approvals that policies demand. What a gate demands is settled when it opens, and never changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import cast

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from app.domain.commands import CommandKind, Outcome
from app.domain.errors import Conflict, Unavailable
from app.domain.gates import HOLD_A_PROJECT, Approval, Approver, Demand, Rules, Signer
from app.domain.identity import isoformat, new_id, now
from app.domain.parameters import Value
from app.domain.plan import PhaseDraft
from app.domain.policies import (
    POLICIES,
    Document,
    OwnSigning,
    Policy,
    Signing,
    allows_automatic,
    in_words,
    seconds_in,
    undo_seconds,
)
from app.domain.policies import matching as matching_policies
from app.domain.sender import LOCAL_ID, ORIGIN_FIELDS, SERVER_KEY_ID, Sender, called
from app.domain.signed_gates import digest_of_tasks
from app.domain.signing_links import LinkFacts
from app.storage import decisions as decision_rows
from app.storage import events, identities, signing_links
from app.storage.identities import Kind
from app.storage.policy_table import policies_in_force
from app.storage.projects import ProjectRow
from app.storage.reading import Rows
from app.storage.record_tables import events as event_table
from app.storage.tables import decisions, files, gates, plans, runs
from signoff.schemas.event_data import GateOpened
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import EventType, GateKind, Role, Scope

NO_POLICIES = Signing()
# The decision with which people let something pass a gate.
_USUAL: dict[GateKind, CommandKind] = {
    GateKind.PLAN: CommandKind.APPROVE,
    GateKind.PHASE: CommandKind.APPROVE,
    GateKind.EDIT: CommandKind.APPROVE,
    GateKind.TASK: CommandKind.RETRY,
    GateKind.RETRY: CommandKind.RETRY_RUN,
    GateKind.CHANGE: CommandKind.ANSWER,
}
# The decisions that can withdraw an approval.
_WITHDRAWING = (CommandKind.WITHDRAW, CommandKind.REQUEST_CHANGES)


class GateStatus(StrEnum):
    """State of a gate."""

    OPEN = "open"
    PASSED = "passed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class GateRow:
    """A gate. `app.storage.tables` explains the columns."""

    position: int
    id: str
    project_id: str
    kind: GateKind
    subject: str
    plan_version: int
    plan_digest: str
    rules: JsonObject
    opened_at: str
    expires_at: str | None
    status: GateStatus
    closed_at: str | None
    completed_by: str | None
    undo_until: str | None

    @property
    def demands(self) -> Rules:
        """What it demands."""
        return Rules.model_validate(self.rules)


_ROWS = Rows(gates, GateRow)
_OPEN = _ROWS.select.where(gates.c.project_id == bindparam("of_project"), gates.c.status == GateStatus.OPEN).order_by(
    gates.c.position
)


def signing_of(conn: Connection) -> Signing:
    """Return the policies that this process has."""
    found: Signing | None = conn.get_execution_options().get(POLICIES)
    return found or NO_POLICIES


def publish(conn: Connection) -> None:
    """Store which policies the app has. Workers with others open no gate after this."""
    conn.execute(update(policies_in_force).values(digest=signing_of(conn).digest, set_at=now()))


def _check_policies(conn: Connection) -> None:
    in_force = conn.execute(select(policies_in_force.c.digest)).scalar_one_or_none()
    if in_force and in_force != signing_of(conn).digest:
        raise Unavailable(
            "This process has other policies than the app. Give the app and every worker the same [[signoff.policy]] entries, "
            "and restart them. Nothing is lost: what waits for this continues then.",
            code="policies_differ",
        )


def demanded(conn: Connection, project: ProjectRow, document: Document) -> list[Policy]:
    """Return the policies that a document of a project must meet, with the project's own rule.

    Raises:
        Unavailable: `policies_differ`: this process has other policies than the app, so it must not say who signs.
    """
    _check_policies(conn)
    own = [OwnSigning.model_validate(project.signing).policy] if project.signing is not None else []
    return [*matching_policies(signing_of(conn), document), *own]


def open_gate(
    conn: Connection,
    project: ProjectRow,
    kind: GateKind,
    subject: str,
    *,
    plan: tuple[int, str],
    phases: Sequence[PhaseDraft],
    parameters: Mapping[str, Value],
) -> GateRow | None:
    """Settle what policies demand before something may continue, and store it. Return None if no policy applies.

    Args:
        conn: an open write transaction.
        project: the project.
        kind: what waits.
        subject: its name within the project.
        plan: the version that it belongs to, and the digest of that.
        phases: what the approvals would let run.
        parameters: the values of the plan's parameters.
    """
    document = Document(kind, project.labels, project.agent_id, phases, dict(parameters))
    policies = demanded(conn, project, document)
    if not policies:
        return None
    rules = _rules(conn, policies, document)
    spans = [seconds_in(policy.expires) for policy in policies if policy.expires is not None]
    at = now()
    row = {
        "id": new_id("gate"),
        "project_id": project.id,
        "kind": kind,
        "subject": subject,
        "plan_version": plan[0],
        "plan_digest": plan[1],
        "rules": rules.model_dump(mode="json"),
        "opened_at": at,
        "expires_at": isoformat(datetime.now(UTC) + timedelta(seconds=min(spans))) if spans else None,
        "status": GateStatus.OPEN,
    }
    conn.execute(insert(gates).values(row))
    opened = GateOpened(
        gate_id=str(row["id"]),
        kind=kind,
        subject=subject,
        plan_version=plan[0],
        plan_digest=plan[1],
        rules=cast("JsonObject", row["rules"]),
        expires_at=cast("str | None", row["expires_at"]),
    )
    events.append(conn, project.id, opened, actor="signoff", at=at)
    return find(conn, project.id, kind, subject)


def find(conn: Connection, project_id: str, kind: GateKind, subject: str) -> GateRow | None:
    """Return the newest gate of something, or None if no policy was about it when it opened."""
    named = (gates.c.project_id == project_id, gates.c.kind == kind, gates.c.subject == subject)
    return _ROWS.find(conn, _ROWS.select.where(*named).order_by(gates.c.position.desc()).limit(1))


def open_of(conn: Connection, project_id: str) -> list[GateRow]:
    """Return the gates of a project that wait for approvals, oldest first."""
    return _ROWS.all(conn, _OPEN, {"of_project": project_id})


def by_id(conn: Connection, project_id: str, gate_id: str) -> GateRow | None:
    """Return a gate by its id, or None."""
    return _ROWS.find(conn, _ROWS.select.where(gates.c.project_id == project_id, gates.c.id == gate_id))


def completed_gate(conn: Connection, project_id: str, decision_id: str) -> GateRow | None:
    """Return the open gate whose approvals this decision has completed, or None."""
    named = (gates.c.project_id == project_id, gates.c.status == GateStatus.OPEN, gates.c.completed_by == decision_id)
    return _ROWS.find(conn, _ROWS.select.where(*named))


def has_expired(conn: Connection, project: ProjectRow) -> bool:
    """Whether something in the current run was not approved in time. An expired retry ends nothing."""
    started = select(runs.c.started_at).where(runs.c.id == project.run_id).scalar_subquery()
    over = (gates.c.status == GateStatus.EXPIRED, gates.c.kind != GateKind.RETRY, gates.c.closed_at >= started)
    return conn.execute(select(gates.c.id).where(gates.c.project_id == project.id, *over)).first() is not None


def newest_of(conn: Connection, project_id: str) -> GateRow | None:
    """Return the newest gate of a project, or None."""
    query = _ROWS.select.where(gates.c.project_id == project_id).order_by(gates.c.position.desc())
    return _ROWS.find(conn, query.limit(1))


def in_run(name: str, project: ProjectRow) -> str:
    """Return the subject of the gate of a phase or a task. It has a new gate in each run."""
    return f"{name}:{project.run_id}"


def retry_subject(project: ProjectRow, again: Sequence[str]) -> str:
    """Return the subject of the gate of a retry that runs these tasks again."""
    return f"{project.run_id}:{digest_of_tasks(again)[:32]}"


def due(conn: Connection, limit: int) -> list[GateRow]:
    """Return open gates whose time is up, and whose approvals were not complete by then."""
    over = (gates.c.status == GateStatus.OPEN, gates.c.expires_at <= now(), gates.c.completed_by.is_(None))
    return _ROWS.all(conn, _ROWS.select.where(*over).order_by(gates.c.expires_at).limit(limit))


def next_end(conn: Connection) -> str | None:
    """Return when the time of the next open gate is up, if it is not up yet. None if no gate has a time to approve."""
    still = (gates.c.status == GateStatus.OPEN, gates.c.expires_at > now(), gates.c.completed_by.is_(None))
    return conn.execute(select(func.min(gates.c.expires_at)).where(*still)).scalar_one()


def to_open(conn: Connection, limit: int) -> list[GateRow]:
    """Return the gates whose approvals are complete and can still be withdrawn, those first that open first."""
    waiting = (gates.c.status == GateStatus.OPEN, gates.c.undo_until.is_not(None))
    return _ROWS.all(conn, _ROWS.select.where(*waiting).order_by(gates.c.undo_until).limit(limit))


def undo_times(conn: Connection, project_ids: Collection[str]) -> dict[str, str]:
    """Return until when the approval of a plan, an edit or a phase can be withdrawn, for each project that has such a one."""
    waits = (gates.c.status == GateStatus.OPEN, gates.c.undo_until.is_not(None), gates.c.kind.in_(HOLD_A_PROJECT))
    query = select(gates.c.project_id, gates.c.undo_until).where(gates.c.project_id.in_(project_ids), *waits)
    return {row.project_id: row.undo_until for row in conn.execute(query.order_by(gates.c.position))}


def complete(conn: Connection, gate: GateRow, decision_id: str, undo_until: str) -> None:
    """Note which decision has completed the approvals of an open gate, and until when it can be withdrawn."""
    _note_completed(conn, gate, decision_id, undo_until)


def reopen(conn: Connection, gate: GateRow) -> None:
    """Let a gate wait for approvals again, because the one that completed them is withdrawn. If it came by a link, that is
    open again.
    """
    _note_completed(conn, gate, None, None)
    decision = decision_rows.by_id(conn, gate.project_id, str(gate.completed_by))
    link = decision.payload.get("link") if decision is not None else None
    if link is not None and "id" in link:
        signing_links.reopen(conn, link["id"])


def _note_completed(conn: Connection, gate: GateRow, decision_id: str | None, undo_until: str | None) -> None:
    one = (gates.c.id == gate.id, gates.c.status == GateStatus.OPEN)
    conn.execute(update(gates).where(*one).values(completed_by=decision_id, undo_until=undo_until))


def close(conn: Connection, gate: GateRow, status: GateStatus, *, at: str) -> None:
    """Close an open gate."""
    one = (gates.c.id == gate.id, gates.c.status == GateStatus.OPEN)
    conn.execute(update(gates).where(*one).values(status=status, closed_at=at))


def withdraw(
    conn: Connection, project_id: str, kinds: Sequence[GateKind] = tuple(GateKind), *, besides: str = ""
) -> None:
    """Close the open gates of these kinds, because what they were about is gone."""
    gone = (gates.c.project_id == project_id, gates.c.status == GateStatus.OPEN, gates.c.kind.in_(kinds))
    query = update(gates).where(*gone, gates.c.id != besides)
    conn.execute(query.values(status=GateStatus.WITHDRAWN, closed_at=now()))


def approvals_of(conn: Connection, gate: GateRow, kind: CommandKind | None = None) -> list[Approval]:
    """Return the approvals at a gate that count, oldest first: those of one kind of decision, or of the usual kind."""
    columns = (decisions.c.id, decisions.c.actor, *(decisions.c[name] for name in ORIGIN_FIELDS))
    query = select(*columns, decisions.c.at, decisions.c.payload).where(
        decisions.c.project_id == gate.project_id,
        decisions.c.outcome == Outcome.ACCEPTED,
        decisions.c.kind.in_((kind or _USUAL[gate.kind], *_WITHDRAWING)),
    )
    found: list[Approval] = []
    for row in conn.execute(query.order_by(decisions.c.position)):
        withdrawn = row.payload.get("withdrawn")
        found = [approval for approval in found if approval.decision_id != withdrawn]
        told = row.payload.get("gate")
        if not isinstance(told, dict) or cast("JsonObject", told).get("id") != gate.id:
            continue
        given = cast("JsonObject", told)
        # An approval says which earlier ones no longer count, because files have changed since.
        outdated = cast("list[str]", given.get("outdated") or [])
        found = [approval for approval in found if approval.decision_id not in outdated]
        by = Sender(row.actor, row.actor_id, row.via, row.address, row.session_id)
        counts = tuple(cast("list[int]", given.get("counts_for") or []))
        link = cast("LinkFacts", row.payload.get("link") or {})
        found.append(Approval(by, row.at, counts, row.id, cast("str | None", given.get("seen")), link))
    return found


def authors_of(conn: Connection, project: ProjectRow) -> set[str]:
    """Return the ids of all who wrote, refined, edited or uploaded something of a project."""
    worked = (str(EventType.PROJECT_CREATED), str(EventType.PROJECT_UPDATED), str(EventType.FILE_UPLOADED))
    told = select(event_table.c.actor_id).where(event_table.c.project_id == project.id, event_table.c.type.in_(worked))
    made = select(plans.c.created_by_id).where(plans.c.project_id == project.id)
    uploaded = select(files.c.uploaded_by_id).where(files.c.project_id == project.id)
    asked = select(decisions.c.actor_id).where(
        decisions.c.project_id == project.id,
        decisions.c.outcome == Outcome.ACCEPTED,
        or_(decisions.c.kind == CommandKind.EDIT, decisions.c.kind.in_((CommandKind.GENERATE, CommandKind.RETURN))),
    )
    ids = {found for query in (told, made, uploaded, asked) for found in conn.execute(query).scalars()}
    return {found for found in ids if found is not None} | (
        {project.created_by_id} if project.created_by_id is not None else set()
    )


def approver(conn: Connection, sender: Sender, project: ProjectRow) -> Approver:
    """Return who a sender is as an approver of a project, with the roles that they have now."""
    if sender.actor_id in {LOCAL_ID, SERVER_KEY_ID}:
        return approver_with(sender, frozenset(Role))
    known = identities.find(conn, sender.actor_id) if sender.actor_id is not None else None
    if known is None:
        return Approver(sender.actor, None, frozenset())
    return approver_with(
        sender, known.identity.access.roles_for(project.labels), is_key=known.identity.kind == Kind.KEY
    )


def approver_by_link(conn: Connection, sender: Sender, project: ProjectRow, vouched_by: str | None) -> Approver:
    """Return who the person of a link is as an approver, and whether only an author vouches for them."""
    who = approver(conn, sender, project)
    maker = identities.find(conn, vouched_by) if vouched_by is not None else None
    may_approve = maker is None or maker.identity.access.may(Scope.APPROVE, project.labels)
    return replace(who, vouched_by=vouched_by, known=may_approve or bool(who.roles))


def approver_with(sender: Sender, roles: frozenset[Role], *, is_key: bool = False) -> Approver:
    """Return who a sender is as an approver, if these are their roles."""
    return Approver(called(sender.actor), sender.actor_id, roles, is_key)


def _rules(conn: Connection, policies: Sequence[Policy], document: Document) -> Rules:
    limits = any(policy.auto_approve_below is not None for policy in policies)
    risk = document.risk(signing_of(conn).agents) if limits else None
    return Rules(
        demands=[_demand(conn, policy) for policy in policies],
        four_eyes=any(policy.four_eyes for policy in policies),
        passkey=any(policy.passkey for policy in policies),
        undo=max(undo_seconds(policy.undo) for policy in policies),
        automatic=all(allows_automatic(policy, risk) for policy in policies),
        words=[in_words(policy) for policy in policies],
    )


def _demand(conn: Connection, policy: Policy) -> Demand:
    signers = [_signer(conn, text) for text in policy.signers] if policy.signers is not None else None
    return Demand(policy=policy.name, approvals=policy.approvals, signers=signers)


def is_unknown(conn: Connection, text: str) -> bool:
    """Whether a policy names a person or a key that does not exist."""
    signer = _signer(conn, text)
    return signer.role is None and signer.id is None


def _signer(conn: Connection, text: str) -> Signer:
    """Find who a policy names. People are found by id, name or e-mail address, and kept by id: names may change."""
    kind, _, name = text.partition(":")
    if kind == "role":
        return Signer(name=name, role=Role(name))
    known = identities.find_named(conn, name, Kind(kind))
    return Signer(name=known.name if known is not None else name, id=known.id if known is not None else None)


def already_complete(gate: GateRow) -> Conflict:
    """The refusal of an approval at a gate that has all of them already, and only gives time to undo the last one."""
    message = f"This has all of its approvals. It takes effect at {gate.undo_until}, unless the last one is withdrawn."
    return Conflict(message, code="already_approved", context={"undo_until": gate.undo_until})
