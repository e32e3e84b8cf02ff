"""Small documents, and what is read in them: each case of tests/cases/outline.json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import Invalid
from app.domain.plan import ActionSpec, PhaseDraft, RunSettings, TaskDraft, digest_of
from app.domain.registry import load_actions
from app.domain.validation import check_draft
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown
from signoff.vocabulary import RunsOn

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "cases" / "outline.json").read_text())
LINE = re.compile(r"line (\d+)", re.IGNORECASE)


def ran(action: ActionSpec) -> Any:
    """The command or the program of an action; of any other action, its type."""
    fields = action.fields()
    return fields.get("command") or fields.get("argv") or action.type


def lines(texts: list[str]) -> list[int]:
    """The lines that warnings or problems begin with."""
    return [int(match[1]) for text in texts if (match := LINE.match(text)) is not None]


def shown(task: TaskDraft) -> dict[str, Any]:
    """What a task does, and what it waits for."""
    return {"title": task.title, "action": ran(task.action), "after": task.depends_on}


def when(part: PhaseDraft | TaskDraft) -> dict[str, Any]:
    """What a phase or task says about when it runs: its condition, after a failure, and whether a person releases it."""
    found: dict[str, Any] = {}
    if part.condition is not None:
        found["if"] = f"{part.condition.task}:{','.join(part.condition.values)}"
    if isinstance(part, PhaseDraft) and part.runs_on != RunsOn.SUCCESS:
        found["on"] = str(part.runs_on)
    if part.requires_approval:
        found["approval"] = True
    return found


def reading(text: str) -> dict[str, Any]:
    """What a document says, in the form of the cases."""
    try:
        draft = read_outline(text, has_model=False)
    except Invalid as error:
        return {"problems": lines([problem.field for problem in error.info.details])}
    phases = [
        {"name": phase.name, **when(phase), "tasks": [{**shown(task), **when(task)} for task in phase.tasks]}
        for phase in draft.phases
    ]
    asked = {name: parameter.description for name, parameter in draft.parameters.items()}
    return {"phases": phases, "warnings": lines(draft.warnings), **({"parameters": asked} if asked else {})}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_document_makes_the_plan_that_it_says(case: dict[str, Any]) -> None:
    assert reading(case["input"]) == case["expected"]


@pytest.mark.parametrize(
    "case", [case for case in CASES if "phases" in case["expected"]], ids=lambda case: str(case["id"])
)
def test_its_plan_is_valid_and_printed_as_markdown_it_is_the_same_plan(case: dict[str, Any]) -> None:
    draft = read_outline(case["input"], has_model=False)
    check_draft(draft, load_actions(), agents=None)
    again = read_outline(to_markdown(draft, "Plan"), has_model=False)
    assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())
