"""Chooses a model and describes how to reach it. This module does not need the libraries that call models."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from app.domain.agents import AgentEntry, Price
from app.domain.errors import Conflict
from app.hidden_environment import variables
from app.settings import Settings
from signoff.vocabulary import Strategy


@dataclass(frozen=True)
class ModelAccess:
    """One model, named `provider:name`. If the key is empty, the provider's library reads its own variable."""

    name: str
    base_url: str
    api_key: str
    timeout: float
    max_output: int
    price: Price | None


def model_for(settings: Settings, strategy: str, agent: AgentEntry | None = None) -> ModelAccess | None:
    """The model of an agent, or else the model for a project's strategy. None if no model is configured.

    Raises:
        Conflict: `model_unavailable`: the agent's own API key is missing.
    """
    small = strategy == Strategy.ECONOMY and settings.small_model
    own = agent.model if agent is not None and agent.model else None
    name = own or (settings.small_model if small else settings.model)
    if not name:
        return None
    # The default URL and key apply only to models of the same provider as the default model.
    same_provider = name.partition(":")[0] == settings.model.partition(":")[0]
    base_url = settings.model_base_url if same_provider else ""
    key = settings.model_api_key.get_secret_value() if same_provider else ""
    if agent is not None and agent.base_url:
        base_url, key = agent.base_url, ""
    if agent is not None and agent.api_key_env:
        key = variables().get(agent.api_key_env, "")
        if not key:
            message = f"The API key for {name} is missing. Set {agent.api_key_env} in the worker's environment."
            raise Conflict(message, code="model_unavailable")
    return ModelAccess(
        name, base_url, key, settings.model_timeout, settings.model_max_output, settings.prices.get(name)
    )


async def load(module: str) -> None:
    """Import a module that needs the model libraries, in a thread, because that can take several seconds.

    Raises:
        Conflict: `planner_unavailable`: the libraries are missing; the message says how to install them.
    """
    check_installed()
    await asyncio.to_thread(import_module, module)


def check_installed() -> None:
    """Check that the model libraries are installed.

    Raises:
        Conflict: `planner_unavailable`: they are missing; the message says how to install them.
    """
    if find_spec("pydantic_ai") is None:
        message = (
            "A model is configured, but its libraries are not installed. Run: pip install 'signoff-server[models]'."
        )
        raise Conflict(message, code="planner_unavailable")
