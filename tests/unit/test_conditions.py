"""Conditions, and the answers that end a run: what a plan says, and what follows from how tasks ended."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.conditions import (
    CONDITION_NOT_MET,
    DEPENDENCY_FAILED,
    DEPENDENCY_SKIPPED,
    STOPPED_BY_ANSWER,
    Ended,
    ends_run,
    fate_of,
    stops_of,
)
from app.domain.errors import Invalid
from app.domain.plan import PlanDraft, RunSettings, TaskCondition, digest_of
from app.domain.registry import load_actions
from app.domain.states import SKIPPED_BY_PERSON
from app.domain.validation import check_draft
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown

DONE = Ended("completed")
FAILED = Ended("failed")
OPEN = Ended("running")
UNUSED = Ended("skipped", CONDITION_NOT_MET)
BY_PERSON = Ended("skipped", SKIPPED_BY_PERSON)
NO = Ended("completed", answer="no")
STOPS = Ended("completed", answer="no", stops=True)


def plan(text: str) -> PlanDraft:
    draft = read_outline(text, has_model=False)
    check_draft(draft, load_actions(), None)
    return draft


def when(*values: str, task: str = "ask") -> TaskCondition:
    return TaskCondition.model_validate({"task": task, "is": list(values)})


@pytest.mark.parametrize(
    ("condition", "needs", "expected"),
    [
        (None, {}, "start"),
        (None, {"a": DONE}, "start"),
        (None, {"a": OPEN}, "wait"),
        (None, {"a": FAILED, "b": OPEN}, DEPENDENCY_FAILED),
        (None, {"a": Ended("skipped", DEPENDENCY_FAILED)}, DEPENDENCY_FAILED),
        (None, {"a": UNUSED}, DEPENDENCY_SKIPPED),
        (None, {"a": UNUSED, "b": Ended("skipped", DEPENDENCY_SKIPPED)}, DEPENDENCY_SKIPPED),
        (None, {"a": UNUSED, "b": DONE}, "start"),
        (None, {"a": UNUSED, "b": OPEN}, "wait"),
        (None, {"a": BY_PERSON}, "start"),
        (None, {"ask": STOPS}, STOPPED_BY_ANSWER),
        (None, {"ask": STOPS, "b": OPEN}, STOPPED_BY_ANSWER),
        (None, {"a": Ended("skipped", STOPPED_BY_ANSWER), "b": DONE}, STOPPED_BY_ANSWER),
        (when("yes"), {"ask": OPEN}, "wait"),
        (when("yes"), {"ask": NO}, CONDITION_NOT_MET),
        (when("no"), {"ask": NO}, "start"),
        (when("NO"), {"ask": NO}, "start"),
        (when("yes"), {"ask": STOPS}, STOPPED_BY_ANSWER),
        (when("no"), {"ask": STOPS}, "start"),
        (when("no"), {"ask": STOPS, "a": FAILED}, DEPENDENCY_FAILED),
        (when("no"), {"ask": STOPS, "a": UNUSED}, "start"),
        (when("failed"), {"ask": FAILED}, "start"),
        (when("failed"), {"ask": DONE}, CONDITION_NOT_MET),
        (when("failed"), {"ask": BY_PERSON}, CONDITION_NOT_MET),
        (when("skipped"), {"ask": UNUSED}, "start"),
        (when("completed", "skipped"), {"ask": BY_PERSON}, "start"),
    ],
)
def test_what_happens_to_a_task(condition: TaskCondition | None, needs: dict[str, Ended], expected: str) -> None:
    fate = fate_of(condition, needs)
    assert fate.reason or fate.then == expected


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ("- Ship? {#ask decision=yes,no}\n- Go: `go` {after=ask}", {"ask": ["no"]}),
        ("- Ship? {#ask decision=Yes,NO,Abort}", {"ask": ["NO", "Abort"]}),
        ("- Ship? {#ask decision=yes,later stop=later}", {"ask": ["later"]}),
        ('- Ship? {#ask decision=yes,no stop=""}', {}),
        ("- Which? {#ask decision=a,b}", {}),
        ('- Ship? {#ask decision=""}', {"ask": ["no", "reject", "stop", "abort", "cancel"]}),
        ("- Ship? {#ask decision=yes,no}\n- Tell: `go` {if=ask:no}", {"ask": ["no"]}),
        (
            "- Ship? {#ask decision=yes,no}\n- Go: `go`\n\n  ```inputs\n  A: ${{ tasks.ask.outputs.answer }}\n  ```",
            {},
        ),
        (
            "- Ship? {#ask decision=yes,no}\n- Go: `go`\n\n  ```inputs\n  A: ${{ tasks.ask.outputs.comment }}\n  ```",
            {"ask": ["no"]},
        ),
        (
            "- Ship? {#ask decision=yes,no stop=no}\n- Go: `go`\n\n  ```inputs\n  A: ${{ tasks.ask.outputs.answer }}\n  ```",
            {"ask": ["no"]},
        ),
    ],
)
def test_answers_that_end_the_run(text: str, stops: dict[str, list[str]]) -> None:
    assert stops_of(plan(text)) == stops


def test_an_answer_is_compared_without_regard_to_case() -> None:
    assert ends_run({"ask": ["no"]}, "ask", " No ")
    assert not ends_run({"ask": ["no"]}, "ask", "not yet")
    assert not ends_run({"ask": ["no"]}, "other", "no")
    assert not ends_run({"ask": ["no"]}, "ask", None)


EVERYTHING = """\
# Release

## Ship

- Ship it? {#ask decision=yes,no,later stop=later,no}
- Really? {#really decision=yes,no stop=""}
- Ship: `ship` {#ship if=ask:yes approval=yes}
- Tell: `tell` {#tell after=really if=ask:no,later}

## Undo {#undo approval=yes on=failure}

- Roll back: `undo` {#roll if=ship:failed}

## Announce {#announce if=ask:yes}

- Post: `post` {#post}

## Clean up {#clean on=always}

- Clean: `clean` {#rm}
"""


def test_the_outline_says_all_of_it_and_is_written_back() -> None:
    draft = plan(EVERYTHING)
    tasks = {task.key: task for task in draft.tasks()}
    assert tasks["ship"].condition == when("yes")
    assert tasks["ship"].requires_approval
    assert tasks["tell"].condition == when("no", "later")
    assert tasks["ask"].action.fields()["stop"] == ["later", "no"]
    assert tasks["really"].action.fields()["stop"] == []
    assert [(phase.key, phase.runs_on) for phase in draft.phases[1:]] == [
        ("undo", "failure"),
        ("announce", "success"),
        ("clean", "always"),
    ]
    assert draft.phases[2].condition == when("yes")
    text = to_markdown(draft, "Release")
    assert read_outline(text, has_model=False).phases == draft.phases
    assert "```" not in text


def test_unset_fields_leave_the_digest_as_it_was() -> None:
    fields: dict[str, Any] = {"key": "a", "title": "A", "action": {"type": "shell", "command": "true"}}
    draft = PlanDraft.model_validate({"phases": [{"key": "p", "name": "P", "tasks": [fields]}]})
    # Computed by the version before conditions existed.
    assert digest_of(draft, RunSettings()) == "73500d04ef2c30f19fb622d9bdc8ced144f1963a47059c930fcf0842e793000f"
    for change in (
        {"condition": {"task": "a", "is": ["failed"]}},
        {"requires_approval": True},
    ):
        changed = PlanDraft.model_validate({"phases": [{"key": "p", "name": "P", "tasks": [{**fields, **change}]}]})
        assert digest_of(changed, RunSettings()) != digest_of(draft, RunSettings())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a: `x` {if=b:yes}", "line 1, column 11: 'if' names the key 'b', but no task has it."),
        ("## A {if=b:yes}\n- a: `x`", "line 1, column 7: 'if' names the key 'b', but no task has it."),
        ("- a: `x` {if=b}", "is not a condition"),
        ("- a: `x` {approval=maybe}", "must be yes or no"),
        ("## A {on=x}\n- a: `x`", "is not one of success, failure, always"),
        ("## A {on=failure on=always}\n- a: `x`", "'on' appears twice"),
        ("## A {on=failure}\n- a: `x`", "no phase is before it"),
        ("- Q {#q decision=a,b}\n- b: `x` {if=q:c}", "cannot be 'c'; use a, b, completed, failed, skipped"),
        ("- a: `x` {#a}\n- b: `x` {if=a:yes}", "cannot be 'yes'; use completed, failed, skipped"),
        ("- [ ] a {approval=yes}", "'approval' means nothing for a task of a person. Only a task that a worker runs"),
        ("- Q {#q decision=a,b stop=c}", "stop names 'c'"),
        ("- a: `x` {stop=no}", "'stop' is only valid for a decision"),
        ("## A\n- a: `x` {#a}\n## B\n- b: `x` {if=a:failed}", "would never run"),
        ("## A\n- a: `x` {#a}\n## B {if=a:failed}\n- b: `x`", "would never run"),
        ("## A {if=b:completed}\n- b: `x` {#b}", "is not in an earlier phase"),
        ("- a: `x` {#a if=a:failed}", "cycle"),
        ("## A (parallel)\n- a: `x` {#a}\n- b: `x` {if=a:failed}", "is parallel"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        plan(text)
    assert message in caught.value.info.message
