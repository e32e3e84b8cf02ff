"""Which model is meant, and how it is reached; nothing here needs the libraries that ask it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from app.domain.agents import AgentEntry, Price
from app.domain.errors import Conflict
from app.domain.plan import Strategy
from app.hidden_environment import variables
from app.settings import Settings


@dataclass(frozen=True)
class ModelAccess:
    """One model: `name` is `provider:name`; an empty key leaves it to the variable that the provider's own library reads."""

    name: str
    base_url: str
    api_key: str
    timeout: float
    max_output: int
    price: Price | None


def model_for(settings: Settings, strategy: str, agent: AgentEntry | None = None) -> ModelAccess | None:
    """The model of an agent, else the one for a project's strategy; None where none is set up.

    Raises:
        Conflict: `model_unavailable`: the agent's own key is not there.
    """
    small = strategy == Strategy.ECONOMY and settings.small_model
    own = agent.model if agent is not None and agent.model else None
    name = own or (settings.small_model if small else settings.model)
    if not name:
        return None
    # The general address and key are for models of the general one's provider.
    alike = name.partition(":")[0] == settings.model.partition(":")[0]
    base_url = settings.model_base_url if alike else ""
    key = settings.model_api_key.get_secret_value() if alike else ""
    if agent is not None and agent.base_url:
        base_url, key = agent.base_url, ""
    if agent is not None and agent.api_key_env:
        key = variables().get(agent.api_key_env, "")
        if not key:
            message = f"The key for {name} is not there: set {agent.api_key_env} in the worker's environment."
            raise Conflict(message, code="model_unavailable")
    return ModelAccess(
        name, base_url, key, settings.model_timeout, settings.model_max_output, settings.prices.get(name)
    )


async def load(module: str) -> None:
    """Import what stands on the libraries that ask models, beside the event loop: it takes a second, or several.

    Raises:
        Conflict: `planner_unavailable`, saying how to install them.
    """
    check_installed()
    await asyncio.to_thread(import_module, module)


def check_installed() -> None:
    """Make sure that the libraries are there.

    Raises:
        Conflict: `planner_unavailable`, saying how to install them.
    """
    if find_spec("pydantic_ai") is None:
        message = "A model is set, but what asks it is not installed: pip install 'signoff[models]'."
        raise Conflict(message, code="planner_unavailable")
