"""The agents, strategies and archetypes that a project may name."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from signoff.vocabulary import Strategy


class Agent(BaseModel):
    """An agent, which executes tasks.

    `workers` is the number of workers that poll its queue now; null if Temporal does not report it. `unsandboxed` lists the users
    as whom some of these workers run tasks without a sandbox.
    """

    id: str
    kind: Literal["local", "model"]
    queue: str
    model: str | None
    tools: list[str]
    workers: int | None
    unsandboxed: list[str]


class AgentList(BaseModel):
    """All agents that a project or task may name; the first is the default."""

    agents: list[Agent]
    total: int


class StrategyInfo(BaseModel):
    """A strategy: how a project is executed."""

    id: Strategy
    description: str
    max_parallel: int
    stop_at_first_failure: bool


class StrategyList(BaseModel):
    """All strategies."""

    strategies: list[StrategyInfo]
    total: int


class Archetype(BaseModel):
    """An expert whose judgment guides the planning model; `brief` is the text that the model receives.

    `built_in` is false for an archetype from `signoff.toml`, even if it replaces a built-in one of the same name.
    """

    id: str
    title: str
    summary: str
    brief: str
    built_in: bool


class ArchetypeList(BaseModel):
    """All archetypes that a project may name: the built-in ones, then those from `signoff.toml`."""

    archetypes: list[Archetype]
    total: int
