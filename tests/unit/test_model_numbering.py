"""Plans of models: numbers become keys, what was kept keeps its key, and what is wrong with a number is said."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import Invalid
from app.domain.plan import PlanDraft
from app.domain.registry import load_actions
from app.domain.validation import check_draft
from app.planning.model.numbering import with_numbers
from app.planning.model.schema import ModelPlan, plan_type
from app.planning.outline.reader import read_outline
from tests.unit.test_conditions import EVERYTHING

ACTIONS = load_actions()
SHAPE = plan_type(ACTIONS, ["default"], small=True)
WHOLE = plan_type(ACTIONS, ["default"], refines=True)


def task(number: int, title: str, **fields: Any) -> dict[str, Any]:
    return {"number": number, "title": title, "action": {"type": "manual"}, **fields}


def plan(*tasks: dict[str, Any], shape: type[ModelPlan] = SHAPE) -> ModelPlan:
    phase = {"name": "All", "strategy": "dag", "tasks": list(tasks)}
    return shape.model_validate({"summary": "", "phases": [phase]})


def said(made: ModelPlan) -> list[str]:
    try:
        check_draft(made.draft(), ACTIONS, None)
    except Invalid as error:
        return [problem.message for problem in error.info.details]
    return []


def test_keys_come_of_titles_and_numbers_lead_to_them() -> None:
    made = plan(
        task(1, "Count it"),
        task(2, "Count it", depends_on=[1]),
        task(3, "Tell", depends_on=[2, 2], inputs={"sum": "${{ tasks.1.outputs.sum }} of ${{tasks.2.outputs.sum}}"}),
    )
    draft = made.draft()
    assert [item.key for item in draft.tasks()] == ["count_it", "count_it_2", "tell"]
    assert [item.depends_on for item in draft.tasks()] == [[], ["count_it"], ["count_it_2"]]
    assert draft.tasks()[2].inputs == {"sum": "${{ tasks.count_it.outputs.sum }} of ${{tasks.count_it_2.outputs.sum}}"}
    assert said(made) == []
    assert list(made.problems()) == []


def test_a_number_that_no_task_has_is_refused_and_never_dropped() -> None:
    found = said(plan(task(1, "Task 9"), task(2, "B", depends_on=[9], inputs={"x": "${{ tasks.8.outputs.x }}"})))
    assert len(found) == 2
    assert all("does not exist" in message for message in found)


def test_numbers_in_a_cycle_are_refused() -> None:
    assert "in a cycle" in said(plan(task(1, "A", depends_on=[2]), task(2, "B", depends_on=[1])))[0]


@pytest.mark.parametrize("use", [{"depends_on": [1]}, {"inputs": {"x": "${{ tasks.1.outputs.x }}"}}])
def test_a_number_of_two_tasks_is_refused_where_one_of_them_is_meant(use: dict[str, Any]) -> None:
    made = plan(task(1, "A"), task(1, "B"), task(2, "C", **use))
    (problem,) = made.problems()
    assert problem.field == "phases[0].tasks[2].depends_on"
    assert not list(plan(task(1, "A"), task(1, "B"), task(2, "C")).problems())


def test_a_plan_that_is_shown_and_given_back_is_the_same() -> None:
    before = PlanDraft.model_validate(
        {
            "summary": "Two",
            "phases": [
                {
                    "key": "first",
                    "name": "One",
                    "description": "The first of two.",
                    "tasks": [
                        {
                            "key": "a",
                            "title": "Do it",
                            "action": {"type": "shell", "argv": ["true"], "env": {"A": "1"}},
                        },
                        {"key": "b", "retries": 2, "title": "Check", "action": {"type": "manual"}, "depends_on": ["a"]},
                    ],
                },
                {
                    "key": "last",
                    "name": "Two",
                    "strategy": "sequential",
                    "tasks": [
                        {
                            "key": "c",
                            "title": "Send",
                            "action": {"type": "http", "url": "https://example.org/${{ tasks.a.outputs.n }}"},
                            "inputs": {"n": "${{ tasks.a.outputs.n }}", "list": [1, {"two": 2}]},
                            "on_crash": "ask",
                        }
                    ],
                },
            ],
        }
    )
    shown = with_numbers(before)
    assert "${{ tasks.1.outputs.n }}" in str(shown)
    assert WHOLE.model_validate(shown).draft(before) == before


def test_a_refined_plan_keeps_the_keys_of_what_it_kept() -> None:
    before = plan(task(1, "Count"), task(2, "Ask", action={"type": "wait", "seconds": 5})).draft()
    before.phases[0].tasks[0].key = "count_all"
    made = plan(
        task(1, "Count all"),
        task(2, "Wait a bit", action={"type": "wait", "seconds": 5}),
        task(3, "Count"),
        shape=WHOLE,
    )
    assert [item.key for item in made.draft(before).tasks()] == ["count_all_2", "ask", "count_all"]


def test_of_two_that_do_the_same_neither_is_taken_for_the_one_before() -> None:
    before = plan(task(1, "Sign by hand")).draft()
    assert [item.key for item in plan(task(1, "Sign"), shape=WHOLE).draft(before).tasks()] == ["sign_by_hand"]
    made = plan(task(1, "Sign"), task(2, "Seal"), shape=WHOLE).draft(before)
    assert [item.key for item in made.tasks()] == ["sign", "seal"]


def test_a_small_model_that_plans_anew_is_shown_one_way_to_run_a_command() -> None:
    shapes = {name for name in SHAPE.model_json_schema()["$defs"] if name.startswith("Shell")}
    fields = SHAPE.model_json_schema()["$defs"]["ShellCommandAction"]
    assert shapes == {"ShellCommandAction"}
    assert list(fields["properties"]) == fields["required"] == ["type", "command"]
    assert {name for name in WHOLE.model_json_schema()["$defs"] if name.startswith("Shell")} == {
        "ShellCommandAction",
        "ShellArgvAction",
    }


def test_servers_of_small_models_are_told_where_texts_and_lists_end_but_answers_are_not_held_to_it() -> None:
    schema = SHAPE.model_json_schema()
    fields = schema["$defs"]["Task"]["properties"]
    assert (fields["title"]["maxLength"], fields["expected_files"]["maxItems"]) == (100, 8)
    assert schema["$defs"]["ShellCommandAction"]["properties"]["command"]["maxLength"] == 1000
    assert (schema["properties"]["phases"]["maxItems"], schema["properties"]["questions"]["maxItems"]) == (5, 5)
    long = task(1, "x" * 200, action={"type": "shell", "command": "true;" * 1000}, expected_files=["a"] * 20)
    assert said(plan(*[{**long, "number": number} for number in range(1, 31)])) == []


def test_only_a_small_model_is_told_to_keep_commands_short() -> None:
    small = plan_type(ACTIONS, ["default"], small=True).model_json_schema()["$defs"]
    assert small["ShellCommandAction"]["properties"]["command"]["maxLength"] == 1000
    fields = WHOLE.model_json_schema()["$defs"]
    assert "maxLength" not in fields["ShellCommandAction"]["properties"]["command"]
    script = "\n".join(f"echo {number:06}" for number in range(667))
    assert len(script) >= 8_000
    (made,) = plan(task(1, "Run", action={"type": "shell", "command": script}), shape=WHOLE).draft().tasks()
    assert made.action.fields()["command"] == script


def test_conditions_and_when_phases_run_survive() -> None:
    draft = read_outline(EVERYTHING, has_model=False)
    assert WHOLE.model_validate(with_numbers(draft)).draft(draft).phases == draft.phases
