"""What a notification says: read from the record when it is first sent."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from app.domain.decisions import QuestionStatus
from app.storage import plans, questions, reviews, runs, tasks
from app.storage.notifications import Notification
from app.storage.projects import ProjectRow
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import InboxKind, NotifyEvent, PlanStatus, ProjectStatus, Stage, TaskStatus


@dataclass(frozen=True)
class Said:
    """What waits, in the plan's own words, until when, and the actions that would run."""

    title: str
    summary: str
    expires_at: str | None
    actions: list[JsonObject]


def said(conn: Connection, row: Notification, project: ProjectRow) -> Said | None:
    """Return what a notification says. None if there is nothing to say any more, because nothing waits."""
    if row.event != NotifyEvent.WAITING:
        return _ending(conn, row.event, project)
    if row.item_id is None or project.stage == Stage.CANCELLING:
        return None
    if row.kind in {InboxKind.PLAN, InboxKind.EDIT, InboxKind.CHANGES_REQUESTED}:
        asked = row.kind == InboxKind.CHANGES_REQUESTED
        return _request(conn, row.item_id, project) if asked else _plan(conn, row.item_id, project)
    if project.status != ProjectStatus.RUNNING:
        return None
    if row.kind == InboxKind.PHASE:
        return _phase(conn, row.item_id, project)
    by_task = row.kind in {InboxKind.MANUAL, InboxKind.RELEASE}
    return _task(conn, row.item_id, row.kind, project) if by_task else _question(conn, row.item_id, project)


def _ending(conn: Connection, event: NotifyEvent, project: ProjectRow) -> Said:
    rejection = reviews.rejection(conn, project) if event == NotifyEvent.REJECTED else None
    if rejection is not None:
        return Said(project.name, f"{rejection.actor}: {rejection.comment}", None, [])
    return Said(project.name, project.failure["message"] if project.failure is not None else "", None, [])


def _request(conn: Connection, version: str, project: ProjectRow) -> Said | None:
    """What its author is told about a plan to which changes were requested; None if the request no longer stands."""
    asked = reviews.standing_request(conn, project) if project.stage == Stage.CHANGES_REQUESTED else None
    if asked is None or str(asked.plan_version) != version:
        return None
    return Said(f"Version {version} of the plan", f"{asked.actor}: {asked.comment}", None, [])


def _task(conn: Connection, task_id: str, kind: InboxKind | None, project: ProjectRow) -> Said | None:
    task = tasks.find(conn, project.id, task_id)
    if task is None or task.status != TaskStatus.WAITING or task.reason != kind:
        return None
    return Said(task.title, task.description, task.due_at, [task.action])


def _question(conn: Connection, question_id: str, project: ProjectRow) -> Said | None:
    question = questions.find(conn, project.id, question_id)
    if question is None or question.status != QuestionStatus.OPEN:
        return None
    return Said(question.question, ", ".join(question.options), question.expires_at, [])


def _plan(conn: Connection, version: str, project: ProjectRow) -> Said | None:
    plan = plans.find(conn, project.id, int(version))
    waits = project.status == ProjectStatus.RUNNING or project.stage == Stage.AWAITING_APPROVAL
    if plan is None or plan.status != PlanStatus.READY or not waits:
        return None
    draft = plans.content(plan)
    return Said(
        f"Version {plan.version} of the plan", draft.summary, None, [task.action.model_dump() for task in draft.tasks()]
    )


def _phase(conn: Connection, phase_id: str, project: ProjectRow) -> Said | None:
    if project.gate is None or project.gate["phase_id"] != phase_id:
        return None
    phase = runs.get_phase(conn, phase_id)
    rows = [task for task in tasks.all_of(conn, project.id) if task.phase_id == phase_id]
    return Said(phase.name, phase.description, project.gate["expires_at"], [task.action for task in rows])
