"""Where an action asks its model: which agent it works as, and how its steps are kept."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.agents import AgentEntry
from app.settings import Settings
from app.storage.database import Database
from app.storage.model_steps import Talk


@dataclass(frozen=True)
class Desk:
    """What an action needs to ask a model and to use tools, each step on record."""

    settings: Settings
    database: Database
    talk: Talk
    agent_id: str
    agent: AgentEntry
    strategy: str
