"""Rebuilds plans, runs, phases and tasks from a project's events, so that an audit can compare them with the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.events import sender_of
from app.domain.plan import canonical_json
from app.domain.reducer import ProjectState
from app.domain.sender import Sender
from signoff.schemas.event_data import (
    DecisionRequested,
    EventData,
    FileUploaded,
    GateOpened,
    PhaseApproved,
    PlanApproved,
    PlanDiscarded,
    PlanFailed,
    PlanGenerating,
    PlanReady,
    PlanSuperseded,
    ProjectCancelled,
    ProjectCompleted,
    ProjectCreated,
    ProjectEnded,
    RunStarted,
    TaskCompleted,
    TaskMoved,
    TaskStarted,
)
from signoff.schemas.events import Event
from signoff.schemas.json_value import JsonMapping
from signoff.vocabulary import EventType, GateKind, PlanStatus, ProjectStatus

_PLAN_STATUS: dict[EventType, PlanStatus] = {
    EventType.PLAN_GENERATING: PlanStatus.GENERATING,
    EventType.PLAN_READY: PlanStatus.READY,
    EventType.PLAN_FAILED: PlanStatus.FAILED,
    EventType.PLAN_APPROVED: PlanStatus.APPROVED,
    EventType.PLAN_SUPERSEDED: PlanStatus.SUPERSEDED,
    EventType.PLAN_DISCARDED: PlanStatus.DISCARDED,
}


@dataclass
class ReplayedAttempt:
    """One attempt, rebuilt from events. `log` is the size and checksum of its log; None if no event records its end."""

    started_at: str
    try_number: int | None
    run_id: str | None
    log: JsonMapping | None = None
    left_behind: Mapping[str, str | None] | None = None


@dataclass
class ReplayedFile:
    """A file as its task left it, or as it was uploaded later. `sha256` is None if the file was missing."""

    size: int | None
    sha256: str | None
    task_id: str | None


@dataclass
class ReplayedPlan:
    """One plan version, rebuilt from events. A field is None if older events do not contain it."""

    digest: str | None
    created_by: str
    planner: str | None = None
    created_at: str | None = None
    approved_by: str | None = None
    approved_at: str | None = None
    created_by_id: str | None = None
    approved_by_id: str | None = None


@dataclass
class ReplayedRun:
    """One run, rebuilt from events. A field is None if older events do not contain it."""

    plan_version: int | None
    plan_digest: str | None
    status: str = ProjectStatus.RUNNING
    number: int | None = None
    started_at: str | None = None
    completed_at: str | None = None


@dataclass
class ReplayedDecision:
    """One decision, rebuilt from events."""

    digest: str
    # Numbers of the events that name it.
    seqs: set[int] = field(default_factory=set[int])
    # Who decided, according to the events that name it.
    senders: set[Sender] = field(default_factory=set[Sender])
    # Which plan was approved, according to each event.
    plans: set[tuple[int | None, str | None]] = field(default_factory=set[tuple[int | None, str | None]])


@dataclass
class ReplayedGate:
    """What a gate demands, according to the event of its opening, and whether its phase was approved after that."""

    kind: str
    subject: str
    plan_version: int
    plan_digest: str
    rules: JsonMapping
    expires_at: str | None
    opened_at: str
    approved: bool = False


@dataclass
class ReplayedProject:
    """Facts about a project, rebuilt from events: who created it, when, and the outcome of its last run."""

    created_by: str = ""
    created_at: str = ""
    outcome: str | None = None
    created_by_id: str | None = None


def outputs_hash(outputs: JsonMapping) -> str | None:
    """Hash of a task's outputs for the event of its end, so that the event chain covers them. None for no outputs."""
    return hashlib.sha256(canonical_json(outputs)).hexdigest() if outputs else None


class Replay:
    """Rebuilds a project from its events, in order. Altered events may contain anything; invalid data is ignored.

    Attributes:
        state: the state of the project, its phases and its tasks.
        project: facts about the project.
        run_id: the id of the newest run.
        plans: the plan versions that became ready, by version.
        plan_status: the status of every plan version that was started, by version.
        runs: the runs, by id.
        attempts: the attempts, by task id and number.
        files: the expected files of completed tasks, by path.
        questions: what each question asked, by id.
        approvals: who approved each phase and when, by phase id.
        decisions: the decisions that events name, by id.
        gates: what waited for approvals that policies demand, by id.
    """

    def __init__(self) -> None:
        self.state = ProjectState()
        self.plans: dict[int, ReplayedPlan] = {}
        self.plan_status: dict[int, PlanStatus] = {}
        self.runs: dict[str, ReplayedRun] = {}
        self.project = ReplayedProject()
        self.attempts: dict[tuple[str, int], ReplayedAttempt] = {}
        self.files: dict[str, ReplayedFile] = {}
        self.questions: dict[str, DecisionRequested] = {}
        self.approvals: dict[str, tuple[str, str]] = {}
        self.decisions: dict[str, ReplayedDecision] = {}
        self.gates: dict[str, ReplayedGate] = {}
        self.run_id: str | None = None

    def take(self, event: Event) -> None:
        """Apply the next event."""
        data = event.payload
        self.state.take(data, event.at)
        self._take_decision(event, data)
        match data:
            case PlanGenerating() | PlanReady() | PlanFailed() | PlanApproved() | PlanSuperseded() | PlanDiscarded():
                self._take_plan(data, sender_of(event))
            case RunStarted():
                self._begin(data)
            case ProjectEnded():
                self.project.outcome = data.outcome if isinstance(data, ProjectCompleted | ProjectCancelled) else None
                if data.run_id in self.runs:
                    run = self.runs[data.run_id]
                    run.status, run.completed_at = self.state.status, event.at
            case TaskStarted():
                self.attempts[data.task_id, data.attempt] = ReplayedAttempt(event.at, data.try_number, self.run_id)
            case TaskMoved():
                self._end_attempt(data)
            case _:
                self._take_single(event, data)

    def _take_single(self, event: Event, data: EventData | None) -> None:
        """Apply an event that completely describes one thing."""
        match data:
            case PhaseApproved():
                self.approvals[data.phase_id] = (event.actor, event.at)
                for gate in self.gates.values():
                    if gate.kind == GateKind.PHASE and gate.subject == f"{data.phase_id}:{self.run_id}":
                        gate.approved = True
            case GateOpened():
                self.gates[data.gate_id] = ReplayedGate(
                    data.kind,
                    data.subject,
                    data.plan_version,
                    data.plan_digest,
                    data.rules,
                    data.expires_at,
                    event.at,
                )
            case DecisionRequested():
                self.questions[data.question_id] = data
            case FileUploaded():
                self.files[data.path] = ReplayedFile(data.size, data.sha256, None)
            case ProjectCreated():
                self.project = ReplayedProject(event.actor, event.at, created_by_id=event.actor_id)
            case _:
                pass

    def _take_decision(self, event: Event, data: EventData | None) -> None:
        # An altered event of any type may name a decision.
        decision_id = _text(event.data, "decision_id")
        if decision_id:
            told = self.decisions.setdefault(decision_id, ReplayedDecision(_text(event.data, "decision_hash")))
            told.seqs.add(event.seq)
            told.senders.add(sender_of(event))
            if isinstance(data, PlanApproved):
                told.plans.add((data.plan_version, data.plan_digest))

    def _take_plan(
        self,
        data: PlanGenerating | PlanReady | PlanFailed | PlanApproved | PlanSuperseded | PlanDiscarded,
        sender: Sender,
    ) -> None:
        version = data.plan_version
        if version < 1:
            return
        self.plan_status[version] = _PLAN_STATUS[data.type]
        if isinstance(data, PlanReady):
            self.project.outcome = None
            self.plans[version] = ReplayedPlan(
                data.plan_digest,
                sender.actor,
                data.planner or None,
                data.created_at or None,
                created_by_id=sender.actor_id,
            )
            if self.state.status != ProjectStatus.RUNNING and data.kept is None:
                self.approvals.clear()
        elif isinstance(data, PlanApproved):
            if version in self.plans:
                self.plans[version].approved_by = sender.actor
                self.plans[version].approved_by_id = sender.actor_id
                self.plans[version].approved_at = data.approved_at or None
            if data.run_id in self.runs:
                self.runs[data.run_id].plan_version, self.runs[data.run_id].plan_digest = version, data.plan_digest

    def _begin(self, data: RunStarted) -> None:
        self.run_id = data.run_id
        self.project.outcome = None
        self.runs[data.run_id] = ReplayedRun(
            data.plan_version, data.plan_digest, number=data.run_number, started_at=data.started_at or None
        )

    def _end_attempt(self, data: TaskMoved) -> None:
        attempt = self.attempts.get((data.task_id, data.attempt or 0))
        if attempt is not None:
            attempt.log = data.log if data.log is not None else attempt.log
            attempt.left_behind = data.left_behind if data.left_behind is not None else attempt.left_behind
        if isinstance(data, TaskCompleted):
            for path, left in (data.files or {}).items():
                made = left or {}
                self.files[path] = ReplayedFile(_number(made, "size"), _text(made, "sha256") or None, data.task_id)


def _number(data: JsonMapping, name: str) -> int | None:
    value = data.get(name)
    return value if isinstance(value, int) else None


def _text(data: JsonMapping, name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""
