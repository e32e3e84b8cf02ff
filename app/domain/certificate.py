"""What a certificate of a signed plan states: the plan, who approved it, and what came of it.

A statement is a function of the first events of a record, up to a seal, and of rows that never change afterwards. So the same
record always gives the same statement, and a later export of the record gives it again.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.domain.commands import CommandKind, CommandRecord, Outcome
from app.domain.plan import canonical_json
from app.domain.seals import Seal
from signoff.schemas.json_value import JsonObject, JsonValue

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:signoff:certificate:v1"
# The decisions of reviewers who did not approve, or no longer do.
OBJECTING = frozenset({CommandKind.REQUEST_CHANGES, CommandKind.REJECT, CommandKind.WITHDRAW})
# The decisions that can approve a plan version.
APPROVING = frozenset({CommandKind.APPROVE, CommandKind.EDIT})


class _Strict(BaseModel):
    """Base class of what is signed: unknown fields are refused, so that nothing is taken for signed that is not checked."""

    model_config = ConfigDict(extra="forbid")


class Subject(_Strict):
    """What the statement is about: a name and its SHA-256."""

    name: str
    digest: dict[Literal["sha256"], str]


class CertifiedProject(_Strict):
    """The project. A project may be renamed, so this is the name that it was created with."""

    id: str
    created_as: str
    created_at: str
    created_by: str
    created_by_id: str | None


class CertifiedPlan(_Strict):
    """The plan that was signed. `covered` is what the digest covers, in full."""

    version: int
    digest: str
    planner: str
    created_at: str
    created_by: str
    created_by_id: str | None
    covered: JsonObject


class CertifiedDecision(_Strict):
    """A decision, with the number of the event that reports it and the hash that this event has of it."""

    event: int
    hash: str
    decision: JsonObject

    @property
    def read(self) -> CommandRecord:
        """The decision as a record."""
        return CommandRecord.model_validate(self.decision)


class CertifiedRun(_Strict):
    """One run of the plan."""

    id: str
    number: int | None
    status: str
    started_at: str | None
    completed_at: str | None


class CertifiedTask(_Strict):
    """What became of one task of the plan. `ended` is what the event of its end says."""

    id: str
    key: str
    phase: str
    title: str
    status: str
    attempts: int
    started_at: str | None
    ended_at: str | None
    ended: JsonObject


class CertifiedFile(_Strict):
    """A file that a task of the plan was to make, as it was when the task ended."""

    path: str
    size: int | None
    sha256: str
    task: str


class CertifiedOutcome(_Strict):
    """What came of the plan: the status of the project, the runs, the tasks, and the files made."""

    status: str
    outcome: str | None
    runs: list[CertifiedRun]
    tasks: list[CertifiedTask]
    files: list[CertifiedFile]


class RecordPlace(_Strict):
    """Where the record was when the certificate was made: the number of events, the hash of the last one, and its seal."""

    events: int
    hash: str
    seal: Seal


class Predicate(_Strict):
    """What the statement says about its subjects.

    Attributes:
        frozen: what the approval froze besides the plan: the files that its commands name, agents, limits and programs.
        policy: what the policies demanded of the approvals (`app.domain.gates.Rules`); None if no policy was about the plan.
        requests: the decisions before the approval that requested changes to the plan or to an earlier version, or rejected one,
            the approvals that were withdrawn in time, and their withdrawals.
        approvals: the decisions that approved the plan, in order.
        decisions: the later decisions about it, in order, including those that were refused.
    """

    project: CertifiedProject
    plan: CertifiedPlan
    frozen: JsonObject | None
    policy: JsonValue = None
    requests: list[CertifiedDecision] = Field(default_factory=list[CertifiedDecision])
    approvals: list[CertifiedDecision]
    decisions: list[CertifiedDecision]
    outcome: CertifiedOutcome
    record: RecordPlace


class Statement(BaseModel):
    """An in-toto Statement v1."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True, serialize_by_alias=True)

    type: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: list[Subject]
    predicate_type: Literal["urn:signoff:certificate:v1"] = Field(default=PREDICATE_TYPE, alias="predicateType")
    predicate: Predicate

    def payload(self) -> bytes:
        """The bytes that are signed: canonical JSON."""
        return canonical_json(self.model_dump(mode="json"))


def plan_name(project_id: str, version: int) -> str:
    """The name of a plan version among the subjects of a statement."""
    return f"plan/{project_id}/{version}"


def subjects_of(predicate: Predicate) -> list[Subject]:
    """The subjects that belong to a predicate: the plan, and each file made."""
    plan = Subject(
        name=plan_name(predicate.project.id, predicate.plan.version), digest={"sha256": predicate.plan.digest}
    )
    return [
        plan,
        *(Subject(name=f"files/{file.path}", digest={"sha256": file.sha256}) for file in predicate.outcome.files),
    ]


def approves(decision: CommandRecord, version: int) -> bool:
    """Whether a decision approves this plan version: not another one, and not a phase of it."""
    if decision.outcome != Outcome.ACCEPTED or decision.plan_version != version or decision.kind not in APPROVING:
        return False
    return decision.payload.get("phase_id") is None and (
        decision.kind == CommandKind.APPROVE or decision.payload.get("frozen_digest") is not None
    )


def policy_of(decision: JsonObject) -> JsonValue:
    """What the gate of an approval demanded; None if no policy was about the plan."""
    payload = decision.get("payload")
    gate = payload.get("gate") if isinstance(payload, dict) else None
    return gate.get("rules") if isinstance(gate, dict) else None
