"""Captures what an approval freezes. This happens outside the deciding transaction, because it reads files."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from pydantic import ValidationError
from sqlalchemy import Connection

from activities.actions.sandbox import frozen_entry
from activities.actions.task_environment import search_path
from app import signing
from app.domain.actions import Actions
from app.domain.commands import CommandKind, CommandRequest
from app.domain.frozen import Captured
from app.domain.named_files import named_by
from app.domain.plan import DEFAULT_AGENT, ActionSpec, TaskDraft
from app.domain.states import Situation
from app.settings import Settings
from app.storage import plans, projects, proposals
from app.storage.projects import ProjectRow, situation
from signoff.schemas.json_value import JsonValue


class CaptureNeeded(Exception):
    """A decision starts or extends a run, but nothing has been captured for its plan yet."""

    def __init__(self, project: ProjectRow, tasks: list[TaskDraft], digest: str) -> None:
        super().__init__(project.id)
        self.project = project
        self.tasks = tasks
        self.digest = digest


def prepare(conn: Connection, request: CommandRequest, captured: Captured | None) -> None:
    """Add the captured values to the decision, if it needs them.

    Raises:
        CaptureNeeded: nothing was captured, or the plan has changed since.
    """
    project = projects.find(conn, request.project_id)
    plan = _approved_by(conn, project, request) if project is not None else None
    if project is None or plan is None:
        return
    if captured is None or captured.plan_digest != plan.digest:
        tasks = [*plans.content(plan).tasks(), *_edited(cast("JsonValue", request.payload.get("edits")))]
        raise CaptureNeeded(project, tasks, plans.contents(plan).digest)
    request.payload = {**request.payload, "captured": captured}


def _approved_by(conn: Connection, project: ProjectRow, request: CommandRequest) -> plans.PlanRow | None:
    """The version that this decision approves, or that the edit starts from which it approves. None if it approves none."""
    if situation(project) == Situation.PLAN_READY:
        return plans.current(conn, project) if request.kind == CommandKind.APPROVE else None
    if situation(project) != Situation.RUNNING:
        return None
    edited = proposals.find(conn, project)
    if request.kind == CommandKind.APPROVE:
        return edited if request.payload.get("phase_id") is None else None
    edits_itself = request.kind == CommandKind.EDIT and project.auto_approve_plan
    return (edited or plans.current(conn, project)) if edits_itself else None


def _edited(value: JsonValue) -> Iterator[TaskDraft]:
    """A task for each action in a list of edits. Invalid ones are refused later."""
    if isinstance(value, list):
        for item in value:
            yield from _edited(item)
    elif isinstance(value, dict):
        if isinstance(value.get("action"), dict):
            try:
                action = ActionSpec.model_validate(value["action"])
                options = {name: value[name] for name in ("agent_id", "inputs") if value.get(name) is not None}
                edited = {"key": value.get("key") or "edited", "title": "edited", "action": action, "retries": 0}
                yield TaskDraft.model_validate({**edited, **options})
            except ValidationError:
                return
        for item in value.values():
            yield from _edited(item)


async def capture(need: CaptureNeeded, actions: Actions, settings: Settings) -> Captured:
    """Capture everything that the decision freezes, including programs, without blocking the event loop."""
    return await asyncio.to_thread(_capture, need, actions, settings)


def _capture(need: CaptureNeeded, actions: Actions, settings: Settings) -> Captured:
    captured = signing.capture(need.project, need.tasks, actions, settings, digest=need.digest)
    here = [task for task in need.tasks if _queue(need.project, task, settings) == settings.task_queue]
    names = {
        name for task in here for name in named_by(task.action.model_dump(mode="json"), need.project.workspace).programs
    }
    known_here: dict[str, object] = {"programs": found_programs(names, settings)}
    if captured.frozen.sandbox:
        known_here["sandbox"] = frozen_entry(settings)
    frozen = captured.frozen.model_copy(update=known_here)
    return replace(captured, frozen=frozen)


def found_programs(names: set[str], settings: Settings) -> dict[str, str]:
    """The path of each program that a task's PATH finds on this machine."""
    path = search_path(map(str, settings.task_path))
    programs = {name: shutil.which(name, path=path) for name in sorted(names)}
    return {name: where for name, where in programs.items() if where is not None}


def _queue(project: ProjectRow, task: TaskDraft, settings: Settings) -> str:
    name = task.agent_id or project.agent_id or DEFAULT_AGENT
    return settings.agent_queues.get(name, settings.task_queue)
