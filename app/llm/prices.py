"""The cost of calls, from the prices in `signoff.toml` or else from the table in genai-prices. Nothing is looked up online."""

from __future__ import annotations

from genai_prices import calc_price
from pydantic_ai.usage import RequestUsage

from app.llm.access import ModelAccess

_MILLION = 1_000_000
# Providers whose name in the price table differs from their name in pydantic-ai.
_PROVIDERS = {"openai-chat": "openai", "openai-responses": "openai"}


def cost_of(access: ModelAccess, usage: RequestUsage) -> float | None:
    """The cost of a call in US dollars. None if the price is unknown."""
    if access.price is not None:
        spent = usage.input_tokens * access.price.input + usage.output_tokens * access.price.output
        return spent / _MILLION
    if access.base_url:
        # A custom endpoint has its own prices.
        return None
    provider, _, name = access.name.partition(":")
    try:
        return float(calc_price(usage, name, provider_id=_PROVIDERS.get(provider, provider)).total_price)
    except (LookupError, ValueError):
        return None


def most_cost(access: ModelAccess, input_tokens: int, output_tokens: int) -> float | None:
    """The maximum cost of a call, without any discount for cached tokens."""
    return cost_of(access, RequestUsage(input_tokens=input_tokens, output_tokens=output_tokens))
