"""`signoff agents`, `strategies` and `archetypes`: list what a project can name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.command import answer_command
from app.cli.tables import archetype_list, archetype_text, named_list

if TYPE_CHECKING:
    from signoff import AsyncSignoff
    from signoff.schemas.catalogue import AgentList, Archetype, ArchetypeList, StrategyList


@click.command()
@answer_command(lambda answer: named_list(answer["agents"]))
async def agents(api: AsyncSignoff) -> AgentList:
    """List the agents that projects can name."""
    return await api.agents()


@click.command()
@answer_command(lambda answer: named_list(answer["strategies"]))
async def strategies(api: AsyncSignoff) -> StrategyList:
    """List the strategies and what each one means."""
    return await api.strategies()


@click.command()
@click.argument("name", required=False)
@answer_command(lambda answer: archetype_list(answer) if "archetypes" in answer else archetype_text(answer))
async def archetypes(api: AsyncSignoff, name: str | None) -> ArchetypeList | Archetype:
    """List experts, or show one with its brief."""
    listed = await api.archetypes()
    if name is None:
        return listed
    by_id = {archetype.id: archetype for archetype in listed.archetypes}
    if name not in by_id:
        message = f"There is no archetype '{name}'. Choose one of: {', '.join(by_id)}."
        raise click.BadParameter(message, param_hint="NAME")
    return by_id[name]


COMMANDS: list[click.Command] = [agents, strategies, archetypes]
