"""The questions of a plan at the terminal: asked one by one, and answered with the next version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.text import Text

from app.cli.arguments import project_argument
from app.cli.asking import can_ask, read_reply
from app.cli.command import as_json_option, client_command, console, print_json
from app.cli.display import plan_tree, visible
from app.cli.frozen import frozen_text
from signoff import SignoffError, is_pending, to_json

if TYPE_CHECKING:
    from rich.console import Console

    from app.cli.display import Json
    from signoff import AsyncSignoff

_PLAN_SECONDS = 60


def open_questions(plan: Json) -> list[str]:
    """The questions of a plan that nobody has answered."""
    return [item["question"] for item in plan["questions"] if item["answer"] is None]


def show_plan(out: Console, plan: Json, name: str) -> None:
    """Print everything that an approval of a plan covers."""
    out.print(plan_tree(plan, name))
    if frozen := frozen_text(plan):
        out.print(frozen, soft_wrap=True)


async def settle_questions(api: AsyncSignoff, out: Console, project_id: str, plan: Json, name: str) -> Json:
    """Ask the person at the terminal what the plan asks, and return the plan that follows the answers, which is then shown.

    Raises:
        SignoffError: the answers were refused, or the next version takes longer than a minute.
    """
    answers = await _ask(out, open_questions(plan))
    if not answers:
        return plan
    answered = await _send(api, project_id, answers)
    show_plan(out, answered, name)
    return answered


def name_open(out: Console, plan: Json) -> None:
    """Print the questions that an approval leaves open."""
    for question in open_questions(plan):
        out.print(Text(f"Still open: {visible(question)}", style="yellow"), soft_wrap=True)


async def _ask(out: Console, questions: list[str]) -> dict[str, str]:
    replies: dict[str, str] = {}
    for question in questions:
        try:
            replies[question] = await read_reply(out, f"{visible(question)} (leave empty to keep it open)")
        except EOFError:
            break
    return {question: reply for question, reply in replies.items() if reply}


async def _send(api: AsyncSignoff, project_id: str, answers: dict[str, str]) -> Json:
    made = await api.projects.refine_plan(project_id, answers=answers, wait=_PLAN_SECONDS)
    if is_pending(made):
        raise SignoffError(
            f"The answers are recorded, and the next version is being made. To see it: signoff projects plan {project_id}"
        )
    return to_json(made)


@click.command()
@project_argument
@click.argument("number", type=click.IntRange(min=1), required=False)
@click.argument("answer", required=False)
@as_json_option
@client_command
async def answer(api: AsyncSignoff, project_id: str, number: int | None, answer: str | None, *, as_json: bool) -> int:
    """Answer questions of a plan.

    Makes the next version of the plan. NUMBER is the number of a question, as `signoff projects plan` shows it. Without NUMBER
    and ANSWER, the command asks the open questions one by one.
    """
    plan = to_json(await api.projects.plan(project_id))
    if (number is None) != (answer is None):
        raise click.UsageError("Give the number of a question and its answer, or neither to be asked.")
    out = console()
    if number is not None and answer is not None:
        questions = [item["question"] for item in plan["questions"]]
        if number > len(questions):
            count = f"{len(questions)} question{'' if len(questions) == 1 else 's'}"
            raise click.UsageError(f"The plan has {count}; there is no question {number}.")
        answers = {questions[number - 1]: answer}
    elif not open_questions(plan):
        out.print("The plan has no open questions.")
        return 0
    elif not can_ask():
        raise click.UsageError("There is no terminal to ask on. Give the number of a question and its answer.")
    else:
        answers = await _ask(out, open_questions(plan))
    made = await _send(api, project_id, answers) if answers else plan
    print_json(made) if as_json else show_plan(out, made, made["summary"] or "Plan")
    return 0
