"""How sections, several blocks in one item, and kinds of sections go together with shared settings and conditions."""

from __future__ import annotations

import pytest

from app.domain.errors import Invalid
from app.domain.plan import PlanDraft
from app.planning.outline.reader import read_outline


def plan(text: str) -> PlanDraft:
    return read_outline(text, has_model=False)


def problem(text: str) -> tuple[str, str]:
    with pytest.raises(Invalid) as error:
        plan(text)
    (found,) = error.value.info.details
    return found.field, found.message


def test_a_section_takes_what_its_heading_does_not_say_from_the_section_around_it() -> None:
    text = (
        "- A: `a` {#a}\n\n## Back {on=failure approval=yes cwd=app shell=bash}\n\nWhat to do.\n\n"
        "### One\n\n- B: `b` {#b}\n\n### Two {on=always approval=no cwd=two}\n\n- C: `c` {#c}\n"
    )
    draft = plan(text)
    one, two = (phase for phase in draft.phases if phase.tasks and phase.name != "Tasks")
    assert [(phase.runs_on, phase.requires_approval) for phase in (one, two)] == [("failure", True), ("always", False)]
    strict = ["bash", "-eo", "pipefail", "-c"]
    assert [task.action.fields() for phase in (one, two) for task in phase.tasks] == [
        {"argv": [*strict, "b"], "cwd": "app"},
        {"argv": [*strict, "c"], "cwd": "two"},
    ]


@pytest.mark.parametrize("attributes", ["on=failure", "if=a:failed"])
def test_a_rollback_that_says_when_it_runs_is_a_phase(attributes: str) -> None:
    draft = plan(f"- A: `a` {{#a}}\n\n## Rollback {{{attributes}}}\n\n- B: `b` {{#b}}\n")
    assert [task.key for task in draft.phases[1].tasks] == ["b"]
    assert draft.warnings == []


def test_a_block_of_variables_is_for_the_steps_below_it() -> None:
    first, second = plan("## P\n\n```env\nA=1\n```\n\n```sh\nx\n```\n\n- Y: `y`\n").tasks()
    assert [task.action.fields().get("env") for task in (first, second)] == [{"A": "1"}, {"A": "1"}]


def test_the_settings_of_an_item_are_those_of_all_its_blocks() -> None:
    text = (
        "1. Do {cwd=app timeout=5}\n\n   ```env\n   A: 1\n   ```\n\n   ```sh\n   x\n   ```\n\n   ```sh\n   y\n   ```\n"
    )
    made = plan(text).tasks()
    assert [(task.action.fields(), task.timeout_seconds) for task in made] == [
        ({"command": name, "cwd": "app", "env": {"A": "1"}}, 5) for name in ("x", "y")
    ]


@pytest.mark.parametrize("attributes", ["expect=ok", "every=1m until=1h"])
def test_a_check_is_for_one_command(attributes: str) -> None:
    text = f"1. Do {{{attributes}}}\n\n   ```sh\n   x\n   ```\n\n   ```sh\n   y\n   ```\n"
    place, message = problem(text)
    assert place == "line 1, column 8"
    assert "this item has several steps" in message


def test_a_variable_that_the_plan_sets_is_not_warned_about() -> None:
    text = (
        "---\nparameters: {version: {default: a}}\nenv: {REGION: x}\n---\n\n## P\n\n```env\nLEVEL=1\n```\n\n"
        '- A: `a "$VERSION" "$REGION" "$LEVEL" "$OWN"`\n\n  ```env\n  OWN: 1\n  ```\n- B: `b "$OWN"`\n'
    )
    assert plan(text).warnings == [
        "Line 17: Nothing in this step sets $OWN, so the plan asks for it: the parameter 'own'."
    ]


def test_other_front_matter_only_gives_the_title() -> None:
    draft = plan('+++\ntitle = "Release"\ntags = ["a"]\n+++\n\n- A: `a`\n')
    assert draft.summary == "Release"
    (warning,) = draft.warnings
    assert warning.startswith("Line 1: These entries of the front matter have no effect on the plan: tags.")


def test_a_condition_of_a_section_must_name_a_task() -> None:
    assert problem("- A: `a` {#a}\n\n## P {if=b:yes}\n\n- C: `c`\n") == (
        "line 3, column 7",
        "'if' names the key 'b', but no task has it.",
    )


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ('decision=yes,no,"only the leads"', 'decision="yes,no,only the leads"'),
        ("#ask decision=yes,'not now' default=yes", 'decision="yes,not now"'),
    ],
)
def test_a_value_with_quotes_in_it_is_refused_with_the_right_way_to_write_it(written: str, right: str) -> None:
    _, message = problem(f"- Ask {{{written}}}\n")
    assert message == f"Put the whole value in quotes: {right}."


def test_other_attributes_that_are_not_valid_are_refused_with_their_form() -> None:
    _, message = problem("- Ask {#ask =yes}\n")
    assert message == "These attributes are not valid. Write {#key name=value name=value} at the end of the line."
