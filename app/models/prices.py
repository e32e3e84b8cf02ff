"""What calls cost: by the prices in `signoff.toml`, else by the table that comes with genai-prices; never looked up online."""

from __future__ import annotations

from genai_prices import calc_price
from pydantic_ai.usage import RequestUsage

from app.models.access import ModelAccess

_MILLION = 1_000_000
# What pydantic-ai calls a provider, where the price table has another name for it.
_PROVIDERS = {"openai-chat": "openai", "openai-responses": "openai"}


def cost_of(access: ModelAccess, usage: RequestUsage) -> float | None:
    """US dollars; None where nobody knows the price."""
    if access.price is not None:
        spent = usage.input_tokens * access.price.input + usage.output_tokens * access.price.output
        return spent / _MILLION
    if access.base_url:
        # Whoever serves a model under an address of their own has prices of their own.
        return None
    provider, _, name = access.name.partition(":")
    try:
        return float(calc_price(usage, name, provider_id=_PROVIDERS.get(provider, provider)).total_price)
    except (LookupError, ValueError):
        return None


def most_cost(access: ModelAccess, input_tokens: int, output_tokens: int) -> float | None:
    """The most that a call can cost, before any discount for what a provider has cached."""
    return cost_of(access, RequestUsage(input_tokens=input_tokens, output_tokens=output_tokens))
