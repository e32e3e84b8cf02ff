"""Opens models by name."""

from __future__ import annotations

import re
from typing import Any

from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, infer_model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from app.domain.errors import Conflict
from app.hidden_environment import lent
from app.llm.access import ModelAccess

# Self-hosted servers need no key, but the libraries require one.
NO_KEY = "none"


def open_model(access: ModelAccess) -> Model[Any]:
    """Open a model.

    A custom URL is treated as an OpenAI-compatible server, except for the provider `anthropic`.

    Raises:
        Conflict: `model_unavailable`: the provider does not exist, or its key is missing; the message names the variable.
    """
    provider, _, name = access.name.partition(":")
    try:
        # Each library reads its own environment variable.
        with lent():
            return _opened(access, provider, name)
    except (UserError, ImportError, ValueError) as error:
        raise Conflict(_complaint(access.name, str(error)), code="model_unavailable") from error


def _opened(access: ModelAccess, provider: str, name: str) -> Model[Any]:
    if provider == "anthropic" and (access.base_url or access.api_key):
        return AnthropicModel(
            name,
            provider=AnthropicProvider(
                base_url=access.base_url or None, api_key=access.api_key or (NO_KEY if access.base_url else None)
            ),
        )
    if access.base_url:
        return OpenAIChatModel(
            name,
            provider=OpenAIProvider(base_url=access.base_url, api_key=access.api_key or NO_KEY),
            # A stream that ends without a finish reason was interrupted.
            profile=OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True),
        )
    if access.api_key:
        return infer_model(access.name, lambda kind: _with_key(kind, access.api_key))
    return infer_model(access.name)


def _complaint(name: str, reason: str) -> str:
    """Explain why a model cannot be opened, in our own words for the common cause."""
    variable = re.search(r"`([A-Z][A-Z0-9_]{3,})`", reason)
    if variable is not None:
        return f"The API key for the model {name} is missing. Set {variable[1]} or SIGNOFF_MODEL_API_KEY."
    return f"The model {name} cannot be used: {reason.splitlines()[0].split('. ')[0].rstrip('.')}."


def _with_key(kind: str, api_key: str) -> Any:
    from pydantic_ai.providers import infer_provider_class  # noqa: PLC0415 - needed only here

    provider: Any = infer_provider_class(kind)
    return provider(api_key=api_key)
