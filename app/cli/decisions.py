"""`signoff decisions …`: lists a project's decisions and answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.text import Text

from app.cli.arguments import project_argument
from app.cli.command import answer_command, comment_option, yes_option
from app.cli.groups import command_group
from app.cli.references import whole_decision
from app.cli.tables import decision_list
from app.cli.tasks import confirm_skip

if TYPE_CHECKING:
    from signoff import AsyncSignoff
    from signoff.schemas.answers import Recorded
    from signoff.schemas.decisions import AnsweredDecision, DecisionList

_STATUSES = ["open", "answered", "expired", "withdrawn", "accepted", "refused"]


@command_group()
def decisions() -> None:
    """List and answer decisions."""


@decisions.command("list")
@project_argument
@click.option("--status", type=click.Choice(_STATUSES), help="List only decisions with this status.")
@answer_command(decision_list, has_table=True)
async def list_decisions(api: AsyncSignoff, project_id: str, status: str | None) -> DecisionList:
    """List open and past decisions, oldest first."""
    return await api.decisions.list(project_id, status=status)


@decisions.command("answer")
@project_argument
@click.argument("decision")
@click.argument("answer")
@comment_option
@yes_option
@answer_command(lambda answer: Text("Recorded." if answer.get("recorded") else "Answered."))
async def answer_decision(
    api: AsyncSignoff, project_id: str, decision: str, answer: str, comment: str | None, *, yes: bool
) -> AnsweredDecision | Recorded:
    """Answer an open decision.

    DECISION is an id of `signoff decisions list`, or the key of the task that asks. ANSWER must
    be one of its options; the question of an agent also takes other words. Only the first answer is accepted.
    """
    asked = await api.decisions.get(project_id, await whole_decision(api, project_id, decision))
    if answer == "skip" and asked.task_id is not None and asked.kind != "decision":
        await confirm_skip(api, project_id, asked.task_id, None, yes=yes)
    return await api.decisions.answer(project_id, asked.id, answer, comment=comment)


COMMANDS: list[click.Command] = [decisions]
