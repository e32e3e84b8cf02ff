"""Conditions on parameters: what a plan may say, how it is written back, and what becomes of a task."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.cli.display import condition_text
from app.domain.conditions import CONDITION_NOT_MET, Ended, Then, effects_of, fate_of, known, stops_of
from app.domain.edits import Editor, parse_edits
from app.domain.errors import Invalid
from app.domain.parameters import Value, bind
from app.domain.plan import ParameterCondition, PlanDraft, RunSettings, TaskDraft, digest_of
from app.domain.registry import load_actions
from app.domain.validation import check_draft, effective_dependencies
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown
from tests.factories import plan_of, task

FRONT = """---
parameters:
  environment: {choices: [staging, production], default: staging}
  copies: {type: number, default: 3}
  careful: {type: boolean, default: yes}
  Version: {pattern: '[0-9]+', default: '7'}
---
"""
PLAN = f"""{FRONT}
# Release

## Check

- Look: `true` {{#look}}
- Ask the owner? {{#ask decision=yes,no if=environment:production}}
- Count: `true` {{#count if=copies:3.0 after=look}}
- Slow: `true` {{#slow if=careful:true}}
- Old: `true` {{#old if=Version:6,7}}

## Live {{#live if=environment:production}}

- Switch: `true` {{#switch if=ask:yes}}
"""


def plan(text: str, given: dict[str, Value] | None = None) -> PlanDraft:
    draft = read_outline(text, has_model=False)
    check_draft(draft, load_actions(), None)
    return draft if given is None else draft.model_copy(update={"parameters": bind(draft.parameters, given)})


def on(name: str, *values: str) -> ParameterCondition:
    return ParameterCondition.model_validate({"parameter": name, "is": list(values)})


def test_an_if_names_a_parameter_or_a_task() -> None:
    draft = plan(PLAN)
    tasks = {item.key: item for item in draft.tasks()}
    assert tasks["ask"].condition == on("environment", "production")
    assert tasks["old"].condition == on("Version", "6", "7")
    assert draft.phases[1].condition == on("environment", "production")
    assert tasks["switch"].condition is not None
    assert tasks["switch"].condition.model_dump() == {"task": "ask", "is": ["yes"]}
    # Only a condition on a task is also a dependency.
    assert effective_dependencies(draft.phases[0]) == [[], [], ["look"], [], []]


def test_it_is_written_back_as_it_was() -> None:
    draft = plan(PLAN)
    text = to_markdown(draft, "Release")
    assert "{#count after=look if=copies:3.0}" in text
    assert "## Live {#live if=environment:production}" in text
    assert "```" not in text
    assert read_outline(text, has_model=False).phases == draft.phases


@pytest.mark.parametrize(
    ("given", "skipped"),
    [
        ({}, {"ask", "live"}),
        ({"environment": "production"}, set[str]()),
        ({"copies": 4}, {"ask", "live", "count"}),
        ({"careful": False, "environment": "production"}, {"slow"}),
        ({"Version": "8"}, {"ask", "live", "old"}),
    ],
)
def test_the_value_decides_before_anything_runs(given: dict[str, Value], skipped: set[str]) -> None:
    draft = plan(PLAN, given)
    items = [
        item
        for phase in draft.phases
        for item in (phase, *phase.tasks)
        if isinstance(item.condition, ParameterCondition)
    ]
    fates = {item.key: fate_of(known(item.condition, draft.parameters), {}) for item in items}
    assert {key for key, fate in fates.items() if fate.then == Then.SKIP} == skipped
    assert {fate.reason for fate in fates.values() if fate.then == Then.SKIP} <= {CONDITION_NOT_MET}


def test_it_waits_for_what_it_depends_on_only_if_it_can_run() -> None:
    asked = bind(plan(PLAN).parameters, {})
    waiting = {"look": Ended("running")}
    assert fate_of(known(on("copies", "3"), asked), waiting).then == Then.WAIT
    assert fate_of(known(on("copies", "4"), asked), waiting).reason == CONDITION_NOT_MET
    assert fate_of(known(on("copies", "3"), asked), {"look": Ended("failed")}).reason == "dependency_failed"
    # What was not needed holds up nobody who has another reason to run, but a condition that is met is none.
    assert fate_of(known(on("copies", "3"), asked), {"look": Ended("skipped", CONDITION_NOT_MET)}).then == Then.SKIP


def test_an_answer_starts_nothing_in_a_phase_that_is_skipped() -> None:
    production = plan(PLAN, {"environment": "production"})
    assert [effect.starts for effect in effects_of(production, stops_of(production))["ask"]] == [["switch"], []]
    staging = plan(PLAN, {})
    assert [effect.starts for effect in effects_of(staging, stops_of(staging))["ask"]] == [[], []]


@pytest.mark.parametrize(
    ("item", "place", "message"),
    [
        (
            "- a: `x` {if=environment:moon}",
            "line 8, column 11",
            "can never be 'moon': 'moon' is not one of staging, production.",
        ),
        ("- a: `x` {if=copies:many}", "line 8, column 11", "can never be 'many': 'many' is not a number."),
        ("- a: `x` {if=careful:maybe}", "line 8, column 11", "can never be 'maybe': must be true or false."),
        (
            "- a: `x` {if=Version:new}",
            "line 8, column 11",
            "can never be 'new': 'new' does not match the pattern [0-9]+.",
        ),
        ("## A {if=environment:moon}\n- a: `x`", "line 8, column 7", "can never be 'moon'"),
        ("- a: `x` {if=country:de}", "line 8, column 11", "'if' names the key 'country', but no task has it."),
        (
            "- a: `x` {#environment}\n- b: `x` {if=environment:staging}",
            "line 9, column 11",
            "'environment' is a task and a parameter, so a condition on it is ambiguous. Give the task another key",
        ),
        (
            "- Environment: `make x`\n- b: `x` {if=environment:staging}",
            "line 9, column 11",
            "is a task and a parameter",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_line(item: str, place: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        plan(f"{FRONT}{item}")
    assert [problem.field for problem in caught.value.info.details] == [place]
    assert message in caught.value.info.details[0].message


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"parameter": "country", "is": ["de"]}, "which the plan does not have; its parameters: environment."),
        ({"parameter": "environment", "is": ["moon"]}, "can never be 'moon'"),
        ({"parameter": "it", "is": ["x"]}, "which the plan does not have"),
    ],
)
def test_plans_and_edits_as_json_are_held_to_the_same(condition: dict[str, Any], message: str) -> None:
    asked = {"environment": {"type": "choice", "choices": ["staging"], "default": "staging"}}
    with pytest.raises(Invalid) as caught:
        check_draft(plan_of(task(condition=condition), parameters=asked), load_actions(), None)
    assert caught.value.info.details[0].field == "phases[0].tasks[0].condition"
    assert message in caught.value.info.message


def test_an_edit_sets_it_and_says_what_is_wrong_with_it() -> None:
    condition = {"parameter": "environment", "is": ["staging"]}
    edits = parse_edits([{"op": "update_task", "task": "it", "condition": condition}])
    draft = Editor(plan_of(task()), {}).apply(edits)
    assert draft.tasks()[0].condition == on("environment", "staging")
    refused: list[tuple[object, str]] = [
        ({"parameter": "environment", "is": []}, "edits.0.condition.is"),
        ({"parameter": "a-b", "is": ["x"]}, "edits.0.condition.parameter"),
        ({"parameter": "a", "task": "b", "is": ["x"]}, "edits.0.condition.task"),
        ({"is": ["x"]}, "edits.0.condition.task"),
        ("staging", "edits.0.condition"),
    ]
    for wrong, field in refused:
        with pytest.raises(Invalid) as caught:
            parse_edits([{"op": "update_task", "task": "it", "condition": wrong}])
        assert [problem.field for problem in caught.value.info.details] == [field]


def test_it_is_part_of_the_digest() -> None:
    plain, conditional = plan_of(task()), plan_of(task(condition={"parameter": "environment", "is": ["staging"]}))
    assert digest_of(plain, RunSettings()) != digest_of(conditional, RunSettings())
    assert TaskDraft.model_validate(conditional.tasks()[0].model_dump(mode="json")) == conditional.tasks()[0]


def test_the_terminal_says_it_in_words() -> None:
    condition = {"parameter": "environment", "is": ["production", "test"], "value": "staging", "met": False}
    assert condition_text(condition) == "skipped: environment is 'staging' (runs only if it is production or test)"
    condition |= {"value": "production", "met": True}
    assert condition_text(condition) == "only if environment is production or test, which it is"
    condition |= {"value": None, "met": None}
    assert condition_text(condition) == "only if environment is production or test"
    assert re.search("only if ask is yes", condition_text({"task": "ask", "is": ["yes"]}))
