"""What the output of a command must contain, and how long a command is repeated."""

from __future__ import annotations

from typing import Any

import pytest

from activities.actions.expectation import Expectation
from activities.actions.shell import Shell, ShellFields
from app.domain.actions import Repeat
from app.domain.errors import Invalid
from app.domain.registry import load_actions
from app.domain.validation import check_draft, retries_of
from app.planning.outline.reader import read_outline
from tests.factories import plan_of, task


@pytest.mark.parametrize(
    ("expect", "output", "objection"),
    [
        ("2.1", "version 2.1", None),
        ("2.1", "version 2x1", "Expected: '2.1'. Found: version 2x1"),
        ("/^2\\.[0-9]$/", "a\n2.1\nb", None),
        ("/^2\\.[0-9]$/", "12.1\nb", "Expected: a match of /^2\\.[0-9]$/. Found in 2 lines, the last of them: b"),
        ("/", "a/b", None),
        ("ok", " \n", "The command succeeded, but its output is empty. Expected: 'ok'."),
        ("ok", "x" * 300, f"Found: {'x' * 200}…"),
    ],
)
def test_the_sentence_shows_what_was_expected_and_found(expect: str, output: str, objection: str | None) -> None:
    found = Expectation(expect).objection_to(output)
    assert found is None if objection is None else found is not None and found.endswith(objection)


def test_an_expectation_takes_linear_time() -> None:
    assert Expectation("/(a|aa)+$/").objection_to("a" * 60_000 + "b") is not None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"expect": ""}, "say what the output must contain"),
        ({"expect": "/(/"}, "not a valid regular expression"),
        ({"every_seconds": 5}, "together"),
        ({"until_seconds": 5}, "together"),
        ({"every_seconds": 60, "until_seconds": 30}, "must not be less"),
        ({"every_seconds": 1, "until_seconds": 1001}, "more than 1,000 attempts"),
        ({"every_seconds": 0.5, "until_seconds": 5}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ShellFields.model_validate({"command": "true", **fields})


def test_attempts_are_bounded_by_the_plan() -> None:
    draft = read_outline("- Wait: `test -e go` {every=1m until=1h}", has_model=False)
    check_draft(draft, load_actions(), None)
    assert Shell.repeat(draft.tasks()[0].action.fields()) == Repeat(60, 3600)
    assert retries_of(draft.tasks()[0], load_actions()) == 60


def test_retries_mean_nothing_for_what_is_repeated() -> None:
    action = {"type": "shell", "command": "true", "every_seconds": 60, "until_seconds": 3600}
    with pytest.raises(Invalid, match="'retries' means nothing"):
        check_draft(plan_of(task("a", action=action, retries=3)), load_actions(), None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- A: `b` {every=1m}", "'every' needs 'until'"),
        ("- A: `b` {until=1m}", "'until' needs 'every'"),
        ("- A: `b` {expect=/(/}", "not a valid regular expression"),
        ('- A: `b` {expect=""}', "say what the output must contain"),
    ],
)
def test_a_description_names_the_place(text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        read_outline(text, has_model=False)
