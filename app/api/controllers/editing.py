"""Edits of plans: applied at once if no run is in progress, else submitted to the run's workflow for a decision."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

from litestar import Response
from pydantic import BaseModel
from sqlalchemy import Connection

from app.api.http.actor import actor_of, is_decided, new_command
from app.api.http.any_request import AnyRequest
from app.api.http.idempotency import answer_once
from app.api.http.location import location_of
from app.api.http.outcome import recorded, submit
from app.api.http.plan_match import plan_to_match
from app.api.http.services import Services
from app.api.views import present
from app.commands import plan_edits
from app.domain.agents import AgentKind
from app.domain.commands import EditPlan
from app.domain.edits import parse_edits
from app.domain.errors import Conflict, Invalid
from app.domain.plan import DEFAULT_AGENT, canonical_json
from app.domain.states import Call
from app.domain.validation import for_project
from app.storage import projects
from app.storage.projects import ProjectRow
from app.workspace.private_places import objection_to_grants
from signoff.schemas.json_value import JsonObject
from signoff.schemas.plans import Plan
from signoff.schemas.problems import Problem
from signoff.vocabulary import ProjectStatus

# Creates the answer from the keys of the tasks and the phases that were added or changed.
Shown = Callable[[Connection, Sequence[str], Sequence[str]], BaseModel]
# Edits of a running plan travel through Temporal, whose payloads are limited to 2 MiB.
MAX_EDIT_BYTES = 1_048_576


async def edit(
    request: AnyRequest,
    services: Services,
    project_id: str,
    edits: list[JsonObject],
    shown: Shown,
    *,
    status: int = 200,
    refine: bool = False,
) -> Response[Any]:
    """Create the next version of the plan by `edits`, and answer with the result of `shown`.

    Raises:
        DomainError: the edits were refused and the plan is unchanged. If the body is a single edit, `details` names the
            body's fields. `PreconditionFailed`: If-Match does not name the plan that they would change.
    """
    try:
        return await _edit(request, services, project_id, edits, shown, status=status, refine=refine)
    except Invalid as error:
        if not refine:
            for problem in error.info.details:
                name = problem.field.removeprefix("edits.0.")
                problem.field = {"phase": "phase_id"}.get(name, name)
        raise


async def _edit(
    request: AnyRequest,
    services: Services,
    project_id: str,
    edits: list[JsonObject],
    shown: Shown,
    *,
    status: int,
    refine: bool,
) -> Response[Any]:
    project, decided, digest = await services.database.read(
        lambda conn: (
            projects.get(conn, project_id),
            is_decided(conn, request, project_id),
            plan_to_match(conn, request, project_id),
        )
    )
    edits = [_with_action(services, project, item) for item in edits]
    parsed = await asyncio.to_thread(parse_edits, edits)
    await asyncio.to_thread(_check_grants, services, edits)
    call = Call.REFINE if refine else Call.EDIT_PLAN
    actor = actor_of(request)

    def work(conn: Connection) -> BaseModel:
        plan_to_match(conn, request, project_id)
        editor = plan_edits.edit_plan(
            conn, project_id, parsed, services.actions, actor=actor, call=call, agents=services.agents
        )
        return shown(conn, editor.tasks, editor.phases)

    automatic = refine and project.auto_approve_plan
    if project.status != ProjectStatus.RUNNING and not automatic and not decided:
        try:
            return await answer_once(request, services, work, status=status)
        except Conflict as error:
            # The plan was approved at the same moment, so the run's workflow must decide.
            if error.info.code != "project_running" or refine:
                raise
    command = EditPlan(edits=edits, refine=refine, plan_digest=digest)
    return await _submit(request, services, project_id, command, shown, status=status)


def _with_action(services: Services, project: ProjectRow, edit: JsonObject) -> JsonObject:
    """Give a new task without an action one for its agent's model. If the agent has no model, a person does the task."""
    if edit.get("op") != "add_task" or edit.get("action") is not None or not isinstance(edit.get("title"), str):
        return edit
    agent = for_project(services.agents, project.agent_id).get(str(edit.get("agent_id") or DEFAULT_AGENT))
    if agent is None or agent.kind != AgentKind.MODEL:
        return edit
    prompt = f"{edit['title']}\n\n{edit.get('description') or ''}".strip()
    return {**edit, "action": {"type": "agent", "prompt": prompt}}


async def _submit(
    request: AnyRequest,
    services: Services,
    project_id: str,
    asked: EditPlan,
    shown: Shown,
    *,
    status: int,
) -> Response[Any]:
    await asyncio.to_thread(check_sendable, services, asked.edits)
    command = new_command(request, project_id, asked)
    decided = await submit(services, command)
    if decided is None:
        return await recorded(services, command)
    made = decided.record.payload
    tasks, phases = made.get("tasks", []), made.get("phases", [])
    answer = await services.database.read(lambda conn: shown(conn, tasks, phases))
    headers = decided.headers
    if status == 201:
        headers["Location"] = location_of(request, answer)
    return Response(answer, status_code=status, headers=headers)


def check_sendable(services: Services, edits: list[JsonObject]) -> None:
    """Check what a workflow cannot check itself before it has edits decided.

    Raises:
        Invalid: an agent does not exist, a path cannot be granted to a task, or the edits are too large for Temporal.
    """
    for number, item in enumerate(edits):
        agent = item.get("agent_id")
        if agent is not None and agent not in services.agents:
            message = f"There is no agent '{agent}'; known: {', '.join(sorted(services.agents))}."
            raise Invalid(message, details=[Problem(field=f"edits.{number}.agent_id", message=message)])
    _check_grants(services, edits)
    if len(canonical_json(edits)) > MAX_EDIT_BYTES:
        message = f"Edits of a running plan must be at most {MAX_EDIT_BYTES} bytes. Send them in several requests."
        raise Invalid(message, details=[Problem(field="edits", message=message)])


async def refine(request: AnyRequest, services: Services, project_id: str, edits: list[JsonObject]) -> Response[Plan]:
    """Create a new version of the plan by edits.

    Raises:
        Conflict: the project's state does not allow it.
        Invalid: there are no edits, or the plan would not be valid.
    """
    if not edits:
        message = "Describe the changes in `edits` or in `message`."
        raise Invalid(message, details=[Problem(field="edits", message=message)])

    def shown(conn: Connection, _tasks: Sequence[str], _phases: Sequence[str]) -> Plan:
        return present.plan(conn, projects.get(conn, project_id), None)

    return await edit(request, services, project_id, edits, shown, refine=True)


def _check_grants(services: Services, edits: list[JsonObject]) -> None:
    """Check that no edit grants access to a path that no task can be granted.

    Raises:
        Invalid: an edit does.
    """
    objection = objection_to_grants(services.settings.private_places)
    for number, item in enumerate(edits):
        for name in ("reads", "writes"):
            # The edits are valid: these fields are lists of paths.
            for path in cast("list[str]", item.get(name) or []):
                if (why := objection(path)) is not None:
                    message = f"No task can be granted {path}: it {why}."
                    raise Invalid(message, details=[Problem(field=f"edits.{number}.{name}", message=message)])
