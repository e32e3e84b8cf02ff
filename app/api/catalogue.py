"""What may be named in a project."""

from __future__ import annotations

import asyncio

from litestar import Controller, get
from litestar.di import NamedDependency

from app.api.models.catalogue import Agent, AgentList, Archetype, ArchetypeList, StrategyInfo, StrategyList
from app.api.services import Services
from app.domain.agents import AgentKind
from app.domain.plan import LIMITS, Strategy

_DESCRIPTIONS = {
    Strategy.PERFORMANCE: "As much at once as can be; after a failure, independent branches go on.",
    Strategy.BALANCED: "A few tasks at once; after a failure, independent branches go on.",
    Strategy.ECONOMY: "Two tasks at once, and the small model; after a failure, independent branches go on.",
    Strategy.CAREFUL: "One task at a time; after the first failure, nothing more starts.",
}


class CatalogueController(Controller):
    """Agents, strategies and archetypes."""

    path = "/api"
    tags = ("catalogue",)

    @get("/agents", operation_id="listAgents", summary="Agents that a project or task may name")
    async def list_agents(self, services: NamedDependency[Services]) -> AgentList:
        """With how many workers serve each now."""
        settings = services.settings
        queues = {agent_id: entry.queue or settings.task_queue for agent_id, entry in settings.known_agents.items()}
        wanted = sorted(set(queues.values()))
        counted = await asyncio.gather(*(services.engine.known_workers(queue) for queue in wanted))
        workers = dict(zip(wanted, counted, strict=True))
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

    @get("/strategies", operation_id="listStrategies", summary="Strategies that a project may have")
    async def list_strategies(self) -> StrategyList:
        """What each means for a run."""
        found = [
            StrategyInfo(id=strategy, description=_DESCRIPTIONS[strategy], **LIMITS[strategy].model_dump())
            for strategy in Strategy
        ]
        return StrategyList(strategies=found, total=len(found))

    @get("/archetypes", operation_id="listArchetypes", summary="Archetypes that a project may name")
    async def list_archetypes(self, services: NamedDependency[Services]) -> ArchetypeList:
        """With the brief that a planner with a model is given."""
        own = services.settings.archetypes
        found = [
            Archetype(id=name, **archetype.model_dump(), built_in=name not in own)
            for name, archetype in services.archetypes.items()
        ]
        return ArchetypeList(archetypes=found, total=len(found))
