"""What a project may spend on models. A call is allowed only if its maximum cost still fits the budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.domain.errors import Conflict

# A call is not worth making if its answer must be shorter than this many tokens.
MIN_OUTPUT = 32
# Returns the cost in US dollars for input and output tokens, or None if the price is unknown.
CostOf = Callable[[int, int], float | None]


class BudgetExceeded(Conflict):
    """A call to a model would exceed the budget of its project."""

    default_code = "budget_exceeded"


@dataclass(frozen=True)
class Budget:
    """The limits of one project. None means no limit."""

    max_tokens: int | None
    max_cost_usd: float | None


@dataclass(frozen=True)
class Spent:
    """What a project has spent, and what is reserved for calls in progress."""

    tokens: int = 0
    cost_usd: float = 0.0
    reserved_tokens: int = 0
    reserved_cost: float = 0.0


def grant(budget: Budget, spent: Spent, input_tokens: int, output_tokens: int, cost_of: CostOf) -> int | None:
    """Maximum number of tokens for an answer. None if calls in progress must finish first.

    Args:
        budget: what the project may spend.
        spent: what it has spent.
        input_tokens: the maximum size of the request.
        output_tokens: the maximum size that the answer should have.
        cost_of: the price of the model.

    Raises:
        BudgetExceeded: not even a short answer fits the budget.
    """
    free = _fitting(budget, spent, input_tokens, output_tokens, cost_of, reserved=True)
    if free >= min(MIN_OUTPUT, output_tokens):
        return free
    if _fitting(budget, spent, input_tokens, output_tokens, cost_of, reserved=False) >= min(MIN_OUTPUT, output_tokens):
        return None
    raise BudgetExceeded(
        _message(budget, spent, input_tokens),
        context={
            "max_tokens": budget.max_tokens,
            "max_cost_usd": budget.max_cost_usd,
            "tokens_used": spent.tokens,
            "cost_usd": round(spent.cost_usd, 6),
            "next_call_tokens": input_tokens,
        },
    )


def _fitting(
    budget: Budget, spent: Spent, input_tokens: int, output_tokens: int, cost_of: CostOf, *, reserved: bool
) -> int:
    """Maximum number of tokens, up to `output_tokens`, that an answer may have. 0 or less if nothing fits."""
    tokens = output_tokens
    if budget.max_tokens is not None:
        used = spent.tokens + (spent.reserved_tokens if reserved else 0)
        tokens = min(tokens, budget.max_tokens - used - input_tokens)
    if budget.max_cost_usd is None:
        return tokens
    minimum = min(MIN_OUTPUT, output_tokens)
    left = budget.max_cost_usd - spent.cost_usd - (spent.reserved_cost if reserved else 0.0)
    while tokens > 0:
        cost = cost_of(input_tokens, tokens)
        if cost is None:
            message = (
                "The project has a cost limit, but the price of its model is unknown. "
                'Set the price in signoff.toml under [prices."provider:name"], or use max_tokens as the limit.'
            )
            raise BudgetExceeded(message, code="price_unknown")
        if cost <= left:
            return tokens
        tokens = minimum if minimum < tokens < 2 * minimum else tokens // 2
    return tokens


def _message(budget: Budget, spent: Spent, input_tokens: int) -> str:
    used: list[str] = []
    if budget.max_tokens is not None:
        used.append(f"{spent.tokens:,} of {budget.max_tokens:,} tokens")
    if budget.max_cost_usd is not None:
        used.append(f"${spent.cost_usd:.4f} of ${budget.max_cost_usd:.4f}")
    return (
        f"The next call to the model would exceed the project's budget. Used so far: {' and '.join(used)}. "
        f"The call needs up to {input_tokens:,} tokens plus its answer. Raise max_tokens or max_cost_usd, then retry."
    )
