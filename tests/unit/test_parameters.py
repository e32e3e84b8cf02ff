"""Parameters: what a description asks for, which values it takes, and that both are part of what is signed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import Invalid
from app.domain.parameters import Parameter, Value, bind, values_of
from app.domain.plan import PlanDraft, RunSettings, digest_of
from app.domain.registry import load_actions
from app.domain.validation import check_draft
from app.planning.outline.planner import OutlinePlanner
from app.planning.outline.reader import read_outline
from app.planning.planner import Brief
from app.planning.render import to_markdown
from signoff.vocabulary import Strategy
from tests.factories import plan_of, task

RELEASE = """---
parameters:
  version:
    description: The version to release
    pattern: '[0-9]+\\.[0-9]+'
  target: {choices: [staging, production], default: staging}
  copies: {type: number, default: 3}
  dry_run: {type: boolean, default: no}
  note:
---

# Release

- Build: `make VERSION=$VERSION`
"""
TASK = "\n- Build: `make`\n"


def parameters(text: str) -> dict[str, Parameter]:
    return read_outline(text, has_model=False).parameters


def problems(text: str) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as error:
        read_outline(text, has_model=False)
    assert error.value.info.code == "plan_invalid"
    return [(problem.field, problem.message) for problem in error.value.info.details]


def front(*lines: str) -> str:
    return "\n".join(["---", *lines, "---", TASK])


async def planned(text: str, values: dict[str, Value]) -> PlanDraft:
    brief = Brief(name="Project", description=text, strategy=Strategy.PERFORMANCE, parameters=values)
    return await OutlinePlanner().plan(brief)


def test_the_front_matter_asks_for_parameters() -> None:
    asked = parameters(RELEASE)
    assert list(asked) == ["version", "target", "copies", "dry_run", "note"]
    assert asked["version"].description == "The version to release"
    assert asked["version"].pattern == r"[0-9]+\.[0-9]+"
    assert (asked["target"].type, asked["target"].choices) == ("choice", ["staging", "production"])
    assert (asked["copies"].default, asked["dry_run"].default) == (3, False)
    assert (asked["note"].type, asked["note"].default) == ("string", None)


async def test_a_plan_has_a_value_for_each_parameter() -> None:
    draft = await planned(RELEASE, {"version": "2.40", "copies": "5", "note": ""})
    assert values_of(draft.parameters) == {
        "version": "2.40",
        "target": "staging",
        "copies": 5,
        "dry_run": False,
        "note": "",
    }


async def test_missing_and_wrong_values_are_named_all_at_once() -> None:
    with pytest.raises(Invalid) as error:
        await planned(
            RELEASE, {"version": "2", "target": "moon", "copies": "many", "dry_run": "perhaps", "color": "red"}
        )
    assert error.value.info.code == "parameters_invalid"
    assert {problem.field: problem.message for problem in error.value.info.details} == {
        "parameters.color": "The plan has no parameter 'color'. It has: version, target, copies, dry_run, note.",
        "parameters.version": r"The parameter 'version': '2' does not match the pattern [0-9]+\.[0-9]+.",
        "parameters.target": "The parameter 'target': 'moon' is not one of staging, production.",
        "parameters.copies": "The parameter 'copies': 'many' is not a number.",
        "parameters.dry_run": "The parameter 'dry_run': must be true or false.",
        "parameters.note": "The plan needs a value for the parameter 'note'.",
    }


@pytest.mark.parametrize(
    ("type_", "given_", "expected"),
    [
        ("number", "2.50", 2.5),
        ("number", " 7 ", 7),
        ("number", "-1e3", -1000.0),
        ("boolean", "YES", True),
        ("boolean", "false", False),
        ("string", "no", "no"),
    ],
)
def test_a_text_is_read_by_type(type_: str, given_: str, expected: Value) -> None:
    value = bind({"it": Parameter.model_validate({"type": type_})}, {"it": given_})["it"].value
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("type_", "given_"),
    [
        ("string", 2.4),
        ("string", True),
        ("number", True),
        ("number", "1_000"),
        ("number", "nan"),
        ("number", 2.0**60),
        ("boolean", 1),
    ],
)
def test_a_value_of_another_type_is_refused(type_: str, given_: Value) -> None:
    with pytest.raises(Invalid, match="it"):
        bind({"it": Parameter.model_validate({"type": type_})}, {"it": given_})


def test_a_pattern_takes_linear_time() -> None:
    asked = {"it": Parameter(pattern="(a|aa)+$")}
    with pytest.raises(Invalid, match="does not match"):
        bind(asked, {"it": "a" * 5000 + "b"})


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        (["parameters: {a: {secret: true}}"], 2, "A parameter cannot be secret"),
        (["parameters: {a: {secret: true}}"], 2, "use ${{ secrets.A }}"),
        (["parameters: [a]"], 2, "write one line for each entry"),
        (["parameters: {a: 7}"], 2, "write one line for each entry"),
        (["parameters: {a: *b}"], 2, "aliases"),
        (["parameters: {a: &b {}}", "other: *b"], 3, "aliases"),
        (["parameters: {a: {}, a: {}}"], 2, "'a' appears twice"),
        (["parameters: {a: " + "[" * 3000], 2, "nested deeper"),
        (["parameters:", "  a: {kind: number}"], 3, "Unknown entry 'kind'"),
        (["parameters:", "  new-version:"], 3, "'new-version' is not a valid name"),
        (["parameters:", "  path:"], 3, "$PATH has another meaning"),
        (["parameters:", "  signoff_output:"], 3, "$SIGNOFF_OUTPUT has another meaning"),
        (["parameters:", "  a:", "  A:"], 3, "would share the variable $A"),
        (["parameters:", "  a: {type: int}"], 3, "'string', 'number', 'boolean' or 'choice'"),
        (["parameters:", "  a: {pattern: '('}"], 3, "not a valid regular expression"),
        (["parameters:", "  a: {choices: []}"], 3, "choices"),
        (["parameters:", "  a: {choices: yes}"], 3, "must be a list"),
        (["parameters:", "  a: {choices: [x, x]}"], 3, "only once"),
        (["parameters:", "  a: {choices: [x], default: y}"], 3, "'y' is not one of x"),
        (["parameters:", "  a: {type: number, default: many}"], 3, "'many' is not a number"),
        (["parameters:", "  a: {type: number, pattern: x}"], 3, "pattern is only for"),
    ],
)
def test_errors_name_their_line(lines: list[str], line: int, message: str) -> None:
    found = problems(front(*lines))
    assert [field for field, _ in found] == [f"line {line}, column 1"]
    assert message in found[0][1]


def test_front_matter_of_other_tools_has_no_effect_and_gets_a_warning() -> None:
    draft = read_outline(front("name: Release", "about: 'x'", "assignees: ''"), has_model=False)
    assert [item.title for item in draft.tasks()] == ["Build"]
    (warning,) = draft.warnings
    assert warning.startswith(
        "Line 1: These entries of the front matter have no effect on the plan: about, assignees. Known: "
    )
    assert draft.parameters == {}
    broken = read_outline(front("title: Release: the second"), has_model=False)
    assert [item.title for item in broken.tasks()] == ["Build"]
    assert broken.warnings[0].startswith("Line 1: The front matter has no effect.")


@pytest.mark.parametrize(
    "text", ["---\n- A: `a`\n---\n", "---\n\nWords: many\n", "Words\n\n---\nparameters: {a: {}}\n---\n- A: `a`"]
)
def test_a_dividing_line_begins_no_front_matter(text: str) -> None:
    assert parameters(text + TASK) == {}


def test_problems_below_the_front_matter_keep_their_lines() -> None:
    found = problems(front("parameters: {a: {}}") + "- B: `b` {aftr=x}\n")
    assert found[0][0].startswith("line 6,")


def test_definitions_and_values_are_part_of_the_digest() -> None:
    plain, settings = plan_of(task("a")), RunSettings()
    asked = plain.model_copy(update={"parameters": {"a": Parameter(value="x")}})
    described = plain.model_copy(update={"parameters": {"a": Parameter(value="x", description="y")}})
    other = plain.model_copy(update={"parameters": {"a": Parameter(value="z")}})
    assert len({digest_of(draft, settings) for draft in (plain, asked, described, other)}) == 4
    assert "parameters" not in plain.model_dump()


def test_a_reference_must_name_a_parameter() -> None:
    used = plan_of(task("a", inputs={"v": "${{ parameters.version }}"}))
    with pytest.raises(Invalid, match="no parameter 'version'"):
        check_draft(used, load_actions(), None)
    used.parameters = {"version": Parameter(value="2")}
    check_draft(used, load_actions(), None)


nasty = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
value = nasty | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15)


@st.composite
def definitions(draw: st.DrawFn) -> Parameter:
    fields: dict[str, Any] = {"description": draw(nasty)}
    kind = draw(st.sampled_from(["string", "number", "boolean", "choice"]))
    choices = draw(st.lists(nasty, min_size=1, max_size=4, unique=True)) if kind == "choice" else []
    values = {
        "string": nasty,
        "number": st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15),
        "boolean": st.booleans(),
        "choice": st.sampled_from(choices or [""]),
    }[kind]
    for name in ("default", "value"):
        if draw(st.booleans()):
            fields[name] = draw(values)
    return Parameter.model_validate({"type": kind, "choices": choices, **fields})


@given(st.dictionaries(st.sampled_from(["a", "Version", "node_2", "yes", "null", "_x"]), definitions(), max_size=4))
def test_round_trip(asked: dict[str, Parameter]) -> None:
    draft = plan_of(task("a")).model_copy(update={"parameters": asked})
    read = read_outline(to_markdown(draft, "Plan"), has_model=False)
    assert list(read.parameters) == list(asked)
    assert digest_of(read, RunSettings()) == digest_of(draft, RunSettings())
