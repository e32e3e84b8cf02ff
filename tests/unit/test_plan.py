"""Drafts, their digest, and the keys made from titles."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.plan import (
    KEY_PATTERN,
    LIMITS,
    MAX_NESTING,
    PlanDraft,
    RunSettings,
    TaskDraft,
    canonical_json,
    digest_of,
    slug,
)
from signoff.vocabulary import Strategy

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)
SETTINGS: dict[str, Any] = {
    "strategy": "balanced",
    "decision_mode": "human",
    "auto_approve_phases": False,
    "path": "/srv/x",
    "agent_id": "a1",
    "project_name": "Release",
    "project_description": "Every week",
    "parameters": {"version": "2.4", "copies": 3},
}


def draft() -> dict[str, Any]:
    first = {
        "key": "gather",
        "title": "Gather",
        "description": "From all hosts",
        "agent_id": "a1",
        "action": {"type": "shell", "command": "date", "env": {"A": "1", "B": "2"}},
        "depends_on": [],
        "inputs": {"x": 1, "y": {"b": [1, 2], "a": None}},
        "expected_files": ["out.txt"],
        "retries": 2,
        "timeout_seconds": 60,
        "on_crash": "ask",
        "after_failure": "ask",
        "condition": {"task": "other", "is": ["completed"]},
        "requires_approval": True,
        "reads": ["/data/exports"],
        "writes": ["/data/out"],
        "limits": {"memory": 1024},
    }
    second = {"key": "send", "title": "Send", "action": {"type": "manual"}, "depends_on": ["gather"]}
    phase = {
        "key": "work",
        "name": "Work",
        "description": "All of it",
        "strategy": "dag",
        "requires_approval": True,
        "tasks": [first, second],
    }
    return {"summary": "Two steps", "warnings": ["w"], "phases": [phase, {"key": "later", "name": "Later"}]}


def digest(plan: dict[str, Any], settings: dict[str, Any] = SETTINGS) -> str:
    return digest_of(PlanDraft.model_validate(plan), RunSettings.model_validate(settings))


def task(plan: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return plan["phases"][0]["tasks"][index]


def shuffled(value: Any, source: random.Random) -> Any:
    """The same JSON value, with the keys of every object in another order."""
    if isinstance(value, dict):
        items = [(key, shuffled(item, source)) for key, item in value.items()]
        source.shuffle(items)
        return dict(items)
    return [shuffled(item, source) for item in value] if isinstance(value, list) else value


@given(st.randoms(use_true_random=False))
def test_digest_does_not_depend_on_the_order_of_keys(source: random.Random) -> None:
    assert digest(shuffled(draft(), source), shuffled(SETTINGS, source)) == digest(draft())


def test_digest_is_sha256_of_canonical_json_of_what_the_contract_lists() -> None:
    phases = PlanDraft.model_validate(draft()).model_dump(mode="json")["phases"]
    text = json.dumps({"phases": phases, **SETTINGS}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert digest(draft()) == hashlib.sha256(text.encode("utf-8")).hexdigest()


def test_digest_leaves_out_what_the_planner_says_about_the_plan() -> None:
    assert digest(draft() | {"summary": "Other words", "warnings": []}) == digest(draft())


def test_digest_is_the_same_with_defaults_written_out_or_not() -> None:
    plan = draft()
    task(plan, 1).update(description="", agent_id=None, inputs={}, expected_files=[], retries=None, on_crash="rerun")
    plan["phases"][1].update(strategy="dag", description="", tasks=[], requires_approval=None)
    assert digest(plan) == digest(draft())


CHANGES: list[Callable[[dict[str, Any]], Any]] = [
    lambda plan: plan["phases"][0].update(key="other"),
    lambda plan: plan["phases"][0].update(name="Other"),
    lambda plan: plan["phases"][0].update(description="Other"),
    lambda plan: plan["phases"][0].update(strategy="sequential"),
    lambda plan: plan["phases"][0].update(requires_approval=False),
    lambda plan: plan["phases"][0].update(requires_approval=None),
    lambda plan: plan["phases"][0]["tasks"].reverse(),
    lambda plan: plan["phases"].reverse(),
    lambda plan: plan["phases"].pop(),
    lambda plan: plan["phases"][0]["tasks"].pop(),
    lambda plan: plan["phases"][1].update(tasks=[plan["phases"][0]["tasks"].pop()]),
    lambda plan: task(plan).update(key="gather2"),
    lambda plan: task(plan).update(title="Other"),
    lambda plan: task(plan).update(description="Other"),
    lambda plan: task(plan).update(agent_id=None),
    lambda plan: task(plan).update(action={"type": "manual"}),
    lambda plan: task(plan)["action"].update(command="date -u"),
    lambda plan: task(plan)["action"]["env"].update(A="2"),
    lambda plan: task(plan)["action"].update(cwd="sub"),
    lambda plan: task(plan, 1).update(depends_on=[]),
    lambda plan: task(plan)["inputs"].update(x=2),
    lambda plan: task(plan)["inputs"].update(x="1"),
    lambda plan: task(plan)["inputs"]["y"].update(b=[2, 1]),
    lambda plan: task(plan)["inputs"].update(z=None),
    lambda plan: task(plan).update(expected_files=[]),
    lambda plan: task(plan).update(retries=3),
    lambda plan: task(plan).update(retries=None),
    lambda plan: task(plan).update(timeout_seconds=61),
    lambda plan: task(plan).update(timeout_seconds=None),
    lambda plan: task(plan).update(on_crash="fail"),
    lambda plan: task(plan).update(after_failure="fail"),
    lambda plan: task(plan).update(reads=["/data/in"]),
    lambda plan: task(plan).update(writes=[]),
    lambda plan: task(plan).update(limits={"memory": 0}),
    lambda plan: task(plan).update(after_failure=None),
    lambda plan: task(plan).update(condition=None),
    lambda plan: task(plan)["condition"].update({"is": ["failed"]}),
    lambda plan: task(plan)["condition"].update(task="write"),
    lambda plan: task(plan).update(requires_approval=False),
    lambda plan: plan["phases"][0].update(condition={"task": "gather", "is": ["completed"]}),
    lambda plan: plan["phases"][0].update(runs_on="failure"),
    lambda plan: plan["phases"][0].update(runs_on="always"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_digest_changes_with_everything_a_run_goes_by(change: Callable[[dict[str, Any]], Any]) -> None:
    plan = draft()
    change(plan)
    assert digest(plan) != digest(draft())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strategy", "careful"),
        ("decision_mode", "agent"),
        ("auto_approve_phases", True),
        ("path", None),
        ("path", "/srv/y"),
        ("agent_id", None),
        ("parameters", {"version": "2.4", "copies": 3.5}),
        ("parameters", None),
    ],
)
def test_digest_changes_with_each_run_setting(name: str, value: Any) -> None:
    assert digest(draft(), SETTINGS | {name: value}) != digest(draft())


def test_digest_test_covers_every_field_of_the_models() -> None:
    """A field added to a task must be added to the draft above, and to the changes."""
    assert set(task(draft())) == set(TaskDraft.model_fields)
    assert set(SETTINGS) == set(RunSettings.model_fields)


def test_digests_of_plans_from_before_a_field_was_added_stay_the_same() -> None:
    plan = {"phases": [{"key": "p", "name": "P", "tasks": [{"key": "a", "title": "A", "action": {"type": "manual"}}]}]}
    assert digest(plan, {}) == "5d70720f7cb0ab788bbc9379ceca5e5284dd88dbef7a66a00796ba477d7e3b76"


@given(JSON, JSON)
def test_digest_survives_storage_as_json(inputs: Any, field: Any) -> None:
    plan = draft()
    task(plan)["inputs"] = {"value": inputs}
    task(plan)["action"]["more"] = field
    stored = json.loads(json.dumps(PlanDraft.model_validate(plan).model_dump(mode="json")))
    assert digest(stored) == digest(plan)


@given(JSON, st.randoms(use_true_random=False))
def test_canonical_json_is_equal_for_equal_values_and_reads_back(value: Any, source: random.Random) -> None:
    assert canonical_json(shuffled(value, source)) == canonical_json(value)
    assert json.loads(canonical_json(value)) == value


def test_canonical_json_has_no_spaces_and_is_utf8_and_refuses_what_is_no_json() -> None:
    assert canonical_json({"b": [1, 2], "a": "ü"}) == '{"a":"ü","b":[1,2]}'.encode()
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            canonical_json(value)


@given(st.text(), st.sets(st.text(max_size=3)))
def test_slug_is_a_valid_key_that_is_not_taken(title: str, taken: set[str]) -> None:
    for _ in range(3):
        key = slug(title, taken)
        assert re.fullmatch(KEY_PATTERN, key)
        assert key not in taken
        taken.add(key)


@pytest.mark.parametrize(
    ("title", "taken", "key"),
    [
        ("Gather metrics", set[str](), "gather_metrics"),
        ("  Send — the  Report! ", set[str](), "send_the_report"),
        ("Gather metrics", {"gather_metrics"}, "gather_metrics_2"),
        ("Gather metrics", {"gather_metrics", "gather_metrics_2"}, "gather_metrics_3"),
        ("2 pizzas", set[str](), "t_2_pizzas"),
        ("…", set[str](), "task"),
        ("Ärger", set[str](), "rger"),
        ("x" * 200, {"x" * 56}, "x" * 56 + "_2"),
    ],
)
def test_slug_reads_like_its_title(title: str, taken: set[str], key: str) -> None:
    assert slug(title, taken) == key


@pytest.mark.parametrize(
    "change",
    [
        {"key": "Gather"},
        {"key": "gather\n"},
        {"key": ""},
        {"key": "a" * 65},
        {"key": "1a"},
        {"key": None},
        {"title": ""},
        {"title": "x" * 201},
        {"title": "a\x00b"},
        {"title": "\ud800"},
        {"description": "x" * 100_001},
        {"retries": -1},
        {"retries": 101},
        {"retries": 1.5},
        {"timeout_seconds": 0},
        {"timeout_seconds": -1},
        {"timeout_seconds": float("inf")},
        {"timeout_seconds": float("nan")},
        {"timeout_seconds": 2_592_001},
        {"on_crash": "shrug"},
        {"depends_on": ["Not A Key"]},
        {"inputs": {"no-dash": 1}},
        {"inputs": {"": 1}},
        {"expected_files": [""]},
        {"expected_files": ["a\x00"]},
        {"agent_id": ""},
        {"action": {}},
        {"action": {"type": ""}},
        {"unknown": 1},
    ],
)
def test_fields_out_of_bounds_are_refused(change: dict[str, Any]) -> None:
    TaskDraft.model_validate(task(draft()))
    with pytest.raises(ValidationError):
        TaskDraft.model_validate(task(draft()) | change)


@pytest.mark.parametrize("text", ["\ud800", "a\x00b"])
def test_texts_that_cannot_be_stored_or_sealed_are_refused_however_deep(text: str) -> None:
    for place in (
        {"inputs": {"x": [{"y": text}]}},
        {"inputs": {"x": {text: 1}}},
        {"action": {"type": "shell", "command": text}},
    ):
        with pytest.raises(ValidationError):
            TaskDraft.model_validate(task(draft()) | place)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_no_json_are_refused_however_deep(number: float) -> None:
    for place in ({"inputs": {"x": [{"y": number}]}}, {"action": {"type": "wait", "seconds": [number]}}):
        with pytest.raises(ValidationError):
            TaskDraft.model_validate(task(draft()) | place)


def test_limits_mean_what_the_strategies_promise() -> None:
    assert set(LIMITS) == set(Strategy)
    parallel = {name: (limits.max_parallel, limits.stop_at_first_failure) for name, limits in LIMITS.items()}
    assert parallel == {"performance": (50, False), "balanced": (8, False), "economy": (2, False), "careful": (1, True)}


def test_values_nested_too_deep_to_be_stored_are_refused() -> None:
    def nested(levels: int) -> Any:
        value: Any = 1
        for level in range(levels):
            value = [value] if level % 2 else {"x": value}
        return value

    plan = draft()
    task(plan)["inputs"] = {"deep": nested(MAX_NESTING)}
    assert digest(plan)
    deep = nested(MAX_NESTING + 1)
    for place in ({"inputs": {"deep": deep}}, {"action": {"type": "wait", "seconds": deep}}):
        with pytest.raises(ValidationError, match="nested deeper"):
            TaskDraft.model_validate(task(draft()) | place)
