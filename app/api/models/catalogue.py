"""What may be named in a project: agents, strategies, archetypes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from app.domain.plan import Strategy


class Agent(BaseModel):
    """Who carries tasks out; `workers` poll its queue now, and None says that Temporal does not tell.

    `unsandboxed`: the users as whom some of these workers run tasks without a sandbox.
    """

    id: str
    kind: Literal["local", "model"]
    queue: str
    model: str | None
    tools: list[str]
    workers: int | None
    unsandboxed: list[str]


class AgentList(BaseModel):
    """Every agent that a project or task may name; the first is the default."""

    agents: list[Agent]
    total: int


class StrategyInfo(BaseModel):
    """How a project is carried out."""

    id: Strategy
    description: str
    max_parallel: int
    stop_at_first_failure: bool


class StrategyList(BaseModel):
    """Every strategy."""

    strategies: list[StrategyInfo]
    total: int


class Archetype(BaseModel):
    """An expert whose way of working a planner takes on; `brief` is what the planner is told.

    `built_in` is false for one of `signoff.toml`, also where it has taken the name of a built-in one.
    """

    id: str
    title: str
    summary: str
    brief: str
    built_in: bool


class ArchetypeList(BaseModel):
    """Every archetype that a project may name: the built-in ones, then those of `signoff.toml`."""

    archetypes: list[Archetype]
    total: int
