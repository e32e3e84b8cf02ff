"""What a project may spend on models. A call is allowed only where the most that it can use still fits in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.domain.errors import Conflict

# An answer that may not even have so many tokens is not worth asking for.
MIN_OUTPUT = 32
# Gives US dollars for input and output tokens; None where nobody knows.
CostOf = Callable[[int, int], float | None]


class BudgetExceeded(Conflict):
    """A call to a model would pass what its project may spend."""

    default_code = "budget_exceeded"


@dataclass(frozen=True)
class Budget:
    """The limits of one project; None: no limit."""

    max_tokens: int | None
    max_cost_usd: float | None


@dataclass(frozen=True)
class Spent:
    """What a project has spent, and what is set aside for calls that are being made."""

    tokens: int = 0
    cost_usd: float = 0.0
    reserved_tokens: int = 0
    reserved_cost: float = 0.0


def grant(budget: Budget, spent: Spent, input_tokens: int, output_tokens: int, cost_of: CostOf) -> int | None:
    """How many tokens an answer may have; None where calls under way have to be settled first.

    Args:
        budget: what the project may spend.
        spent: what it has.
        input_tokens: the most that the request can have.
        output_tokens: the most that the answer should have.
        cost_of: what the model costs.

    Raises:
        BudgetExceeded: not even a short answer fits in.
    """
    free = _fitting(budget, spent, input_tokens, output_tokens, cost_of, reserved=True)
    if free >= min(MIN_OUTPUT, output_tokens):
        return free
    if _fitting(budget, spent, input_tokens, output_tokens, cost_of, reserved=False) >= min(MIN_OUTPUT, output_tokens):
        return None
    raise BudgetExceeded(
        _said(budget, spent, input_tokens),
        context={
            "max_tokens": budget.max_tokens, "max_cost_usd": budget.max_cost_usd,
            "tokens_used": spent.tokens, "cost_usd": round(spent.cost_usd, 6), "next_call_tokens": input_tokens,
        },
    )  # fmt: skip


def _fitting(
    budget: Budget, spent: Spent, input_tokens: int, output_tokens: int, cost_of: CostOf, *, reserved: bool
) -> int:
    """The most tokens up to `output_tokens` that an answer may have; 0 or less where none."""
    most = output_tokens
    if budget.max_tokens is not None:
        used = spent.tokens + (spent.reserved_tokens if reserved else 0)
        most = min(most, budget.max_tokens - used - input_tokens)
    if budget.max_cost_usd is None:
        return most
    least = min(MIN_OUTPUT, output_tokens)
    left = budget.max_cost_usd - spent.cost_usd - (spent.reserved_cost if reserved else 0.0)
    while most > 0:
        cost = cost_of(input_tokens, most)
        if cost is None:
            message = (
                "The project has a limit in dollars, and the price of its model is not known: "
                'set it in signoff.toml under [prices."provider:name"], or limit max_tokens instead.'
            )
            raise BudgetExceeded(message, code="price_unknown")
        if cost <= left:
            return most
        most = least if least < most < 2 * least else most // 2
    return most


def _said(budget: Budget, spent: Spent, input_tokens: int) -> str:
    used: list[str] = []
    if budget.max_tokens is not None:
        used.append(f"{spent.tokens:,} of {budget.max_tokens:,} tokens")
    if budget.max_cost_usd is not None:
        used.append(f"{spent.cost_usd:.4f} of {budget.max_cost_usd:.4f} dollars")
    return (
        f"The project's budget does not allow the next call to its model: {' and '.join(used)} are used, "
        f"and the call may take {input_tokens:,} tokens and its answer. Raise max_tokens or max_cost_usd, then retry."
    )
