"""The models that the client's methods return; they are the server's own models."""

from __future__ import annotations

from typing import overload

from typing_extensions import TypeIs

from app.api.models.answers import BatchDeleteAnswer, CancelAnswer, CancelCounts, DeleteAnswer, Recorded, StatusAnswer
from app.api.models.catalogue import Agent, AgentList, Archetype, ArchetypeList, StrategyInfo, StrategyList
from app.api.models.decisions import AnsweredDecision, Decision, DecisionList
from app.api.models.events import LiveEvent
from app.api.models.files import FileInfo, FileList, Uploaded
from app.api.models.graph import Graph
from app.api.models.insight import Audit, Finding, Metrics
from app.api.models.outline import OutlineFinding, OutlinePhase, OutlinePreview, OutlineTask
from app.api.models.plans import Plan, PlanDiff, PlanList, PlanPhase, PlanVersion
from app.api.models.projects import Project, ProjectList, ProjectSummary, Run, RunList
from app.api.models.record import RecordKey, RecordSeal
from app.api.models.system import Health, Ready
from app.api.models.tasks import Phase, PhaseList, Task, TaskDeleted, TaskList
from app.domain.events import Event
from app.domain.states import ProjectStatus

__all__ = [
    "Agent",
    "AgentList",
    "AnsweredDecision",
    "Archetype",
    "ArchetypeList",
    "Audit",
    "BatchDeleteAnswer",
    "CancelAnswer",
    "CancelCounts",
    "Decision",
    "DecisionList",
    "DeleteAnswer",
    "Event",
    "FileInfo",
    "FileList",
    "Finding",
    "Graph",
    "Health",
    "LiveEvent",
    "Metrics",
    "OutlineFinding",
    "OutlinePhase",
    "OutlinePreview",
    "OutlineTask",
    "Phase",
    "PhaseList",
    "Plan",
    "PlanDiff",
    "PlanList",
    "PlanPhase",
    "PlanVersion",
    "Project",
    "ProjectList",
    "ProjectSummary",
    "Ready",
    "RecordKey",
    "RecordSeal",
    "Recorded",
    "Run",
    "RunList",
    "StatusAnswer",
    "StrategyInfo",
    "StrategyList",
    "Task",
    "TaskDeleted",
    "TaskList",
    "Uploaded",
    "is_pending",
]


@overload
def is_pending(answer: CancelAnswer | DeleteAnswer) -> bool: ...  # pyright: ignore[reportOverlappingOverload]
@overload
def is_pending(answer: object) -> TypeIs[Recorded]: ...
def is_pending(answer: object) -> bool:
    """Whether a request is recorded but not yet decided or finished. Its outcome arrives as an event."""
    if isinstance(answer, CancelAnswer):
        return answer.status != ProjectStatus.CANCELLED
    return isinstance(answer, Recorded) or (isinstance(answer, DeleteAnswer) and answer.deleting)
