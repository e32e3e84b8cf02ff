"""`signoff projects …`: what people say about a plan, besides approving it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.console import Group
from rich.text import Text

from app.cli.arguments import project_argument
from app.cli.command import answer_command, comment_option
from app.cli.display import visible
from app.cli.tables import moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from app.cli.display import Json
    from signoff import AsyncSignoff
    from signoff.schemas.answers import Recorded, StatusAnswer
    from signoff.schemas.comments import PlanComment, PlanComments

_version_option = click.option(
    "--version", type=click.IntRange(1), help="The version that you have read; default: the current one."
)


def _needed(help_text: str) -> Callable[[Any], Any]:
    return click.option("-m", "--comment", required=True, metavar="TEXT", help=help_text)


def _asked(answer: Json) -> Text:
    if answer.get("recorded"):
        return Text("Your request for changes is recorded.")
    return Text("Changes requested. The project waits for its author.")


@click.command("request-changes")
@project_argument
@_needed("What must change.")
@_version_option
@answer_command(_asked)
async def request_changes(
    api: AsyncSignoff, project_id: str, comment: str, version: int | None
) -> StatusAnswer | Recorded:
    """Request changes to a plan.

    The project then waits for its author, who makes the next version. Nobody else can approve this version. If you approve it
    after all, that withdraws your request.
    """
    return await api.projects.request_changes(project_id, comment, plan_version=version)


def _rejected(answer: Json) -> Text:
    word = "The rejection is recorded" if answer.get("recorded") else "Rejected. The project is cancelled"
    return Text(f"{word}.")


@click.command()
@project_argument
@_needed("Why the plan is rejected.")
@_version_option
@answer_command(_rejected)
async def reject(api: AsyncSignoff, project_id: str, comment: str, version: int | None) -> StatusAnswer | Recorded:
    """Reject a plan.

    The project is cancelled, and the record says who rejected its plan, and why.
    """
    return await api.projects.reject(project_id, comment, plan_version=version)


def _undone(answer: Json) -> Text:
    word = "The withdrawal is recorded" if answer.get("recorded") else "Your approval is withdrawn"
    return Text(f"{word}.")


@click.command()
@project_argument
@click.option("--gate", "gate_id", metavar="GATE", help="Which approval, if several of yours can be withdrawn.")
@comment_option
@answer_command(_undone)
async def undo(api: AsyncSignoff, project_id: str, gate_id: str | None, comment: str | None) -> StatusAnswer | Recorded:
    """Withdraw your last approval.

    Works while the approval has not taken effect, because a policy gives time to undo it. What it was for waits for
    approval again.
    """
    return await api.projects.undo_approval(project_id, gate_id=gate_id, comment=comment)


def _line(comment: Json) -> Text:
    about = f"version {comment['version']}" + (f", task {comment['key']}" if comment["key"] else "")
    head = f"{visible(comment['by'])}, {moment(comment['at'])}, {about}\n"
    return Text.assemble((head, "dim"), visible(comment["text"]))


@click.command("comment")
@project_argument
@_needed("The comment.")
@click.option("--task", help="Comment on this task (key or id) instead of the whole plan.")
@click.option("--version", type=click.IntRange(1), help="Version to comment on; default: the current one.")
@answer_command(_line)
async def add_comment(
    api: AsyncSignoff, project_id: str, comment: str, task: str | None, version: int | None
) -> PlanComment:
    """Comment on a plan or on one of its tasks.

    A comment is part of the record, and can be neither changed nor removed. It decides nothing.
    """
    return await api.projects.comment(project_id, comment, task=task, version=version)


def _list(answer: Json) -> RenderableType:
    if not answer["comments"]:
        return Text("There are no comments.", style="dim")
    return Group(*(_line(comment) for comment in answer["comments"]))


@click.command("comments")
@project_argument
@answer_command(_list)
async def list_comments(api: AsyncSignoff, project_id: str) -> PlanComments:
    """List the comments on all versions of a plan."""
    return await api.projects.comments(project_id)


REVIEWS: list[click.Command] = [request_changes, reject, undo, add_comment, list_comments]
