"""A person answers the questions of a plan at the terminal, one by one, and sees which of them an approval leaves open."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Stack
from tests.e2e.command_line import CommandLine
from tests.model_answers import Output
from tests.model_server import ModelServer
from tests.models.drafts import GOOD, drafted, events_of, plan
from tests.models.test_known import ASKED, ASSUMED, KNOWN, questions_of
from tests.models.test_model_planner import WORDS


@pytest.fixture
def cli(planner: Stack, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {"SIGNOFF_URL": planner.url, "SIGNOFF_DATA_DIR": str(tmp_path / "data")})


async def test_questions_are_asked_one_by_one_before_an_approval(
    planner: Stack, model: ModelServer, cli: CommandLine
) -> None:
    model.say(KNOWN, plan(*GOOD))
    project_id = await planner.planned(WORDS)
    async with cli.terminal("projects", "approve", project_id) as terminal:
        for text in (f"Assumption: {ASSUMED[0]}", f"Open question 1: {ASKED[0]}"):
            await terminal.seen(text)
        await terminal.seen(f"{ASKED[0]} (leave empty to keep it open)")
        terminal.type("v2.3\n")
        await terminal.seen(f"{ASKED[1]} (leave empty to keep it open)")
        terminal.type("\n")
        await terminal.seen(f"Question 1: {ASKED[0]} → v2.3")
        await terminal.seen(f"Still open: {ASKED[1]}")
        await terminal.seen("Approve and run this plan? [y/N]")
        terminal.type("y\n")
        await terminal.seen("Approved.")
        assert await terminal.ended() == 0
    (approved,) = await events_of(planner, project_id, "plan.approved")
    assert (approved["plan_version"], approved["open_questions"]) == (3, [ASKED[1]])


async def test_one_question_is_answered_by_its_number(planner: Stack, model: ModelServer, cli: CommandLine) -> None:
    model.say(KNOWN, plan(*GOOD))
    project_id = await planner.planned(WORDS)
    answered = await cli("projects", "answer", project_id, "2", "On the intranet")
    assert (answered.code, f"Question 2: {ASKED[1]} → On the intranet" in answered.out) == (0, True)
    made = await planner.call("GET", f"/{project_id}/plan")
    assert questions_of(made) == {ASKED[0]: None, ASKED[1]: "On the intranet"}
    diff = await cli("projects", "diff", project_id, "--from", "1")
    assert f"~ question {ASKED[1]}\n    answer: nothing → On the intranet" in diff.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("3", "Yes."), "The plan has 2 questions; there is no question 3."),
        (("1",), "Give the number of a question and its answer, or neither to be asked."),
        ((), "There is no terminal to ask on. Give the number of a question and its answer."),
    ],
)
async def test_an_answer_needs_a_question(
    planner: Stack, model: ModelServer, cli: CommandLine, arguments: tuple[str, ...], said: str
) -> None:
    model.say(KNOWN)
    project_id = await planner.planned(WORDS)
    ended = await cli("projects", "answer", project_id, *arguments)
    assert (ended.code, said in ended.err) == (2, True), ended.err


async def test_an_approval_without_a_terminal_names_what_is_open(
    planner: Stack, model: ModelServer, cli: CommandLine
) -> None:
    model.say(KNOWN)
    project_id = await planner.planned(WORDS)
    approved = await cli("projects", "approve", project_id, "--yes")
    assert approved.code == 0
    for question in ASKED:
        assert f"Still open: {question}" in approved.out


async def test_a_plan_without_questions_asks_nothing(planner: Stack, model: ModelServer, cli: CommandLine) -> None:
    model.say(Output(drafted(*GOOD)))
    project_id = await planner.planned(WORDS)
    ended = await cli("projects", "answer", project_id)
    assert (ended.code, ended.out) == (0, "The plan has no open questions.\n")
