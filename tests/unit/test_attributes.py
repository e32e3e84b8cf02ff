"""The table of attributes and actions, cell by cell: what means nothing is refused, with what to do instead."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.actions import Mode
from app.domain.attributes import API_NAMES, ATTRIBUTES, MEANS, means, why_meaningless
from app.domain.errors import Invalid
from app.domain.plan import PlanDraft
from app.domain.registry import load_actions
from app.domain.validation import check_draft
from app.planning.outline.reader import read_outline
from tests.factories import plan_of, task

# For each action, an item of a description and its action in a plan. `{}` is where attributes are written.
ITEMS = {
    "shell": ("- It: `true` {}", {"type": "shell", "command": "true"}),
    "http": ("- It {}\n  ```http\n  GET https://example.com/\n  ```", {"type": "http", "url": "https://example.com/"}),
    "agent": ("- It {}\n  ```prompt\n  Write.\n  ```", {"type": "agent", "prompt": "Write."}),
    "manual": ("- [ ] It {}", {"type": "manual"}),
    "decision": ("- It {decision=yes,no {}}", {"type": "decision", "options": ["yes", "no"]}),
    "wait": ("- It {wait=5 {}}", {"type": "wait", "seconds": 5}),
    "milestone": ("- It {milestone {}}", {"type": "milestone"}),
}
# How a description writes each attribute, and the value of the API's field.
WRITTEN: dict[str, tuple[str, Any]] = {
    "agent": ("agent=default", "default"),
    "retries": ("retries=2", 2),
    "timeout": ("timeout=5m", 300),
    "on_crash": ("on_crash=ask", "ask"),
    "after_failure": ("after_failure=ask", "ask"),
    "files": ("files=a.txt", ["a.txt"]),
    "inputs": ("", {"a": 1}),
    "reads": ("reads=/usr/share", ["/usr/share"]),
    "writes": ("writes=/srv/out", ["/srv/out"]),
    "limits": ("memory=1g", {"memory": 1}),
    "default": ("default=no", None),
    "expires": ("expires=2d", None),
    "stop": ("stop=no", None),
    "by": ("by=model", None),
    "other_than": ("other_than=first", None),
    "approval": ("approval=yes", True),
    "env": ("", {"A": "1"}),
    "cwd": ("cwd=app", "app"),
    "expect": ("expect=2", "2"),
    "every": ("every=1m until=1h", 60),
    "until": ("until=1h every=1m", 3600),
}
CELLS = [(action, attribute) for action in ITEMS for attribute in WRITTEN]


def test_the_table_has_every_action_and_every_attribute() -> None:
    assert set(MEANS) == set(ITEMS) == {name for name in load_actions() if name in MEANS}
    assert {attribute for row in MEANS.values() for attribute in row} == set(ATTRIBUTES)
    assert set(API_NAMES) <= set(WRITTEN) == set(ATTRIBUTES)


def written(action: str, attribute: str) -> str:
    item, text = ITEMS[action][0], WRITTEN[attribute][0]
    if attribute in {"inputs", "env"}:
        block = f"\n\n  ```{attribute}\n  a: 1\n  ```"
        return item.replace(" {}}", "}").replace(" {}", "") + block
    return item.replace("{}}", f"{text}}}") if "{}}" in item else item.replace("{}", f"{{{text}}}")


@pytest.mark.parametrize(("action", "attribute"), CELLS)
def test_a_description(action: str, attribute: str) -> None:
    text = written(action, attribute)
    if means(action, attribute):
        assert read_outline(text, has_model=False).tasks()[0].action.type == action
        return
    if attribute == "env" and action in {"manual", "decision", "wait", "milestone"}:
        # Where nothing runs, the block shows the contents of a file.
        assert "```env\na: 1\n```" in read_outline(text, has_model=False).tasks()[0].description
        return
    with pytest.raises(Invalid) as error:
        read_outline(text, has_model=False)
    details = error.value.info.details
    # 'every' and 'until' are only written together.
    assert len(details) == (2 if attribute in {"every", "until"} else 1)
    expected = {"only valid for a decision", why_of(action, attribute)}
    assert any(text in problem.message for problem in details for text in expected)
    assert all(problem.field.startswith("line ") for problem in details)


def why_of(action: str, attribute: str) -> str:
    return why_meaningless(action, attribute, {"limits": "memory"}.get(attribute))


@pytest.mark.parametrize(("action", "attribute"), [cell for cell in CELLS if cell[1] in API_NAMES])
def test_a_plan_as_json(action: str, attribute: str) -> None:
    field, value = API_NAMES[attribute], WRITTEN[attribute][1]
    draft = plan_of(task("it", action=ITEMS[action][1], **{field: value}))
    if means(action, attribute):
        check_draft(draft, load_actions(), None)
        return
    with pytest.raises(Invalid) as error:
        check_draft(draft, load_actions(), None)
    assert [(problem.field, problem.message) for problem in error.value.info.details] == [
        (f"phases[0].tasks[0].{field}", f"Task 'it': {why_meaningless(action, attribute, field)}")
    ]


def test_the_sentence_says_what_to_use_instead() -> None:
    assert why_meaningless("decision", "timeout") == "'timeout' means nothing for a decision. Use 'expires'."
    with pytest.raises(Invalid, match=r"line 1, column 19: 'timeout' means nothing for a decision\. Use 'expires'\."):
        read_outline("- D {decision=a,b timeout=2}", has_model=False)


def test_an_older_task_keeps_what_means_nothing_until_it_is_changed() -> None:
    old = task("it", action={"type": "manual"}, timeout_seconds=2)
    before = plan_of(old)
    after = PlanDraft.model_validate(plan_of(old, task("more")).model_dump())
    check_draft(after, load_actions(), None, before=before)
    after.phases[0].tasks[0].title = "Other"
    with pytest.raises(Invalid, match="timeout_seconds"):
        check_draft(after, load_actions(), None, before=before)


@pytest.mark.parametrize("mode", Mode)
def test_an_action_of_another_package_goes_by_its_mode(mode: Mode) -> None:
    assert means("mail", "timeout", mode) == (mode == Mode.ACTIVITY)
    assert means("mail", "retries", mode) == (mode == Mode.ACTIVITY)
    assert means("mail", "files", mode) == (mode in {Mode.ACTIVITY, Mode.PERSON})


@pytest.mark.parametrize("action", ITEMS)
@pytest.mark.parametrize(
    ("attribute", "text"), [("cwd", "cwd=app"), ("expect", "expect=2"), ("every", "every=1m until=1h")]
)
def test_what_only_a_command_has(action: str, attribute: str, text: str) -> None:
    item = ITEMS[action][0]
    described = item.replace("{}}", f"{text}}}") if "{}}" in item else item.replace("{}", f"{{{text}}}")
    if means(action, attribute):
        fields = read_outline(described, has_model=False).tasks()[0].action.fields()
        assert set(fields) - {"command"} == {"every_seconds", "until_seconds"} if attribute == "every" else {attribute}
        return
    with pytest.raises(Invalid, match=rf"'{attribute}' means nothing for"):
        read_outline(described, has_model=False)
