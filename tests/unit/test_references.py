"""`${{ … }}`: parsing, finding, and putting values in."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.references import Reference, as_text, expressions, parse, referenced_tasks, resolve

VALUES: dict[str, Any] = {
    "tasks.count.outputs.total": 7,
    "tasks.count.outputs.ratio": 0.5,
    "tasks.count.outputs.done": True,
    "tasks.count.outputs.nothing": None,
    "tasks.count.outputs.rows": [1, {"a": "ü"}],
    "tasks.count.outputs.text": "plain",
    "project.name": "Näme",
    "project.id": "proj_1",
    "secrets.TOKEN": "s3cret",
}
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text().filter(lambda t: "${{" not in t),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def look_up(reference: Reference) -> Any:
    plural = {"task": "tasks", "secret": "secrets"}.get(reference.kind, reference.kind)
    middle = f".outputs.{reference.output}" if reference.output else ""
    return VALUES[f"{plural}.{reference.name}{middle}"]


@pytest.mark.parametrize(
    ("expression", "reference"),
    [
        ("tasks.gather-all_2.outputs.row-count", Reference("task", "gather-all_2", "row-count")),
        ("tasks.a.outputs._x", Reference("task", "a", "_x")),
        ("project.id", Reference("project", "id")),
        ("project.name", Reference("project", "name")),
        ("project.description", Reference("project", "description")),
        ("secrets.API_KEY", Reference("secret", "API_KEY")),
    ],
)
def test_every_form_is_parsed(expression: str, reference: Reference) -> None:
    assert parse(expression) == reference


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "tasks",
        "tasks.a",
        "tasks.a.outputs",
        "tasks.a.outputs.",
        "tasks.A.outputs.x",
        "tasks.1a.outputs.x",
        "tasks.a.outputs.x.y",
        "tasks.a.inputs.x",
        "project.status",
        "project",
        "secrets.",
        "secrets.1A",
        "secrets.A-B",
        "env.HOME",
        "project.id\n",
        " project.id",
        "project.id }} ${{ project.id",
        f"tasks.{'a' * 65}.outputs.x",
    ],
)
def test_anything_else_is_refused_with_the_forms_there_are(expression: str) -> None:
    with pytest.raises(ValueError, match=r"tasks\.<key>\.outputs\.<name>") as refusal:
        parse(expression)
    assert f"'{expression}'" in str(refusal.value)


@pytest.mark.parametrize("name", [name for name in VALUES if name.startswith("tasks.")])
@pytest.mark.parametrize("pattern", ["${{ %s }}", "${{%s}}", "${{\n  %s\n}}"])
def test_a_value_that_is_one_reference_keeps_its_type(name: str, pattern: str) -> None:
    value = resolve(pattern % name, look_up)
    assert value == VALUES[name]
    assert type(value) is type(VALUES[name])


def test_within_a_text_values_are_written_out() -> None:
    text = "${{ tasks.count.outputs.total }}/${{tasks.count.outputs.ratio}} ${{ tasks.count.outputs.done }}"
    assert resolve(text, look_up) == "7/0.5 true"
    assert resolve("<${{ tasks.count.outputs.rows }}>", look_up) == '<[1, {"a": "ü"}]>'
    assert resolve("${{ project.name }}: ${{ tasks.count.outputs.text }}\n", look_up) == "Näme: plain\n"
    assert resolve("none: ${{ tasks.count.outputs.nothing }}", look_up) == "none: null"


def test_two_references_with_nothing_around_them_are_a_text() -> None:
    assert resolve("${{ tasks.count.outputs.total }}${{ tasks.count.outputs.total }}", look_up) == "77"
    assert resolve("${{ project.id }} and ${{ project.name }}", look_up) == "proj_1 and Näme"


def test_nested_values_are_resolved_and_keys_are_left() -> None:
    value = {"${{ project.id }}": ["${{ secrets.TOKEN }}", {"deep": ("${{ project.id }}")}], "n": 1, "none": None}
    expected = {"${{ project.id }}": ["s3cret", {"deep": "proj_1"}], "n": 1, "none": None}
    assert resolve(value, look_up) == expected


def test_what_is_put_in_is_not_read_again() -> None:
    assert resolve("${{ project.name }}!", lambda _: "${{ secrets.TOKEN }}") == "${{ secrets.TOKEN }}!"
    assert resolve("${{ project.name }}", lambda _: "${{ secrets.TOKEN }}") == "${{ secrets.TOKEN }}"


def test_a_malformed_reference_is_never_passed_over() -> None:
    for text in ("${{ nonsense }}", "a ${{ nonsense }} b", "${{ project.\nid }}", "${{}}"):
        with pytest.raises(ValueError, match="unknown reference"):
            resolve(text, look_up)


@given(PLAIN)
def test_values_without_references_stay_as_they_are(value: Any) -> None:
    assert resolve(value, look_up) == value
    assert list(expressions(value)) == []


@given(
    st.lists(st.tuples(st.sampled_from(sorted(VALUES)), st.text().filter(lambda t: "${{" not in t and "$" not in t)))
)
def test_text_around_references_is_kept(parts: list[tuple[str, str]]) -> None:
    text = "".join(f"${{{{ {name} }}}}{between}" for name, between in parts)
    assert list(expressions(text)) == [name for name, _ in parts]
    if len(parts) > 1:
        assert resolve(text, look_up) == "".join(as_text(VALUES[name]) + between for name, between in parts)


def test_referenced_tasks_are_named_once_in_order_and_malformed_ones_left_out() -> None:
    value = {
        "x": "${{ tasks.b.outputs.o }} ${{ tasks.a.outputs.o }}",
        "y": [{"z": "${{ tasks.b.outputs.p }}"}, "${{ project.id }}", "${{ tasks.c }}"],
        "${{ tasks.k.outputs.o }}": 1,
    }
    assert referenced_tasks(value) == ["b", "a"]


@given(PLAIN)
def test_as_text_is_the_text_itself_or_json(value: Any) -> None:
    assert as_text(value) == value if isinstance(value, str) else json.loads(as_text(value)) == value


@pytest.mark.parametrize("text", ["${{" + " " * 100_000, "${{" * 50_000, "${{ a }" * 20_000, "${{ " + "}" * 100_000])
def test_long_texts_are_read_in_one_pass(text: str) -> None:
    begun = time.process_time()
    list(expressions(text))
    # One pass takes milliseconds; trying every split of the same text takes hours.
    assert time.process_time() - begun < 5
