"""Conditions on outputs: what a plan may say, how it is written back, and what becomes of a task."""

from __future__ import annotations

from typing import Any

import pytest

from app.cli.display import condition_text
from app.domain.conditions import (
    CONDITION_NOT_MET,
    DEPENDENCY_FAILED,
    DEPENDENCY_SKIPPED,
    OUTPUT_MISSING,
    STOPPED_BY_ANSWER,
    Ended,
    fate_of,
)
from app.domain.edits import Editor, parse_edits
from app.domain.errors import Invalid
from app.domain.plan import OutputCondition, PlanDraft, RunSettings, digest_of
from app.domain.registry import load_actions
from app.domain.states import SKIPPED_BY_PERSON
from app.domain.validation import check_draft, effective_dependencies
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown
from tests.factories import plan_of, task

PLAN = """
## Check

- Look: `./look.sh` {#look}
- Repair: `./repair.sh` {#repair if=look.due:yes,soon}
- Ask? {#ask decision=yes,no}

## Publish {if=look.count!=0}

- Post: `./post.sh` {#post if="look.state:not yet"}
"""


def plan(text: str) -> PlanDraft:
    draft = read_outline(text, has_model=False)
    check_draft(draft, load_actions(), None)
    return draft


def when(output: str = "due", **values: list[str]) -> OutputCondition:
    known = {"is_not": values["is_not"]} if "is_not" in values else {"is": values.get("one_of", ["yes"])}
    return OutputCondition.model_validate({"task": "look", "output": output, **known})


def test_an_if_names_an_output() -> None:
    draft = plan(PLAN)
    repair, publish = draft.phases[0].tasks[1], draft.phases[1]
    assert repair.condition is not None
    assert publish.condition is not None
    assert repair.condition.model_dump() == {"task": "look", "output": "due", "is": ["yes", "soon"]}
    assert publish.condition.model_dump() == {"task": "look", "output": "count", "is_not": ["0"]}
    # A condition on an output is also a dependency.
    assert effective_dependencies(draft.phases[0]) == [[], ["look"], []]


def test_it_is_written_back_as_it_was() -> None:
    draft = plan(PLAN)
    text = to_markdown(draft, "Plan")
    assert "{#repair if=look.due:yes,soon}" in text
    assert "if=look.count!=0" in text
    assert "```" not in text
    assert read_outline(text, has_model=False).phases == draft.phases


@pytest.mark.parametrize("value", ["a,b", " ", "!=", "=x", 'say "so"', "x\ty", "#", "}"])
def test_any_value_survives_the_round_trip(value: str) -> None:
    for names in ("is", "is_not"):
        condition = {"task": "look", "output": "due", names: [value.strip() or "-", "other"]}
        draft = plan_of(task("look"), task("repair", condition=condition))
        assert (
            read_outline(to_markdown(draft, "Plan"), has_model=False).tasks()[1].condition == draft.tasks()[1].condition
        )


@pytest.mark.parametrize(
    ("condition", "watched", "expected"),
    [
        (when(), Ended("running"), "wait"),
        (when(), Ended("completed", outputs={"due": "yes"}), "start"),
        (when(), Ended("completed", outputs={"due": " yes\n"}), "start"),
        (when(), Ended("completed", outputs={"due": "Yes"}), CONDITION_NOT_MET),
        (when(one_of=["200"]), Ended("completed", outputs={"due": 200}), "start"),
        (when(one_of=["true"]), Ended("completed", outputs={"due": True}), "start"),
        (when(one_of=['{"a": [1]}']), Ended("completed", outputs={"due": {"a": [1]}}), "start"),
        (when(is_not=["0"]), Ended("completed", outputs={"due": "3"}), "start"),
        (when(is_not=["0"]), Ended("completed", outputs={"due": 0}), CONDITION_NOT_MET),
        (when(is_not=["0"]), Ended("completed", outputs={"due": ""}), "start"),
        (when(is_not=["0"]), Ended("completed", outputs={"Due": "3"}), OUTPUT_MISSING),
        (when(), Ended("completed"), OUTPUT_MISSING),
        (when(is_not=["0"]), Ended("skipped", SKIPPED_BY_PERSON), OUTPUT_MISSING),
        (when(), Ended("failed", outputs={"due": "yes"}), DEPENDENCY_FAILED),
        (when(), Ended("skipped", DEPENDENCY_FAILED), DEPENDENCY_FAILED),
        (when(is_not=["0"]), Ended("skipped", CONDITION_NOT_MET), DEPENDENCY_SKIPPED),
        (when(), Ended("skipped", STOPPED_BY_ANSWER), STOPPED_BY_ANSWER),
        (when(), Ended("completed", answer="no", stops=True, outputs={"due": "yes"}), STOPPED_BY_ANSWER),
    ],
)
def test_what_becomes_of_a_task(condition: OutputCondition, watched: Ended, expected: str) -> None:
    fate = fate_of(condition, {"look": watched})
    assert (fate.reason or fate.then) == expected


def test_what_depends_on_a_task_without_the_output_is_not_needed() -> None:
    assert fate_of(None, {"repair": Ended("skipped", OUTPUT_MISSING)}).reason == DEPENDENCY_SKIPPED


@pytest.mark.parametrize(
    ("condition", "action", "message"),
    [
        ({"output": "due"}, {"type": "manual"}, "type manual does not have; its outputs: none"),
        ({"output": "due"}, {"type": "wait", "seconds": 1}, "type wait does not have; its outputs: none"),
        ({"output": "due"}, {"type": "http", "url": "https://a.example/"}, "its outputs: status, url, headers"),
        ({"output": "answer"}, {"type": "decision", "question": "?"}, "names the decision only: look:yes"),
        ({"output": "due"}, {"type": "agent", "prompt": "Look."}, "its outputs: text"),
        (
            {"output": "due"},
            {"type": "agent", "prompt": "Look.", "output_schema": {"type": "object", "properties": {"dew": {}}}},
            "its outputs: dew",
        ),
    ],
)
def test_an_output_that_a_task_never_has_is_refused(condition: Any, action: Any, message: str) -> None:
    watched = task("look", action=action)
    with pytest.raises(Invalid) as refused:
        check_draft(
            plan_of(watched, task("post", condition={"task": "look", "is": ["1"], **condition})), load_actions(), None
        )
    assert [problem.field for problem in refused.value.info.details or []] == ["phases[0].tasks[1].condition"]
    assert message in refused.value.info.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("if=look.due", "is not a condition"),
        ("if=look.due:", "is not a condition"),
        ("if=.due:yes", "is not a condition"),
        ("if=look!=failed", "only a condition on an output can have '!='"),
        ("if=lok.due:yes", "'if' names the key 'lok', but no task has it."),
        ('if="look.a b:yes"', "match"),
    ],
)
def test_a_fault_names_its_line(text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        read_outline(f"- Look: `./look.sh` {{#look}}\n- Post: `./post.sh` {{#post {text}}}", has_model=False)


@pytest.mark.parametrize("values", [{}, {"is": []}, {"is": ["a"], "is_not": ["b"]}])
def test_it_has_either_is_or_is_not(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either 'is' or 'is_not'"):
        OutputCondition.model_validate({"task": "look", "output": "due", **values})


def test_it_is_signed() -> None:
    def digest(**condition: Any) -> str:
        draft = plan_of(task("look"), task("post", condition={"task": "look", "output": "due", **condition}))
        return digest_of(draft, RunSettings())

    found = [
        digest(**{"is": ["1"]}),
        digest(is_not=["1"]),
        digest(**{"is": ["2"]}),
        digest(output="d", **{"is": ["1"]}),
    ]
    assert len(set(found)) == 4


def test_an_edit_may_name_the_task_by_id() -> None:
    condition = {"task": "tsk_1", "output": "due", "is": ["yes"]}
    edits = parse_edits([{"op": "update_task", "task": "post", "condition": condition}])
    edited = Editor(plan_of(task("look"), task("post")), {"tsk_1": "look"}).apply(edits)
    assert edited.tasks()[1].condition == when()


def test_it_is_said_in_words() -> None:
    shown = {"task": "look", "output": "due", "is": ["yes", "soon"], "is_not": []}
    assert condition_text(shown) == "only if look.due is yes or soon"
    assert condition_text({**shown, "is": [], "is_not": ["0"]}) == "only if look.due is not 0"
