"""The context in which an action calls its model: its agent, and where its steps are recorded."""

from __future__ import annotations

from dataclasses import dataclass

from app.database.database import Database
from app.domain.agents import AgentEntry
from app.settings import Settings
from app.storage.model_steps import Conversation


@dataclass(frozen=True)
class AgentContext:
    """What an action needs to call a model and to use tools, with every step recorded."""

    settings: Settings
    database: Database
    conversation: Conversation
    agent_id: str
    agent: AgentEntry
    strategy: str
    # The title of the task, and what the project is for; empty if the plan was signed without it.
    title: str = ""
    brief: str = ""
