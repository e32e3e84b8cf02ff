"""Ids and times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.identity import isoformat, milliseconds_between, new_id, now, parse_time

MOMENTS = st.datetimes(timezones=st.just(UTC))


@pytest.mark.parametrize("prefix", ["proj", "phase", "task", "dec", "key", "run", "req"])
def test_id_is_prefix_and_lower_case_ulid(prefix: str) -> None:
    made = new_id(prefix)  # type: ignore[arg-type]
    assert re.fullmatch(rf"{prefix}_[0-9a-hjkmnp-tv-z]{{26}}", made)
    assert len(made) <= 64


def test_ids_are_unique_and_sort_by_the_millisecond_they_were_made_in() -> None:
    made = [(now(), new_id("task"), now()) for _ in range(2_000)]
    assert len({name for _, name, _ in made}) == len(made)
    for (_, first, ended), (begun, second, _) in pairwise(made):
        if ended < begun:
            assert first < second


def test_now_is_utc_with_milliseconds() -> None:
    before = datetime.now(UTC)
    text = now()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert before - timedelta(milliseconds=1) <= parse_time(text) <= datetime.now(UTC)


@given(MOMENTS)
def test_text_and_time_are_inverses_to_the_millisecond(moment: datetime) -> None:
    read = parse_time(isoformat(moment))
    assert read == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert isoformat(read) == isoformat(moment)


@given(MOMENTS, MOMENTS)
def test_texts_sort_as_the_times_do(one: datetime, other: datetime) -> None:
    if isoformat(one) < isoformat(other):
        assert one < other


def test_other_zones_become_utc() -> None:
    there = datetime(2024, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert isoformat(there) == "2024-02-29T20:00:00.000Z"


def test_duration_is_in_whole_milliseconds_and_none_without_both_ends() -> None:
    assert milliseconds_between("2024-02-28T23:59:59.999Z", "2024-02-29T00:00:01.500Z") == 1501
    assert milliseconds_between("2024-02-29T00:00:00.000Z", "2024-02-29T00:00:00.000Z") == 0
    assert milliseconds_between(None, "2024-02-29T00:00:00.000Z") is None
    assert milliseconds_between("2024-02-29T00:00:00.000Z", None) is None
