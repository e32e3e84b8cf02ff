"""`signoff agents`, `strategies`, `archetypes`: what may be named in a project."""

from __future__ import annotations

from typing import Any

import click

from app.cli.command import answer_command
from app.cli.tables import archetype_list, archetype_text, named_list
from signoff import AsyncSignoff


@click.command()
@answer_command(lambda answer: named_list(answer["agents"]))
async def agents(api: AsyncSignoff) -> Any:
    """List the agents that a project or task may name."""
    return await api.agents()


@click.command()
@answer_command(lambda answer: named_list(answer["strategies"]))
async def strategies(api: AsyncSignoff) -> Any:
    """List the strategies, and what each means."""
    return await api.strategies()


@click.command()
@click.argument("name", required=False)
@answer_command(lambda answer: archetype_list(answer) if "archetypes" in answer else archetype_text(answer))
async def archetypes(api: AsyncSignoff, name: str | None) -> Any:
    """List the archetypes of experts that a project may name, or show one with its brief."""
    listed = await api.archetypes()
    if name is None:
        return listed
    known = {archetype.id: archetype for archetype in listed.archetypes}
    if name not in known:
        raise click.BadParameter(f"There is no archetype '{name}'; known: {', '.join(known)}.", param_hint="NAME")
    return known[name]


COMMANDS: list[click.Command] = [agents, strategies, archetypes]
