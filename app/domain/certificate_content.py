"""Makes the statement of a certificate from a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from pydantic import BaseModel, ConfigDict

from app.domain.certificate import (
    OBJECTING,
    CertifiedDecision,
    CertifiedFile,
    CertifiedOutcome,
    CertifiedPlan,
    CertifiedProject,
    CertifiedRun,
    CertifiedTask,
    Predicate,
    RecordPlace,
    Statement,
    approves,
    policy_of,
    subjects_of,
)
from app.domain.certificate_story import Story
from app.domain.commands import CommandKind, CommandRecord, Outcome
from app.domain.errors import Conflict, NotFound
from app.domain.plan import PlanDraft, RunSettings, covered_by
from app.domain.seals import Seal
from app.domain.sender import without_empty_origin
from signoff.schemas.json_value import JsonObject

# Decisions about making a plan. They are not about the one that was signed.
_PLANNING = frozenset({CommandKind.GENERATE, CommandKind.RETURN})
# What an event says that names its task. A certified task has these already.
_NAMES = frozenset({"type", "task_id", "phase_id", "key", "title"})


class PlanFacts(BaseModel):
    """The columns of a plan version that a statement needs."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    digest: str
    planner: str
    created_at: str
    created_by: str
    created_by_id: str | None
    draft: PlanDraft
    settings: RunSettings
    ids: dict[str, dict[str, str]]
    frozen: JsonObject | None


def build(plan: PlanFacts, decisions: Sequence[CommandRecord], story: Story, seal: Seal) -> Statement:
    """Return the statement about a plan version.

    Args:
        plan: the plan version.
        decisions: the decisions of the record.
        story: what the events up to the seal tell about this version.
        seal: the seal up to which the statement reaches.

    Raises:
        NotFound: `not_signed`: the version was not approved up to this seal.
        Conflict: `record_altered`: a decision that approved it is missing.
    """
    approvals, requests, later = _decisions(plan, {decision.id: decision for decision in decisions}, story)
    # A plan that has only some of its approvals is not signed.
    if not approvals or story.approved_at is None:
        raise NotFound(
            f"Plan version {plan.version} was not approved. A certificate needs a signed plan.", code="not_signed"
        )
    predicate = Predicate(
        project=CertifiedProject(
            id=seal.project_id,
            created_as=story.created_as,
            created_at=story.replay.project.created_at,
            created_by=story.replay.project.created_by,
            created_by_id=story.replay.project.created_by_id,
        ),
        plan=CertifiedPlan(
            covered=covered_by(plan.draft, plan.settings),
            **plan.model_dump(exclude={"draft", "settings", "ids", "frozen"}),
        ),
        frozen=plan.frozen,
        policy=policy_of(approvals[-1].decision),
        requests=requests,
        approvals=approvals,
        decisions=later,
        outcome=_outcome(plan, story),
        record=RecordPlace(events=seal.seq, hash=seal.hash, seal=seal),
    )
    return Statement(subject=subjects_of(predicate), predicate=predicate)


def _decisions(
    plan: PlanFacts, by_id: Mapping[str, CommandRecord], story: Story
) -> tuple[list[CertifiedDecision], list[CertifiedDecision], list[CertifiedDecision]]:
    """Return the decisions that approved the version, those before them that did not lead to it, and the later ones about it.

    An approval that was withdrawn in time approved nothing.
    """
    accepted = [decision for decision in by_id.values() if decision.outcome == Outcome.ACCEPTED]
    withdrawn = {decision.payload.get("withdrawn") for decision in accepted if decision.kind == CommandKind.WITHDRAW}
    approvals: list[CertifiedDecision] = []
    requests: list[CertifiedDecision] = []
    others: list[CertifiedDecision] = []
    for decision_id, told in story.decided.items():
        decision = by_id.get(decision_id)
        if decision is None:
            raise Conflict(f"Decision {decision_id} is missing from the record. Run an audit.", code="record_altered")
        certified = CertifiedDecision(event=told.event, hash=told.hash, decision=hashed(decision))
        if approves(decision, plan.version):
            (requests if decision.id in withdrawn else approvals).append(certified)
        elif decision.kind in OBJECTING and (story.approved_at is None or told.event < story.approved_at):
            requests.append(certified)
        elif story.approved_at is not None and told.event >= story.approved_at and decision.kind not in _PLANNING:
            others.append(certified)
    return approvals, requests, others


def hashed(decision: CommandRecord) -> JsonObject:
    """The part of a decision that its hash covers."""
    return cast("JsonObject", without_empty_origin(decision.model_dump(mode="json")))


def _outcome(plan: PlanFacts, story: Story) -> CertifiedOutcome:
    replay = story.replay
    ids = plan.ids["tasks"]
    keys = {task_id: key for key, task_id in ids.items()}
    started: dict[str, str] = {}
    for (task_id, _), attempt in sorted(replay.attempts.items()):
        started[task_id] = attempt.started_at
    tasks: list[CertifiedTask] = []
    for phase in plan.draft.phases:
        for task in phase.tasks:
            task_id = ids[task.key]
            state = replay.state.task(task_id)
            ended = state.last.model_dump(mode="json", exclude_none=True) if state.last is not None else {}
            tasks.append(
                CertifiedTask(
                    id=task_id,
                    key=task.key,
                    phase=phase.key,
                    title=task.title,
                    status=state.status,
                    attempts=state.attempt,
                    started_at=started.get(task_id),
                    ended_at=state.ended_at,
                    ended={name: value for name, value in ended.items() if name not in _NAMES},
                )
            )
    files = [
        CertifiedFile(path=path, size=file.size, sha256=file.sha256, task=keys[file.task_id])
        for path, file in sorted(replay.files.items())
        if file.sha256 is not None and file.task_id in keys
    ]
    runs = [
        CertifiedRun(
            id=run_id,
            number=run.number,
            status=run.status,
            started_at=run.started_at,
            completed_at=run.completed_at,
        )
        for run_id, run in replay.runs.items()
        if run.plan_version == plan.version
    ]
    status, outcome = str(replay.state.status), replay.project.outcome
    return CertifiedOutcome(status=status, outcome=outcome, runs=runs, tasks=tasks, files=files)
