"""Lists of the agents, strategies and archetypes that a project may name, of templates, and of the policies that it must meet."""

from __future__ import annotations

import asyncio

from litestar import Controller, get
from litestar.di import NamedDependency
from sqlalchemy import Connection

from app.api.http.any_request import AnyRequest
from app.api.http.callers import caller_of
from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.api.views.templates import templates_for
from app.domain.agents import AgentKind
from app.domain.plan import LIMITS
from app.domain.policies import Policy, about, in_words
from app.storage import gates
from signoff.schemas.catalogue import Agent, AgentList, Archetype, ArchetypeList, StrategyInfo, StrategyList
from signoff.schemas.policies import PolicyInfo, PolicyList
from signoff.schemas.templates import TemplateList
from signoff.vocabulary import Scope, Strategy

_DESCRIPTIONS = {
    Strategy.PERFORMANCE: "Runs as many tasks at once as possible. After a failure, independent branches continue.",
    Strategy.BALANCED: "Runs a few tasks at once. After a failure, independent branches continue.",
    Strategy.ECONOMY: "Runs two tasks at once and uses the small model. After a failure, independent branches continue.",
    Strategy.CAREFUL: "Runs one task at a time. After the first failure, no further task starts.",
}


class CatalogController(Controller):
    """Agents, strategies, archetypes, templates and policies."""

    path = "/api"
    tags = ("catalogue",)

    @get("/agents", operation_id="listAgents", opt={SCOPE: Scope.READ}, summary="List agents")
    async def list_agents(self, services: NamedDependency[Services]) -> AgentList:
        """The agents that a project or task may name, with the number of workers that serve each one now."""
        settings = services.settings
        queues = {agent_id: entry.queue or settings.task_queue for agent_id, entry in settings.known_agents.items()}
        distinct = sorted(set(queues.values()))
        counted = await asyncio.gather(*(services.engine.known_workers(queue) for queue in distinct))
        workers = dict(zip(distinct, counted, strict=True))
        serving = {agent_id: workers[queue] for agent_id, queue in queues.items()}
        agents = [
            Agent(
                id=agent_id,
                kind=entry.kind.value,
                queue=queues[agent_id],
                model=(entry.model or settings.model or None) if entry.kind == AgentKind.MODEL else None,
                tools=[str(tool) for tool in entry.tools] if entry.kind == AgentKind.MODEL else [],
                workers=found.count if (found := serving[agent_id]) is not None else None,
                unsandboxed=list(found.unsandboxed) if found is not None else [],
            )
            for agent_id, entry in settings.known_agents.items()
        ]
        return AgentList(agents=agents, total=len(agents))

    @get("/strategies", operation_id="listStrategies", opt={SCOPE: Scope.READ}, summary="List strategies")
    async def list_strategies(self) -> StrategyList:
        """The strategies that a project may have, and what each one means for a run."""
        strategies = [
            StrategyInfo(id=strategy, description=_DESCRIPTIONS[strategy], **LIMITS[strategy].model_dump())
            for strategy in Strategy
        ]
        return StrategyList(strategies=strategies, total=len(strategies))

    @get("/archetypes", operation_id="listArchetypes", opt={SCOPE: Scope.READ}, summary="List archetypes")
    async def list_archetypes(self, services: NamedDependency[Services]) -> ArchetypeList:
        """The archetypes that a project may name, each with the brief that a planning model receives."""
        own = services.settings.archetypes
        archetypes = [
            Archetype(id=name, **archetype.model_dump(), built_in=name not in own)
            for name, archetype in services.archetypes.items()
        ]
        return ArchetypeList(archetypes=archetypes, total=len(archetypes))

    @get("/templates", operation_id="listTemplates", opt={SCOPE: Scope.READ}, summary="List templates")
    async def list_templates(self, request: AnyRequest, services: NamedDependency[Services]) -> TemplateList:
        """What a new project can start from: the templates of the team that you may see, then the built-in ones.

        Every project with the label `template` that is not in the archive is a template of the team.
        """
        within = caller_of(request).access.labels_of(Scope.READ)
        return await services.database.read(lambda conn: templates_for(conn, within))

    @get("/policies", operation_id="listPolicies", opt={SCOPE: Scope.READ}, summary="List the policies")
    async def list_policies(self, services: NamedDependency[Services]) -> PolicyList:
        """Who must sign which documents, in plain English. Without policies, one approval is enough."""
        policies = services.settings.signoff.policy

        def unknown(conn: Connection, policy: Policy) -> list[str]:
            return [text for text in policy.signers or () if gates.is_unknown(conn, text)]

        missing = await services.database.read(lambda conn: [unknown(conn, policy) for policy in policies])
        listed = [
            PolicyInfo(name=policy.name, about=about(policy), demands=in_words(policy), unknown=names)
            for policy, names in zip(policies, missing, strict=True)
        ]
        return PolicyList(policies=listed, total=len(listed))
