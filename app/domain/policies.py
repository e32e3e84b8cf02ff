"""Policies: who must sign which documents. They stand in `[[signoff.policy]]` of `signoff.toml`. Pure.

A policy that matches a document adds its demand. A document that several policies match must meet every one of their demands.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.domain import references
from app.domain.agents import AgentEntry
from app.domain.audit import SEVERITIES, Severity
from app.domain.dangers import SEVERITY, dangers_of
from app.domain.people import Label
from app.domain.plan import DEFAULT_AGENT, PhaseDraft, PlanDraft, TaskDraft, canonical_json
from app.domain.signer_words import demanded
from app.domain.unseen import find_unseen, steps_of
from app.domain.words import count, listed, span
from signoff.schemas.json_value import JsonObject, JsonValue
from signoff.vocabulary import GateKind, Role

# The execution option that holds the policies for write transactions.
POLICIES = "signoff_policies"
MAX_APPROVALS = 20
MAX_SECONDS = 366 * 86_400.0
# The longest time in which an approval can be undone. What was approved waits for its end.
MAX_UNDO_SECONDS = 300
_DURATION = re.compile(r"([0-9]{1,6})([mhdw])")
_UNDO = re.compile(r"([0-9]{1,3})([sm])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_ROLES = ", ".join(f"role:{role}" for role in Role)
_PARAMETER = re.compile(r"\$\{\{\s*parameters\.([A-Za-z0-9_-]+)\s*\}\}")
_HOST = re.compile(r"^(?:[a-z][a-z0-9+.-]*://)?(?:[^/@\s]*@)?(\[[^\]\s]*\]|[^/:?#\s]*)", re.IGNORECASE)


def seconds_in(text: str) -> float:
    """The seconds in a span of time such as `30m`, `12h`, `3d` or `2w`.

    Raises:
        ValueError: the text is not such a span; the message says what is.
    """
    match = _DURATION.fullmatch(text)
    seconds = int(match[1]) * _SECONDS[match[2]] if match is not None else 0.0
    if not 60.0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"'{text}' is not a valid time; write 30m, 12h, 3d or 2w, and at most a year")
    return seconds


def undo_seconds(text: str | None) -> int:
    """The seconds in the time in which an approval can be undone, such as `5s` or `2m`. 0 for None.

    Raises:
        ValueError: the text is not such a time; the message says what is.
    """
    if text is None:
        return 0
    match = _UNDO.fullmatch(text)
    seconds = int(match[1]) * int(_SECONDS[match[2]]) if match is not None else 0
    if not 1 <= seconds <= MAX_UNDO_SECONDS:
        raise ValueError(f"'{text}' is not a valid time; write 5s or 2m, and at most 5 minutes")
    return seconds


def _span(text: str) -> str:
    seconds_in(text)
    return text


def _undo(text: str) -> str:
    undo_seconds(text)
    return text


def _signer(text: str) -> str:
    kind, _, name = text.partition(":")
    if kind == "role" and name in set(Role):
        return text
    if kind == "role":
        raise ValueError(f"there is no role '{name}'; known: {_ROLES}")
    if kind not in {"person", "key"} or not name.strip():
        raise ValueError(f"'{text}' names nobody; write role:approver, person:NAME, person:E-MAIL or key:NAME")
    return f"{kind}:{name.strip()}"


def _somebody(signers: tuple[str, ...]) -> tuple[str, ...]:
    if not signers:
        raise ValueError("name at least one role or person, or leave it out")
    return signers


Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Span = Annotated[str, AfterValidator(_span)]
UndoSpan = Annotated[str, AfterValidator(_undo)]
Signers = Annotated[tuple[Annotated[str, AfterValidator(_signer)], ...], AfterValidator(_somebody)]


class Match(BaseModel):
    """Which documents a policy is about. Every condition that is set must hold; of a list, one item is enough."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: tuple[Label, ...] = Field(default=(), description="Labels of projects, such as production.")
    actions: tuple[Word, ...] = Field(default=(), description="Types of actions, such as shell or http.")
    hosts: tuple[Word, ...] = Field(
        default=(), description="Hosts that tasks name, such as api.example.com or *.example.com."
    )
    agents: tuple[Word, ...] = Field(default=(), description="Agents that execute tasks.")
    secrets: tuple[Word, ...] = Field(default=(), description="Secrets that tasks use.")
    critical: Literal[True] | None = Field(
        default=None, description="true: documents for which the audit has a critical finding."
    )


class Policy(BaseModel):
    """Who must sign the documents that it matches, and how long the signatures may take."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: Name = Field(description="What people read about the policy, such as Production changes.")
    match: Match = Field(default=Match(), description="Which documents it is about; all if it is left out.")
    gates: tuple[GateKind, ...] = Field(
        default=(), description="plan, phase, task, edit, retry or change; all of them if it is left out."
    )
    approvals: int = Field(
        default=1, ge=1, le=MAX_APPROVALS, description="How many different people must approve, from 1 to 20."
    )
    signers: Signers | None = Field(
        default=None, alias="from", description="Who may approve, such as role:approver or person:dana@example.com."
    )
    four_eyes: bool = Field(default=False, description="true: nobody approves what they worked on.")
    passkey: bool = Field(
        default=False, description="true: an approval counts only with a passkey, on a device of the person's own."
    )
    expires: Span | None = Field(
        default=None, description="How long people have to approve, such as 3d. The project is then cancelled."
    )
    undo: UndoSpan | None = Field(
        default=None,
        description="How long the last approval can be undone, such as 5s; it takes effect after that. At most 5m.",
    )
    auto_approve_below: Severity | None = Field(
        default=None, description="auto_approve_plan works only below this risk: critical, high, medium or low."
    )

    @property
    def asks_people(self) -> bool:
        """Whether it asks for more than one approval by anybody who may approve."""
        return self.approvals > 1 or self.signers is not None or self.four_eyes or self.passkey


class Policies(BaseModel):
    """The settings in `[signoff]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: tuple[Policy, ...] = Field(
        default=(), max_length=100, description="[[signoff.policy]], one for each policy."
    )

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [policy.name for policy in self.policy]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two policies have the name '{twice}'; give each its own")
        return self


class OwnSigning(BaseModel):
    """What a project demands of its signers in addition to the policies."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    approvals: int = Field(default=1, ge=1, le=MAX_APPROVALS, strict=True)
    four_eyes: bool = Field(default=False, strict=True)
    expires: Span | None = None
    undo: UndoSpan | None = None

    @property
    def policy(self) -> Policy:
        """The same as a policy."""
        own = self.model_dump(include={"approvals", "four_eyes", "expires", "undo"})
        return Policy(name=OWN_POLICY, **own)

    def is_looser_than(self, other: OwnSigning) -> bool:
        """Whether it demands less than `other` in any way."""
        mine = seconds_in(self.expires) if self.expires is not None else MAX_SECONDS + 1
        others = seconds_in(other.expires) if other.expires is not None else MAX_SECONDS + 1
        return (
            self.approvals < other.approvals
            or (other.four_eyes and not self.four_eyes)
            or mine > others
            or undo_seconds(self.undo) < undo_seconds(other.undo)
        )


OWN_POLICY = "This project's own rule"


@dataclass(frozen=True)
class Signing:
    """The policies, and the agents that tasks may name.

    Attributes:
        policies: all policies.
        agents: what is known of each agent, for the risk of a plan.
    """

    policies: tuple[Policy, ...] = ()
    agents: Mapping[str, AgentEntry] = field(default_factory=dict[str, AgentEntry])

    @property
    def digest(self) -> str:
        """SHA-256 of the policies: equal where two processes have the same ones."""
        content = [policy.model_dump(mode="json", by_alias=True) for policy in self.policies]
        return hashlib.sha256(canonical_json(content)).hexdigest()


class Document(NamedTuple):
    """What an approval would let run.

    Attributes:
        kind: what waits.
        labels: the labels of its project.
        agent: the agent of tasks that name none.
        phases: the phases that it would let run, or the parts of them.
        parameters: the values of the plan's parameters.
    """

    kind: GateKind
    labels: Sequence[str]
    agent: str | None
    phases: Sequence[PhaseDraft]
    parameters: JsonObject

    @property
    def tasks(self) -> list[TaskDraft]:
        """All tasks."""
        return [task for phase in self.phases for task in phase.tasks]

    def risk(self, agents: Mapping[str, AgentEntry]) -> Severity | None:
        """The severity of the worst thing that a person should check before signing; None if there is none."""
        found: set[Severity] = {
            SEVERITY[danger.code] for task in self.tasks for danger in dangers_of(task.action.model_dump(mode="json"))
        }
        steps = steps_of(PlanDraft.model_construct(phases=list(self.phases)))
        # Nobody has looked into the workspace yet: what a model could write counts as written by it.
        if any(find_unseen(steps, agents, exists=lambda _: False)):
            found.add("high")
        return min(found, key=SEVERITIES.index, default=None)


def matching(signing: Signing, document: Document) -> list[Policy]:
    """The policies that are about a document, in the order of the file."""
    chosen = [policy for policy in signing.policies if not policy.gates or document.kind in policy.gates]
    return [policy for policy in chosen if _matches(policy.match, document, signing.agents)]


def allows_automatic(policy: Policy, risk: Severity | None) -> bool:
    """Whether `auto_approve_plan` may stand for the approval that a policy demands, for a document of this risk."""
    if policy.auto_approve_below is None:
        return not policy.asks_people
    return risk is None or SEVERITIES.index(risk) > SEVERITIES.index(policy.auto_approve_below)


def _matches(match: Match, document: Document, agents: Mapping[str, AgentEntry]) -> bool:
    tasks = document.tasks
    if match.labels and set(match.labels).isdisjoint(document.labels):
        return False
    if match.actions and not any(task.action.type in match.actions for task in tasks):
        return False
    usual = document.agent or DEFAULT_AGENT
    if match.agents and not any((task.agent_id or usual) in match.agents for task in tasks):
        return False
    if match.secrets and not any(name in match.secrets for task in tasks for name in _secrets(task)):
        return False
    if match.hosts and not any(_names_host(task, match.hosts, document.parameters) for task in tasks):
        return False
    return match.critical is None or document.risk(agents) == "critical"


def _secrets(task: TaskDraft) -> list[str]:
    expressions = references.expressions([task.inputs, task.action.fields()])
    return [name.removeprefix("secrets.") for name in expressions if name.startswith("secrets.")]


def _names_host(task: TaskDraft, hosts: Sequence[str], parameters: JsonObject) -> bool:
    """Whether a task names one of the hosts. A host that is known only at run time may be any of them."""
    fields = task.action.fields()
    url = fields.get("url")
    if isinstance(url, str):
        filled = _PARAMETER.sub(lambda match: str(parameters.get(match[1], match[0])), url)
        match = _HOST.match(filled)
        host = match[1].lower() if match is not None else ""
        if "${{" in filled.split("/", 3)[2 if "://" in filled else 0] or _is_one_of(host, hosts):
            return True
    texts = " ".join(_texts([fields, task.inputs, list(parameters.values())])).lower()
    return any(_is_in(host.lower(), texts) for host in hosts)


def _is_one_of(host: str, hosts: Sequence[str]) -> bool:
    return any(
        host == known.lower() or (known.startswith("*.") and host.endswith(known[1:].lower())) for known in hosts
    )


def _is_in(host: str, text: str) -> bool:
    """Whether a host is a word of a text."""
    pattern = re.escape(host.removeprefix("*."))
    before = r"(?:^|[^a-z0-9-])" if host.startswith("*.") else r"(?:^|[^a-z0-9.-])"
    return re.search(before + pattern + r"(?![a-z0-9-]|\.[a-z0-9])", text) is not None


def _texts(value: JsonValue) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _texts(item)]


def in_words(policy: Policy) -> str:
    """What a policy demands, in a sentence: `Production changes: two approvers, not the author, within 3 days.`"""
    parts = [_people(policy)]
    if policy.passkey:
        parts.append("with a passkey")
    if policy.four_eyes:
        parts.append("not the author")
    if policy.expires is not None:
        parts.append(f"within {span(seconds_in(policy.expires))}")
    if policy.undo is not None:
        parts.append(f"with {span(undo_seconds(policy.undo))} to undo")
    if policy.auto_approve_below is not None:
        parts.append(f"or automatically below {policy.auto_approve_below} risk")
    return f"{policy.name}: {', '.join(parts)}."


def about(policy: Policy) -> str:
    """Which documents a policy is about, in words."""
    match, parts = policy.match, list[str]()
    for names, one in (
        (match.labels, "the label"),
        (match.actions, "the action"),
        (match.hosts, "the host"),
        (match.agents, "the agent"),
        (match.secrets, "the secret"),
    ):
        if names:
            parts.append(f"{one} {listed(names, 'or')}")
    if match.critical:
        parts.append("a critical finding")
    which = f"with {listed(parts)}" if parts else "all"
    gates = f", at these gates: {', '.join(policy.gates)}" if policy.gates else ""
    return f"documents {which}{gates}" if parts else f"all documents{gates}"


def _people(policy: Policy) -> str:
    number = count(policy.approvals)
    if policy.signers is None or policy.signers == ("role:approver",):
        return f"{number} approver{'' if policy.approvals == 1 else 's'}"
    parts = [text.partition(":") for text in policy.signers]
    names = [f"the key {name}" if kind == "key" else name for kind, _, name in parts if kind != "role"]
    return demanded(policy.approvals, names, [name for kind, _, name in parts if kind == "role"])
