"""The budget: whatever is granted and settled in whatever order, it is not passed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.budget import MIN_OUTPUT, Budget, BudgetExceeded, Spent, grant

# US dollars for a million tokens.
PRICES = (3.0, 15.0)


def cost_of(read: int, written: int) -> float:
    return (read * PRICES[0] + written * PRICES[1]) / 1_000_000


def unknown(_read: int, _written: int) -> None:
    return None


class Project:
    """A project that makes calls, several at once, of a provider that uses at most what it was granted."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.open: list[tuple[int, int]] = []
        self.tokens = 0
        self.cost = 0.0

    def spent(self) -> Spent:
        tokens = sum(read + written for read, written in self.open)
        return Spent(self.tokens, self.cost, tokens, sum(cost_of(read, written) for read, written in self.open))

    def settle(self, index: int, read_part: float, written_part: float) -> None:
        read, written = self.open.pop(index % len(self.open))
        used = int(read * read_part), int(written * written_part)
        self.tokens += sum(used)
        self.cost += cost_of(*used)


parts = st.floats(0, 1)
calls = st.tuples(st.just("call"), st.integers(1, 5000), st.integers(1, 9000))
settlements = st.tuples(st.just("settle"), st.integers(0, 50), parts, parts)


@given(
    st.builds(Budget, st.none() | st.integers(1, 60_000), st.none() | st.floats(0, 0.5)),
    st.lists(calls | settlements, max_size=60),
)
def test_no_order_of_calls_and_answers_passes_the_budget(budget: Budget, steps: list[tuple]) -> None:
    project = Project(budget)
    for kind, *numbers in steps:
        if kind == "settle":
            if project.open:
                project.settle(*numbers)
            continue
        read, wanted = numbers
        try:
            most = grant(budget, project.spent(), read, wanted, cost_of)
        except BudgetExceeded:
            # Not because of calls under way, which may turn out to use less.
            room = min(MIN_OUTPUT, wanted)
            tokens = budget.max_tokens is not None and project.tokens + read + room > budget.max_tokens
            cost = budget.max_cost_usd is not None and project.cost + cost_of(read, room) > budget.max_cost_usd - 1e-12
            assert tokens or cost
            continue
        if most is None:
            assert project.open, "it waits for calls that there are not"
            continue
        assert min(MIN_OUTPUT, wanted) <= most <= wanted
        project.open.append((read, most))
    # The worst that can happen: every call that is under way uses all that it may.
    while project.open:
        project.settle(0, 1, 1)
    assert budget.max_tokens is None or project.tokens <= budget.max_tokens
    assert budget.max_cost_usd is None or project.cost <= budget.max_cost_usd + 1e-9


def test_without_limits_everything_is_granted() -> None:
    assert grant(Budget(None, None), Spent(10**9, 10.0**6), 10**6, 8192, unknown) == 8192


def test_an_answer_gets_what_is_left() -> None:
    assert grant(Budget(1000, None), Spent(500), 100, 8192, unknown) == 400


def test_what_is_reserved_is_waited_for_and_what_is_spent_is_not() -> None:
    budget = Budget(1000, None)
    assert grant(budget, Spent(100, reserved_tokens=800), 90, 8192, unknown) is None
    with pytest.raises(BudgetExceeded) as refused:
        grant(budget, Spent(900), 90, 8192, unknown)
    assert refused.value.info.context == {
        "max_tokens": 1000,
        "max_cost_usd": None,
        "tokens_used": 900,
        "cost_usd": 0.0,
        "next_call_tokens": 90,
    }
    assert "900 of 1,000 tokens" in refused.value.info.message


def test_the_least_answer_is_enough_and_less_is_not() -> None:
    assert grant(Budget(132, None), Spent(), 100, 8192, unknown) == MIN_OUTPUT
    with pytest.raises(BudgetExceeded):
        grant(Budget(131, None), Spent(), 100, 8192, unknown)
    # One that was to be short anyhow may be shorter still.
    assert grant(Budget(105, None), Spent(), 100, 5, unknown) == 5


@pytest.mark.parametrize("wanted", [33, 63, 64, 100, 8192])
def test_dollars_that_are_enough_for_the_least_answer_are_enough(wanted: int) -> None:
    budget = Budget(None, cost_of(1000, MIN_OUTPUT))
    assert grant(budget, Spent(), 1000, wanted, cost_of) == MIN_OUTPUT
    assert grant(budget, Spent(reserved_cost=0.001), 1000, wanted, cost_of) is None
    with pytest.raises(BudgetExceeded, match=r"of \$"):
        grant(budget, Spent(cost_usd=0.001), 1000, wanted, cost_of)


def test_dollars_need_a_price_and_tokens_do_not() -> None:
    with pytest.raises(BudgetExceeded) as refused:
        grant(Budget(None, 5.0), Spent(), 100, 8192, unknown)
    assert refused.value.info.code == "price_unknown"
    assert grant(Budget(10_000, None), Spent(), 100, 8192, unknown) == 8192


def test_what_costs_nothing_fits_into_no_dollars() -> None:
    assert grant(Budget(None, 0.0), Spent(), 100, 8192, lambda _read, _written: 0.0) == 8192
