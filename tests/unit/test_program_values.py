"""Values from programs in the form that Signoff stores."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.domain.program_values import UnstorableValue, is_exactly_storable, storable


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ({"a": [1, 2.5, None, True, "é"]}, {"a": [1, 2.5, None, True, "é"]}),
        ({"a": (1, ("b",))}, {"a": [1, ["b"]]}),
        ({"a\0": "b\0\ud800"}, {"a\ufffd": "b\ufffd\ufffd"}),
    ],
)
def test_values_become_storable(value: Any, stored: Any) -> None:
    assert storable(value) == stored


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {"a": {1, 2}}, {"a": b"x"}, {"a": Decimal(1)}, {(1, 2): 3}, deep(101), deep(100_000)],
    ids=["nan", "infinite", "set", "bytes", "decimal", "name", "deep", "very-deep"],
)
def test_values_that_are_not_json_are_refused(value: Any) -> None:
    with pytest.raises(UnstorableValue):
        storable(value)
    assert not is_exactly_storable(value)


@pytest.mark.parametrize(("value", "exact"), [("a", True), ({"a": [1]}, True), (deep(100), True), ("\0", False)])
def test_an_exact_value_has_no_replaced_character(value: Any, exact: bool) -> None:
    assert is_exactly_storable(value) == exact
