"""Texts from people and programs end their lines with LF, whatever their source wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest

from activities import by_hand
from activities.actions.shell_outputs import parse_outputs
from app.api.http.bodies import AnswerTask, CreateProject, RefinePlan, UpdateTask
from app.domain.edits import parse_edits
from app.domain.plan import PlanDraft
from app.domain.texts import normalized, normalized_text
from app.planning.outline.reader import read_outline

TEXT, NORMAL = "\ufeffa\r\nb\rc\n\r\nd", "a\nb\nc\n\nd"


def outline(text: str) -> PlanDraft:
    return read_outline(text, has_model=False)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("\ufeffa\ufeff", "a\ufeff"),
        ("\r\r\n\n", "\n\n\n"),
        ("", ""),
        ("\\r\\n", "\\r\\n"),
    ],
)
def test_line_breaks(text: str, normal: str) -> None:
    assert normalized_text(text) == normal


def test_a_value_keeps_its_shape_and_what_is_data() -> None:
    value = {"a": [TEXT, 1, {"b": TEXT}], "action": {"type": "http", "body": TEXT, "url": TEXT}, "inputs": {"x": TEXT}}
    assert normalized(value) == {
        "a": [NORMAL, 1, {"b": NORMAL}],
        "action": {"type": "http", "body": TEXT, "url": NORMAL},
        "inputs": {"x": TEXT},
    }


def test_bodies_of_requests() -> None:
    assert CreateProject.model_validate({"name": TEXT, "description": TEXT}).description == NORMAL
    task = {"title": "t", "action": {"type": "shell", "command": TEXT, "env": {"A": TEXT}}, "inputs": {"x": TEXT}}
    made = UpdateTask.model_validate({**task, "outputs": {"stdout": TEXT}})
    assert made.action is not None
    assert made.action.fields() == {"command": NORMAL, "env": {"A": NORMAL}}
    assert made.inputs == {"x": TEXT}
    # A read-only field is compared with its current value.
    assert (made.model_extra or {})["outputs"] == {"stdout": TEXT}
    answered = AnswerTask.model_validate({"outputs": {"x": [TEXT]}, "comment": TEXT})
    assert (answered.outputs, answered.comment) == ({"x": [TEXT]}, NORMAL)
    edits = [{"op": "add_task", "title": "t", "action": {"type": "shell", "argv": ["bash", "-c", TEXT]}}]
    assert RefinePlan.model_validate({"edits": edits}).edits == normalized(edits)


def test_edits_of_a_plan() -> None:
    [edit] = parse_edits(
        [{"op": "update_task", "task": "t", "description": TEXT, "action": {"type": "agent", "prompt": TEXT}}]
    )
    shown = edit.model_dump()
    assert (shown["description"], shown["action"]["prompt"]) == (NORMAL, NORMAL)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_descriptions_and_their_json(end: str) -> None:
    plain = "\n".join(
        [
            "# Title",
            "",
            "- One {#one}",
            "",
            "  ```sh",
            "  cd sub",
            "  ls",
            "  ```",
            "",
            "- Two {#two}",
            "",
            "  ```action",
            f"  {json.dumps({'type': 'shell', 'command': TEXT})}",
            "  ```",
            "",
            "- ```task",
            f"  {json.dumps({'key': 'three', 'title': 'x', 'description': TEXT, 'action': {'type': 'manual'}})}",
            "  ```",
        ]
    )
    draft = outline("\ufeff" + plain.replace("\n", end))
    assert draft == outline(plain)
    one, two, three = draft.tasks()
    assert [one.action.fields()["command"], two.action.fields()["command"]] == ["set -e\ncd sub\nls", NORMAL]
    assert three.description == NORMAL


def test_signals_by_hand() -> None:
    edits = [{"op": "add_task", "title": "t", "description": TEXT}]
    _, comment, values = by_hand.read("edit", json.dumps({"edits": edits, "comment": TEXT}), "project")
    assert (comment, values["edits"]) == (NORMAL, normalized(edits))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_outputs_of_a_command(end: str) -> None:
    written = "\ufeffa=1\nb<<END\nx\n\ny\nEND\nc=é=2\n".replace("\n", end)
    expected: dict[str, Any] = {"a": "1", "b": "x\n\ny", "c": "é=2"}
    assert parse_outputs(written.encode()) == expected
