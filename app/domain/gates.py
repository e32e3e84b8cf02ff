"""Gates: what waits for people's approval, what they must meet, and who may approve. Pure.

What a gate demands is settled when it opens, and kept with it: a later change of the policies changes nothing for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from pydantic import BaseModel, ConfigDict, Field

from app.domain.errors import Conflict, DomainError, Forbidden
from app.domain.sender import Sender
from app.domain.signer_words import still_needed
from app.domain.signing_links import SETTINGS_ID, LinkFacts
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import GateKind, Role

# For these, the whole project waits, as its stage says.
HOLD_A_PROJECT = (GateKind.PLAN, GateKind.EDIT, GateKind.PHASE)


class Signer(BaseModel):
    """Who may approve: everybody with a role, or one person or key. Without role and id, nobody has the name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    role: Role | None = None
    id: str | None = None


class Demand(BaseModel):
    """What one policy demands. Without `signers`, anybody counts who may decide this, except programs with keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: str
    approvals: int = 1
    signers: list[Signer] | None = None

    def accepts(self, who: Approver) -> bool:
        """Whether an approval of this person or key counts. A key counts only where it is named."""
        if self.signers is None:
            return not who.is_key
        by_role = not who.is_key and any(signer.role in who.roles for signer in self.signers if signer.role is not None)
        return by_role or any(signer.id == who.id for signer in self.signers if signer.id is not None)


class Rules(BaseModel):
    """Everything that a gate demands.

    Attributes:
        demands: what each policy demands; all of them must be met.
        four_eyes: whether nobody may approve what they worked on.
        passkey: whether an approval counts only if the approver's own device signed it.
        undo: the seconds in which the last approval can be withdrawn, before it opens the gate.
        automatic: whether `auto_approve_plan` may stand for the approvals.
        words: the same, one plain English sentence for each policy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    demands: list[Demand]
    four_eyes: bool = False
    passkey: bool = False
    undo: int = 0
    automatic: bool = False
    words: list[str] = Field(default_factory=list[str])


@dataclass(frozen=True)
class Approver:
    """Somebody who approves.

    Attributes:
        name: their name.
        id: the id that never changes; None if nobody knows who they are.
        roles: their roles for this project. An administrator has all.
        is_key: whether this is a program with a key, not a person.
        vouched_by: the id of whoever made the link through which they came, if any.
        with_passkey: whether a device of their own has signed this approval.
        known: whether somebody who may approve, or an administrator, knows them. False for a person without a role whom an author
            has named.
    """

    name: str
    id: str | None
    roles: frozenset[Role]
    is_key: bool = False
    vouched_by: str | None = None
    with_passkey: bool = False
    known: bool = True


@dataclass(frozen=True)
class Approval:
    """An approval on record.

    Attributes:
        by: who gave it.
        at: when.
        counts_for: the positions of the demands for which it counts.
        decision_id: the decision that it is.
        seen: the digest of the files and settings that its approver saw; None if there were none to see.
        link: what the record says about the link through which it was given; empty if it was given without one.
    """

    by: Sender
    at: str
    counts_for: tuple[int, ...]
    decision_id: str
    seen: str | None = None
    link: LinkFacts = field(default_factory=LinkFacts)

    @property
    def vouched_by(self) -> str | None:
        """The id of whoever made the link through which it was given, if it was given through one."""
        return self.link.get("made_by_id")


class GateFacts(TypedDict, total=False):
    """What the record of an approval says about the gate.

    Attributes:
        id: the gate's id.
        kind: what waits at the gate.
        rules: what the gate demands.
        opens: whether the gate is open after this approval.
        counts_for: the positions of the demands for which it counts.
        given: how many approvals there are, with this one.
        needed: how many are needed at least.
        missing: what the gate lacks after it, in words.
        seen: the digest of what the approver saw beside the plan.
        outdated: the ids of earlier approvals that no longer count.
        automatic: whether nobody approved, because the project approves its plans automatically.
        undo_until: until when the approval can be withdrawn. It opens the gate after that.
        completed_by: the decision that completed the approvals, and now opens the gate because its time to undo is over.
    """

    id: str
    kind: str
    rules: JsonObject
    opens: bool
    counts_for: list[int]
    given: int
    needed: int
    missing: list[str]
    seen: str
    outdated: list[str]
    automatic: bool
    undo_until: str
    completed_by: str


class Missing(BaseModel):
    """What a demand still lacks.

    Attributes:
        policy: the name of the policy.
        approvals: how many more approvals.
        signers: of whom each may give one; None if anybody may who may decide this.
        words: the same in words: `one more approval from Dana or Kim`.
    """

    policy: str
    approvals: int
    signers: list[str] | None
    words: str


def still_missing(rules: Rules, approvals: Sequence[Approval]) -> list[Missing]:
    """What the approvals so far do not meet."""
    left: list[Missing] = []
    there = {approval.by.actor_id for approval in approvals}
    for number, demand in enumerate(rules.demands):
        given = sum(number in approval.counts_for for approval in approvals)
        if given < demand.approvals:
            left.append(_lacking(demand, demand.approvals - given, there, four_eyes=rules.four_eyes))
    return left


def _lacking(demand: Demand, number: int, there: Collection[str | None], *, four_eyes: bool) -> Missing:
    """What a demand lacks, without the people in `there`, who have approved already."""
    if demand.signers is None:
        words = still_needed(number, None, four_eyes=four_eyes)
        return Missing(policy=demand.policy, approvals=number, signers=None, words=words)
    names = [_named(one) for one in demand.signers if one.role is None and (one.id is None or one.id not in there)]
    roles = [str(one.role) for one in demand.signers if one.role is not None]
    return Missing(
        policy=demand.policy,
        approvals=number,
        signers=[*names, *(f"somebody with the role {role}" for role in roles)],
        words=still_needed(number, names, roles, four_eyes=four_eyes),
    )


def needed(rules: Rules, approvals: Sequence[Approval]) -> int:
    """The smallest number of approvals with which the gate can open, together with those that were given."""
    left = [missing.approvals for missing in still_missing(rules, approvals)]
    return len(approvals) + max(left, default=0)


def open_demands(rules: Rules, approvals: Sequence[Approval], who: Approver) -> list[int]:
    """The positions of the demands for which an approval of this person would count."""
    return [number for number, demand in enumerate(rules.demands) if demand.accepts(who)]


def refusal(
    kind: GateKind, rules: Rules, approvals: Sequence[Approval], who: Approver, authors: Collection[str]
) -> DomainError | None:
    """Why somebody may not approve now; None if they may."""
    if who.id is None:
        message = "Nobody knows who sent this approval. Approve through the API, the page or the CLI."
        return Forbidden(message, code="not_a_signer")
    if (refused := _refusal_of_authors(kind, rules, approvals, who, authors)) is not None:
        return refused
    left = still_missing(rules, approvals)
    if any(approval.by.actor_id == who.id for approval in approvals):
        rest = "; ".join(missing.words for missing in left)
        message = f"{who.name} has already approved this, and counts once. It needs {rest}."
        return Conflict(message, code="already_approved", context={"missing": [one.model_dump() for one in left]})
    lacking = {missing.policy for missing in left}
    if not any(demand.policy in lacking and demand.accepts(who) for demand in rules.demands):
        rest = "; ".join(missing.words for missing in left)
        key = " A program with a key counts only if a policy names it." if who.is_key else ""
        message = f"{who.name} is not one of those who must approve this. It needs {rest}.{key} Ask one of them."
        return Forbidden(message, code="not_a_signer", context={"missing": [one.model_dump() for one in left]})
    if rules.passkey and not who.with_passkey:
        return Forbidden(_without_passkey(who), code="passkey_needed")
    return None


def _without_passkey(who: Approver) -> str:
    rule = "A policy demands that this is approved with a passkey."
    if who.vouched_by is not None:
        return f"{rule} A link has none, so somebody who signs in must approve this."
    if not str(who.id).startswith("person_"):
        return f"{rule} Only people who sign in have passkeys, so one of them must approve this."
    return (
        f"{rule} Choose 'Approve with a passkey' on the project's page. If you have none yet, add one under Passkeys."
    )


def _refusal_of_authors(
    kind: GateKind, rules: Rules, approvals: Sequence[Approval], who: Approver, authors: Collection[str]
) -> DomainError | None:
    if rules.four_eyes and who.id in authors:
        return Forbidden(f"{_WORKED_ON[kind]}, so somebody else must approve it.", code="four_eyes")
    if rules.four_eyes and not who.known:
        message = (
            f"Only an author vouches for {who.name}, and somebody other than the authors must approve this. Ask somebody who is "
            "listed with a role, or have an approver make the link."
        )
        return Forbidden(message, code="four_eyes")
    # Whoever makes a link has its text, and could sign with it. If the settings of the server vouch, nobody has it.
    maker = who.vouched_by if who.vouched_by != SETTINGS_ID else None
    if rules.four_eyes and maker is not None and maker in authors:
        message = f"Somebody who worked on this made the link for {who.name}. Somebody else must make one."
        return Forbidden(message, code="four_eyes")
    for one in approvals:
        same_maker = maker is not None and maker in {one.by.actor_id, one.vouched_by}
        if same_maker or (one.vouched_by is not None and one.vouched_by == who.id):
            message = "Whoever makes a link counts once together with the person whom it is for. Somebody else must approve this."
            return Forbidden(message, code="not_a_signer")
    return None


_WORKED_ON: dict[GateKind, str] = {
    GateKind.PLAN: "You worked on this plan",
    GateKind.EDIT: "You worked on this plan",
    GateKind.PHASE: "You worked on the plan of this phase",
    GateKind.TASK: "You worked on the plan of this task",
    GateKind.RETRY: "You worked on this plan",
    GateKind.CHANGE: "You worked on this plan or its files",
}


def _named(signer: Signer) -> str:
    if signer.id is None:
        return f"{signer.name} (nobody has this name)"
    return f"the key {signer.name}" if signer.id.startswith("key_") else signer.name
