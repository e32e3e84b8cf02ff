"""The activity that makes a plan."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection
from temporalio import activity

from activities.heartbeat import Heartbeat, Stop
from activities.planning_facts import FactFinder
from activities.run_state import project_state
from app.database.database import Database
from app.domain.actions import Actions
from app.domain.agents import Archetype
from app.domain.errors import Conflict, DomainError, ErrorInfo, Invalid
from app.domain.plan import PlanDraft
from app.domain.secret_scopes import SecretScopes, check_secrets
from app.domain.validation import Agents, Objection, check_draft, for_project, has_model, no_objection
from app.planning.outline import OutlinePlanner
from app.planning.planner import Brief, Planner
from app.storage import model_steps, plans, projects
from app.workspace.workspaces import root_of
from signoff.vocabulary import PlanStatus
from workflows.activity_types import PlanningActivities
from workflows.contracts import PlanRequest, ProjectState


class _Place(NamedTuple):
    """A workspace, and whether Signoff made it for its project."""

    root: Path
    own: bool


class Planning(PlanningActivities):
    """The planning activity, bound to its planners.

    Args:
        database: the database that stores plans.
        actions: the actions that tasks may use.
        agents: the agents that may execute tasks.
        archetypes: the experts that projects can name.
        planners: the planners, by name.
        scopes: who may use which secret; default: any project may use any secret.
        objection: returns why a path may not be granted to a task.
        finder: collects facts for the planners; without it, they plan without any.
    """

    def __init__(
        self,
        database: Database,
        actions: Actions,
        agents: Agents,
        archetypes: Mapping[str, Archetype],
        planners: dict[str, Planner],
        scopes: SecretScopes | None = None,
        objection: Objection = no_objection,
        finder: FactFinder | None = None,
    ) -> None:
        self._finder = finder
        self._objection = objection
        self._scopes = scopes or SecretScopes()
        self._database = database
        self._actions = actions
        self._agents = agents
        self._archetypes = archetypes
        self._planners = planners

    @activity.defn
    async def make_plan(self, request: PlanRequest) -> ProjectState:
        """Make the plan for a plan version. If that is not possible, record that planning failed."""
        brief, planner, place = await self._database.read(lambda conn: self._brief(conn, request))
        if self._finder is not None and planner != OutlinePlanner.name:
            brief.facts = await asyncio.to_thread(
                self._finder.facts, place.root, brief.project_id, brief.agent_id, own_folder=place.own
            )
        drafting = self._drafted(brief, planner)
        try:
            # The server does not know of local activities, so it takes no heartbeats of them.
            draft = await (drafting if activity.info().is_local else _with_heartbeats(drafting))
        except DomainError as error:
            refusal = error.info
            return await self._database.transact(lambda conn: self._fail(conn, request, refusal))
        return await self._database.transact(lambda conn: self._store(conn, request, draft))

    async def _drafted(self, brief: Brief, name: str) -> PlanDraft:
        planner = self._planners.get(name)
        if planner is None:
            known = ", ".join(sorted(self._planners))
            raise Invalid(f"There is no planner '{name}'. Use one of: {known}.", code="unknown_planner")
        draft = await planner.plan(brief)
        # This takes a while for thousands of tasks. It must not block heartbeats and other tasks.
        agents = for_project(self._agents, brief.agent_id)
        await asyncio.to_thread(check_draft, draft, self._actions, agents, objection=self._objection)
        check_secrets(draft, self._scopes, brief.project_id, brief.agent_id)
        return draft.model_copy(update={"warnings": [*draft.warnings, *self._scopes.warnings(draft)]})

    def _brief(self, conn: Connection, request: PlanRequest) -> tuple[Brief, str, _Place]:
        project = projects.get(conn, request.project_id)
        plan = plans.get(conn, request.project_id, request.version)
        previous = plans.find(conn, request.project_id, plan.based_on) if plan.based_on is not None else None
        archetype = self._archetypes.get(project.sme_archetype or "")
        brief = Brief(
            project_id=project.id,
            version=request.version,
            name=project.name,
            description=project.description,
            strategy=project.strategy,
            agent_id=project.agent_id,
            archetype=archetype.brief if archetype is not None else None,
            instructions=plan.instructions,
            parameters=plan.parameters,
            previous=plans.content(previous) if previous is not None else None,
            has_model=has_model(self._agents, project.agent_id),
        )
        return brief, plan.planner, _Place(root_of(project.workspace, project.path), project.path is None)

    def _store(self, conn: Connection, request: PlanRequest, draft: PlanDraft) -> ProjectState:
        try:
            used = model_steps.usage(conn, model_steps.of_conversation(request.project_id, f"plan:{request.version}"))
            facts: plans.PlanFacts = {}
            if used.calls:
                tokens = {"input": used.input_tokens, "output": used.output_tokens}
                facts = {"models": used.models, "calls": used.calls, "tokens": tokens, "cost_usd": used.cost_usd}
            plans.finish_generation(conn, request.project_id, request.version, draft, self._actions, facts=facts)
        except Conflict as error:
            if error.info.code != "planning_ended":
                raise
        return project_state(conn, request.project_id)

    @staticmethod
    def _fail(conn: Connection, request: PlanRequest, refusal: ErrorInfo) -> ProjectState:
        plan = plans.find(conn, request.project_id, request.version)
        if plan is not None and plan.status == PlanStatus.GENERATING:
            plans.fail_generation(conn, request.project_id, request.version, refusal, actor="signoff")
        return project_state(conn, request.project_id)


async def _with_heartbeats(drafting: Coroutine[Any, Any, PlanDraft]) -> PlanDraft:
    heartbeat = Heartbeat()
    try:
        return await heartbeat.run(drafting)
    except asyncio.CancelledError:
        if heartbeat.stop == Stop.CANCELLED:
            await heartbeat.end_as_cancelled()
        raise
