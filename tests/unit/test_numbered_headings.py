"""Numbered headings that only have text below them are steps for a person."""

from __future__ import annotations

import pytest

from app.domain.errors import Invalid
from app.domain.plan import PlanDraft, RunSettings, digest_of
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown


def read(text: str, *, has_model: bool = False) -> PlanDraft:
    draft = read_outline(text, has_model=has_model)
    again = read_outline(to_markdown(draft, "X"), has_model=has_model)
    assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())
    return draft


def steps(text: str, *, has_model: bool = False) -> list[tuple[str, str]]:
    return [(task.title, task.action.type) for task in read(text, has_model=has_model).tasks()]


@pytest.mark.parametrize("has_model", [False, True])
def test_each_is_a_step_for_a_person_in_the_order_of_the_text(has_model: bool) -> None:
    text = (
        "# Release\n\n## 1. Announce the freeze\n\nWrite to the list.\n\n## 2. Tag\n\n```sh\ngit tag v1\n```\n\n"
        "## 3. Tell everybody\n\nA few words.\n\nAnd a picture.\n"
    )
    assert steps(text, has_model=has_model) == [
        ("1. Announce the freeze", "manual"),
        ("2. Tag", "shell"),
        ("3. Tell everybody", "manual"),
    ]
    draft = read(text)
    assert draft.tasks()[0].description == "Write to the list."
    assert draft.tasks()[2].description == "A few words.\n\nAnd a picture."
    warned = [warning for warning in draft.warnings if "This heading is numbered" in warning]
    assert [warning.split(":")[0] for warning in warned] == ["Line 3", "Line 13"]
    assert all("{run=no}" in warning for warning in warned)


@pytest.mark.parametrize(
    "headings",
    [
        ("## Step 1: Check the dashboard", "## Step 2: Wait for the alert to clear"),
        ("### Step 0 Look at `main`", "### Step 1 - Tell the team"),
        ("# 1) Look", "# 2) Tell"),
        ("## 1 – Look", "## 2 – Tell"),  # noqa: RUF001 - as people write it
    ],
)
def test_a_document_of_nothing_else_is_a_plan(headings: tuple[str, str]) -> None:
    text = "\n\n".join(f"{heading}\n\nWords." for heading in headings)
    assert [kind for _, kind in steps(text)] == ["manual", "manual"]


def test_steps_below_the_heading_are_the_steps() -> None:
    text = "## 1. Build\n\nWords.\n\n- Build: `make x`\n\n## 2. Ship\n\n### Here\n\n- Ship: `make y`\n"
    assert steps(text) == [("Build", "shell"), ("Ship", "shell")]


@pytest.mark.parametrize(
    "text",
    [
        "## 1. Only one\n\nWords.\n\n## More\n\nWords.\n",
        "## 1.2.3\n\nChanges.\n\n## 1.2.4\n\nChanges.\n",
        "## 3. Late\n\nWords.\n\n## 4. Later\n\nWords.\n",
        "## 1. Background\n\nWords.\n\n## 2. References\n\nWords.\n",
        "## 1. Look {run=no}\n\nWords.\n\n## 2. Tell {run=no}\n\nWords.\n",
        "## Appendix {run=no}\n\n### 1. Look\n\nWords.\n\n### 2. Tell\n\nWords.\n",
        "## 2024 plans\n\nWords.\n\n## 2025 plans\n\nWords.\n",
    ],
)
def test_other_headings_stay_text(text: str) -> None:
    with pytest.raises(Invalid, match="There are no tasks"):
        read_outline(text, has_model=False)
    assert steps(f"{text}\n## Do\n\n- Do: `make x`\n") == [("Do", "shell")]


def test_a_condition_in_the_heading_asks() -> None:
    text = "## 1. Look\n\nWords.\n\n## 2. Clear the cache (if needed)\n\nWords.\n"
    assert [kind for _, kind in steps(text)] == ["manual", "decision", "manual"]


def test_code_in_the_heading_does_not_run() -> None:
    assert steps("## 1. Build: `make x`\n\nWords.\n\n## 2. Look\n\nWords.\n") == [
        ("1. Build: make x", "manual"),
        ("2. Look", "manual"),
    ]
