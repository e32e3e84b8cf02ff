"""Values of JSON columns are read as Python's own reader reads them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.database.json_values import read_value

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def same(left: Any, right: Any) -> bool:
    return repr(left) == repr(right)


@given(VALUES)
def test_what_was_stored_comes_back(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert same(read_value(text), json.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        '"\\ud800"',
        "1e400",
        "-0",
        "-0.0",
        "1" * 400,
        '{"a": 1, "a": 2}',
        "[Infinity, -Infinity]",
        " [1 ] ",
        "[" * 500 + "]" * 500,
    ],
)
def test_odd_values_are_read_alike(text: str) -> None:
    assert same(read_value(text), json.loads(text))


def test_not_a_number_is_one() -> None:
    assert math.isnan(read_value("NaN"))


@pytest.mark.parametrize("text", ["", "{", "nul", "'a'", "[1,]", '"\n"', "01"])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        json.loads(text)
    with pytest.raises(ValueError, match=r".+"):
        read_value(text)
