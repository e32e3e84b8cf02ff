"""Many edits in one request: each sees what those before it did."""

from __future__ import annotations

import pytest

from app.domain.edits import MAX_EDITS, Editor, parse_edits
from app.domain.errors import Invalid
from app.domain.plan import PlanDraft
from signoff.schemas.json_value import JsonObject


def edited(*operations: JsonObject) -> Editor:
    editor = Editor(PlanDraft(), {})
    editor.apply(parse_edits(list(operations)))
    return editor


def layout(editor: Editor) -> dict[str, list[str]]:
    return {phase.key: [task.key for task in phase.tasks] for phase in editor.draft.phases}


def add(title: str, phase: str = "one", **fields: object) -> JsonObject:
    return {"op": "add_task", "phase": phase, "title": title, **fields}  # pyright: ignore[reportReturnType] - JSON


PHASES: list[JsonObject] = [{"op": "add_phase", "name": "One"}, {"op": "add_phase", "name": "Two"}]


def test_a_task_is_found_after_it_was_moved_renamed_and_its_phase_was_changed() -> None:
    editor = edited(
        *PHASES,
        add("Look"),
        add("Build"),
        {"op": "move_task", "task": "look", "phase": "two"},
        {"op": "update_phase", "phase": "two", "name": "Second", "position": 0},
        {"op": "update_task", "task": "look", "title": "Look again"},
        {"op": "move_task", "task": "build", "phase": "two", "position": 0},
    )
    assert layout(editor) == {"two": ["build", "look"], "one": []}
    assert [task.title for task in editor.draft.tasks()] == ["Build", "Look again"]


def test_the_key_of_a_task_that_was_removed_is_free_again() -> None:
    editor = edited(*PHASES, add("Look"), add("Look"), {"op": "remove_task", "task": "look"}, add("Look", "two"))
    assert layout(editor) == {"one": ["look_2"], "two": ["look"]}


def test_tasks_are_gone_with_their_phase() -> None:
    removed: JsonObject = {"op": "remove_phase", "phase": "one"}
    assert layout(edited(*PHASES, add("Look"), removed, add("Look", "two"))) == {"two": ["look"]}
    with pytest.raises(Invalid, match="no task 'look'"):
        edited(*PHASES, add("Look"), removed, {"op": "remove_task", "task": "look"})


def test_of_two_tasks_with_one_key_the_first_is_meant() -> None:
    first, second = add("First", key="same"), add("Second", "two", key="same")
    assert layout(edited(*PHASES, first, second, {"op": "remove_task", "task": "same"})) == {"one": [], "two": ["same"]}
    moved: JsonObject = {"op": "move_task", "task": "same", "phase": "two"}
    assert layout(edited(*PHASES, first, second, moved)) == {"one": [], "two": ["same", "same"]}


def test_a_plan_of_ten_thousand_tasks_is_one_request() -> None:
    editor = edited(PHASES[0], *(add(f"Task {number}", key=f"t{number}") for number in range(MAX_EDITS - 1)))
    assert len(editor.draft.tasks()) == MAX_EDITS - 1 == 9_999
    with pytest.raises(Invalid, match="at most 10,000 edits"):
        edited(*(add("Task") for _ in range(MAX_EDITS + 1)))
