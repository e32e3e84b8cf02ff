"""A model that cannot plan yet: its questions are listed wherever somebody looks, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Stack
from tests.e2e.command_line import CommandLine
from tests.model_answers import Output
from tests.model_server import ModelServer
from tests.models.drafts import GOOD, drafted, events_of, plan

QUESTIONS = ["Which data is to be moved?", "Where does it go?"]
CANNOT = {"summary": "No plan yet.", "phases": [], "cannot_plan": "The brief names no data.", "questions": QUESTIONS}


async def test_the_questions_come_instead_of_a_plan(planner: Stack, model: ModelServer) -> None:
    model.say(Output(CANNOT), plan(*GOOD))
    project_id = await planner.create("Move everything to the new system.")
    refused = await planner.call("POST", f"/{project_id}/generate-plan", status=422)
    assert refused["code"] == "needs_answers"
    assert refused["details"] == [
        {"field": f"questions[{index}]", "message": question} for index, question in enumerate(QUESTIONS)
    ]
    project = await planner.project(project_id)
    assert (project["stage"], project["plan"], project["failure"]["code"]) == ("draft", None, "needs_answers")
    shown = project["failure"]["message"]
    assert "The brief names no data." in shown
    assert "1." not in refused["message"]
    assert shown.endswith("1. Which data is to be moved?\n2. Where does it go?")
    (failed,) = await events_of(planner, project_id, "plan.failed")
    assert [detail["message"] for detail in failed["details"]] == QUESTIONS
    # With the answers in the description, it is planned.
    await planner.call("PUT", f"/{project_id}", json={"description": "Move orders.csv to archive/."})
    made = await planner.call("POST", f"/{project_id}/generate-plan")
    assert (made["status"], len(model.requests)) == ("ready", 2)


async def test_the_command_line_lists_the_questions(planner: Stack, model: ModelServer, tmp_path: Path) -> None:
    model.say(Output(CANNOT))
    project_id = await planner.create("Move everything to the new system.")
    cli = CommandLine(tmp_path, {"SIGNOFF_URL": planner.url, "SIGNOFF_DATA_DIR": str(tmp_path / "data")})
    ended = await cli("projects", "regenerate", project_id)
    assert ended.code == 1
    assert "The brief names no data. Put the answers into the description" in ended.err
    for question in QUESTIONS:
        assert question in ended.err
    shown = await cli("projects", "show", project_id)
    assert "2. Where does it go?" in shown.out, shown


async def test_a_plan_that_cannot_be_changed_yet_stays(planner: Stack, model: ModelServer) -> None:
    model.say(plan(*GOOD), Output(CANNOT))
    project_id = await planner.planned("Gather the figures and have somebody check them.")
    before = await planner.call("GET", f"/{project_id}/plan")
    message = {"message": "Move it elsewhere."}
    refused = await planner.call("POST", f"/{project_id}/refine-plan", status=422, json=message)
    assert refused["code"] == "needs_answers"
    assert (await planner.call("GET", f"/{project_id}/plan"))["version"] == before["version"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({**CANNOT, "questions": []}, "list in questions what you need to know"),
        ({**CANNOT, "phases": drafted(*GOOD)["phases"]}, "cannot_plan and phases exclude each other"),
    ],
)
async def test_half_a_refusal_goes_back(planner: Stack, model: ModelServer, answer: dict[str, Any], said: str) -> None:
    model.say(Output(answer), plan(*GOOD))
    project_id = await planner.create("Move everything to the new system.")
    await planner.call("POST", f"/{project_id}/generate-plan")
    assert said in model.requests[1].texts
