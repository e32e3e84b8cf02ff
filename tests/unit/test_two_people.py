"""Two decisions can be left to two different people: in the plan, and when they answer."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from app.commands import answers
from app.commands.handlers import HANDLERS
from app.database.database import Database
from app.domain.commands import CommandKind, CommandRecord, CommandRequest
from app.domain.errors import Invalid
from app.domain.identity import new_id
from app.domain.registry import load_actions
from app.domain.signals import UNAUTHENTICATED
from app.domain.validation import check_draft
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown
from app.storage import decisions, projects, questions, runs, tasks
from tests.unit.conftest import add_task, decide, new_project

REVIEWS = "- Right? {#first decision=yes,no%s}\n- Right, for another person? {#second decision=yes,no other_than=first}"


def test_a_plan_says_so_and_can_be_printed_again() -> None:
    draft = read_outline(REVIEWS % "", has_model=False)
    assert draft.tasks()[1].action.fields()["other_than"] == "first"
    check_draft(draft, load_actions(), None)
    printed = to_markdown(draft, "Reviews")
    assert "other_than=first" in printed
    assert read_outline(printed, has_model=False).phases == draft.phases


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (REVIEWS % " by=model", "a model answers first"),
        (REVIEWS % " default=yes expires=1h", "has a default answer"),
        ("- Right? {#second decision=yes,no other_than=first}", "does not exist"),
        ("- Right? {#second decision=yes,no other_than=second}", "is the decision itself"),
        ("- Look: `true` {#first}\n- Right? {#second decision=yes,no other_than=first}", "is not a decision"),
        (REVIEWS % "" + "\n- Well? {decision=yes,no other_than=first by=model}", "a model cannot answer"),
        (REVIEWS % "" + "\n- Well? {decision=yes,no other_than=first default=no}", "cannot be a default answer"),
    ],
)
def test_what_cannot_be_left_to_two_people(plan: str, why: str) -> None:
    with pytest.raises(Invalid) as error:
        check_draft(read_outline(plan, has_model=False), load_actions(), None)
    assert why in str([problem.message for problem in error.value.info.details])


def asked(conn: Connection) -> str:
    """Create a running project with two open decisions: whoever answers the first may not answer the second."""
    project_id = new_project(conn)
    options = {"type": "decision", "options": ["yes", "no"]}
    add_task(conn, project_id, "First", key="first", action=options)
    add_task(conn, project_id, "Second", key="second", action=options | {"other_than": "first"})
    assert decide(conn, project_id, "approve").error is None
    phase = runs.phase_at(conn, project_id, 0)
    project = projects.get(conn, project_id)
    assert phase is not None
    assert project.run_id is not None
    assert runs.begin_phase(conn, project, phase)
    for task in tasks.all_of(conn, project_id):
        answers.open_decision(conn, project.run_id, task, None)
    return project_id


def by(
    conn: Connection, project_id: str, actor: str, key: str, kind: CommandKind = CommandKind.ANSWER
) -> CommandRecord:
    payload: Any = {"task": key, **({"answer": "yes"} if kind == CommandKind.ANSWER else {})}
    request = CommandRequest(project_id=project_id, request_id=new_id("req"), kind=kind, actor=actor, payload=payload)
    return decisions.decide(conn, request, HANDLERS[kind])


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
async def test_one_person_cannot_answer_both(database: Database, order: tuple[str, str]) -> None:
    def work(conn: Connection) -> None:
        project_id = asked(conn)
        assert by(conn, project_id, "ann", order[0]).error is None
        refused = by(conn, project_id, "ann", order[1])
        assert refused.error is not None
        assert (refused.error.status, refused.error.code) == (409, "same_person")
        assert refused.error.message == (
            f"ann has already settled '{order[0]}'. Another person must answer '{order[1]}'."
        )
        assert by(conn, project_id, "ben", order[1]).error is None
        assert questions.count_open(conn, project_id) == 0

    await database.transact(work)


@pytest.mark.parametrize(("first", "second"), [("answer", "skip"), ("skip", "answer"), ("skip", "skip")])
async def test_a_skip_takes_the_place_of_no_other_person(database: Database, first: str, second: str) -> None:
    def work(conn: Connection) -> None:
        project_id = asked(conn)
        assert by(conn, project_id, "ann", "first", CommandKind(first)).error is None
        refused = by(conn, project_id, "ann", "second", CommandKind(second)).error
        assert refused is not None
        assert refused.code == "same_person"
        # Anybody can end the run by failing the task.
        assert by(conn, project_id, "ann", "second", CommandKind.FAIL).error is None

    await database.transact(work)


async def test_an_answer_of_nobody_counts_for_neither(database: Database) -> None:
    def work(conn: Connection) -> None:
        refused = by(conn, asked(conn), UNAUTHENTICATED, "first").error
        assert refused is not None
        assert refused.code == "same_person"

    await database.transact(work)
