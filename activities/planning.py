"""The activity that has a plan made."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection
from temporalio import activity

from activities.heartbeat import Heartbeat, Stop
from activities.run_state import project_state
from app.domain.actions import Actions
from app.domain.errors import Conflict, DomainError, ErrorInfo, Invalid
from app.domain.plan import PlanDraft
from app.domain.states import PlanStatus
from app.domain.validation import Agents, check_draft
from app.planning.planner import Brief, Planner
from app.storage import plans, projects
from app.storage.database import Database
from workflows.contracts import PlanRequest, ProjectState


class Planning:
    """The planning activity, bound to its planners.

    Args:
        database: where plans are kept.
        actions: what tasks may do.
        agents: who may carry them out.
        planners: by name.
    """

    def __init__(self, database: Database, actions: Actions, agents: Agents, planners: dict[str, Planner]) -> None:
        self._database = database
        self._actions = actions
        self._agents = agents
        self._planners = planners

    @activity.defn
    async def make_plan(self, request: PlanRequest) -> ProjectState:
        """Fill a plan version; where that cannot be done the planning fails, on record."""
        brief, planner = await self._database.read(lambda conn: self._brief(conn, request))
        heartbeat = Heartbeat()
        try:
            draft = await heartbeat.run(self._drafted(brief, planner))
        except asyncio.CancelledError:
            if heartbeat.stop == Stop.CANCELLED:
                await heartbeat.end_as_cancelled()
            raise
        except DomainError as error:
            refusal = error.info
            return await self._database.transact(lambda conn: self._fail(conn, request, refusal))
        return await self._database.transact(lambda conn: self._store(conn, request, draft))

    async def _drafted(self, brief: Brief, name: str) -> PlanDraft:
        planner = self._planners.get(name)
        if planner is None:
            known = ", ".join(sorted(self._planners))
            raise Invalid(f"There is no planner '{name}'; known: {known}.", code="unknown_planner")
        draft = await planner.plan(brief)
        check_draft(draft, self._actions, self._agents)
        return draft

    def _brief(self, conn: Connection, request: PlanRequest) -> tuple[Brief, str]:
        project = projects.get(conn, request.project_id)
        plan = plans.get(conn, request.project_id, request.version)
        brief = Brief(
            name=project.name,
            description=project.description,
            strategy=project.strategy,
            instructions=plan.instructions,
            has_model=False,
        )
        return brief, plan.planner

    def _store(self, conn: Connection, request: PlanRequest, draft: PlanDraft) -> ProjectState:
        try:
            plans.finish_generation(conn, request.project_id, request.version, draft, self._actions)
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
