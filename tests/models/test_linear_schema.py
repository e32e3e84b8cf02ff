"""Answers are checked by their schema in time that grows with the size of both; what could take longer is refused in the plan."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import pytest
from pydantic import ValidationError

from activities.actions.agent import AgentFields
from activities.actions.linear_schema import (
    CHECK_SECONDS,
    CheckTooSlow,
    faults_of_value,
    unknown_pattern,
    validator_of,
)
from tests.conftest import Stack

# Under Python's own engine each takes longer than anybody waits.
EVIL = ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", r"^(\w+\s?)*$", "(.*a){20}$", "^(([a-z])+.)+[A-Z]([a-z])+$"]
ANSWER = "a" * 5_000 + "!"


def schema(**answer: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"answer": answer}}


async def checked(*pairs: tuple[dict[str, Any], Any]) -> list[bool]:
    """Whether each value fits its schema. In a separate process, for an engine that hangs cannot be stopped in this one."""
    code = (
        "import json, sys; from activities.actions.linear_schema import validator_of; "
        "print(json.dumps([validator_of(part).is_valid(value) for part, value in json.load(sys.stdin)]))"
    )
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdin=pipe, stdout=pipe)
    try:
        async with asyncio.timeout(60):
            out, _ = await process.communicate(json.dumps(pairs).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return json.loads(out)


async def test_no_pattern_takes_for_ever() -> None:
    assert await checked(*(({"type": "string", "pattern": pattern}, ANSWER) for pattern in EVIL)) == [False] * len(EVIL)


async def test_names_are_matched_by_the_same_engine() -> None:
    part = {"type": "object", "patternProperties": {EVIL[0]: {"type": "string"}}, "additionalProperties": False}
    assert await checked((part, {ANSWER: "x"}), (part, {"aaa": "x"})) == [False, True]


async def test_a_part_that_names_the_standard_is_checked_by_the_same_engine() -> None:
    standard = "https://json-schema.org/draft/2020-12/schema"
    part = {"$schema": standard, "items": {"$schema": standard, "pattern": EVIL[0]}}
    assert await checked((part, [ANSWER])) == [False]


async def test_many_items_are_compared_once_each() -> None:
    items = [{"n": number} for number in range(100_000)]
    part = {"type": "array", "uniqueItems": True}
    assert await checked((part, items), (part, [*items, {"n": 5.0}])) == [True, False]


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        (r"(?=a)b", "(?="),
        (r"(a)\1", "\\1"),
        ("(?<!a)b", "(?<"),
        ("a{2000}", "2000"),
        ("(", "missing"),
        ("[z-a]", "z-a"),
    ],
)
def test_a_pattern_that_is_not_known_is_refused_in_the_plan(pattern: str, word: str) -> None:
    assert word in (unknown_pattern(pattern) or "")
    for part in ({"pattern": pattern}, {"type": "object", "patternProperties": {pattern: {}}}):
        with pytest.raises(ValidationError, match="cannot be used"):
            AgentFields.model_validate({"prompt": "x", "output_schema": schema(**part)})


async def test_the_refusal_names_the_task_and_the_field(signoff: Stack) -> None:
    task = '{"type": "agent", "prompt": "x", "output_schema": {"type": "object", "properties": {"a": {"pattern": "(a)\\\\1"}}}}'
    project_id = await signoff.create(f"- Answer {{#answer}}\n\n  ```action\n  {task}\n  ```\n")
    answer = await signoff.http.post(f"/api/projects/{project_id}/generate-plan", headers={"Prefer": "wait=60"})
    assert answer.status_code == 422, answer.text
    assert any("output_schema" in item["field"] + item["message"] for item in answer.json()["details"]), answer.text
    assert "RE2" in answer.text


@pytest.mark.parametrize(
    "part",
    [
        {"unevaluatedProperties": False},
        {"required": [{"a": number} for number in range(5_000)]},
        {"enum": ["x" * 1000] * 200},
        {"type": "nothing"},
        {"pattern": 5},
    ],
    ids=lambda part: next(iter(part)),
)
def test_schemas_that_are_refused(part: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AgentFields.model_validate({"prompt": "x", "output_schema": schema(**part)})


@pytest.mark.parametrize(
    ("part", "good", "bad"),
    [
        ({"pattern": "^[a-zé]+$"}, "éa", "É"),
        ({"pattern": r"^\d{4}-\d{2}$"}, "2026-11", "2026-11-1"),
        ({"additionalProperties": {"type": "integer"}}, {"a": 1}, {"a": "x"}),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}, {"b": 1}),
        ({"patternProperties": {"^n_": {"type": "integer"}}}, {"n_a": 1, "x": "y"}, {"n_a": "x"}),
        ({"uniqueItems": True}, [1, True, "1"], [1, 1.0]),
        ({"uniqueItems": True}, [{"a": 1}, {"a": 2}], [{"a": 1, "b": 2}, {"b": 2, "a": 1}]),
    ],
)
def test_schemas_mean_what_the_standard_says(part: dict[str, Any], good: Any, bad: Any) -> None:
    AgentFields.model_validate({"prompt": "x", "output_schema": schema(**part)})
    assert validator_of(part).is_valid(good)
    assert not validator_of(part).is_valid(bad)


def nested(keyword: str, depth: int) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        part = {keyword: [part]}
    return part


@pytest.mark.parametrize("depth", [60, 150, 400, 5000])
@pytest.mark.parametrize("keyword", ["anyOf", "allOf"])
def test_a_schema_that_is_nested_too_deep_is_refused(keyword: str, depth: int) -> None:
    with pytest.raises(ValidationError, match="nested more than 100 levels deep"):
        AgentFields.model_validate({"prompt": "x", "output_schema": schema(**nested(keyword, depth))})


def test_a_check_that_would_take_minutes_is_given_up() -> None:
    part = {"items": {"anyOf": [{"type": "integer"}] * 1000}}
    AgentFields.model_validate({"prompt": "x", "output_schema": schema(**part)})
    begin = time.thread_time()
    with pytest.raises(CheckTooSlow):
        faults_of_value(part, ["x" * 100] * 5000, 6000)
    assert time.thread_time() - begin < 10 * CHECK_SECONDS
    assert len(faults_of_value(part, ["x"] * 5000, 3)) == 3
