"""`signoff agents`, `strategies`, `archetypes`: what may be named in a project."""

from __future__ import annotations

from typing import Any

import click

from app.cli.command import answer_command
from app.cli.tables import named_list
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
@answer_command(lambda answer: named_list(answer["archetypes"]))
async def archetypes(api: AsyncSignoff) -> Any:
    """List the archetypes of experts that a project may name."""
    return await api.archetypes()


COMMANDS: list[click.Command] = [agents, strategies, archetypes]
