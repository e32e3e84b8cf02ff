"""The models that the client's methods return; they are the server's own models."""

from __future__ import annotations

from signoff._pending import is_pending
from signoff.schemas.answers import BatchDeleteAnswer, CancelAnswer, CancelCounts, DeleteAnswer, Recorded, StatusAnswer
from signoff.schemas.catalogue import Agent, AgentList, Archetype, ArchetypeList, StrategyInfo, StrategyList
from signoff.schemas.decisions import AnsweredDecision, Decision, DecisionList
from signoff.schemas.events import Event, LiveEvent
from signoff.schemas.files import FileInfo, FileList, Uploaded
from signoff.schemas.graph import Graph
from signoff.schemas.insight import Audit, Finding, Metrics
from signoff.schemas.outline import OutlineFinding, OutlinePhase, OutlinePreview, OutlineTask
from signoff.schemas.plans import Plan, PlanDiff, PlanList, PlanPhase, PlanVersion
from signoff.schemas.projects import Project, ProjectList, ProjectSummary, Run, RunList
from signoff.schemas.record import RecordKey, RecordSeal
from signoff.schemas.senders import SentBy
from signoff.schemas.system import Health, Ready
from signoff.schemas.tasks import Phase, PhaseList, Task, TaskDeleted, TaskList
from signoff.schemas.templates import Template, TemplateList

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
    "SentBy",
    "StatusAnswer",
    "StrategyInfo",
    "StrategyList",
    "Task",
    "TaskDeleted",
    "TaskList",
    "Template",
    "TemplateList",
    "Uploaded",
    "is_pending",
]
