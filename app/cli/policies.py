"""`signoff policy …`: who must sign which documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from app.cli.arguments import plan_argument, read_plan, set_option
from app.cli.command import answer_command, as_json_option, client_command, console, print_json
from app.cli.display import visible
from app.cli.groups import command_group
from app.cli.listing import table

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from signoff import AsyncSignoff
    from signoff.schemas.outline import OutlinePreview
    from signoff.schemas.policies import PolicyList

Json = dict[str, Any]
_NONE = "No policy is set. One approval by anybody with the role approver is enough."


@command_group()
def policy() -> None:
    """Show who must sign which documents."""


def _policy_list(answer: Json) -> RenderableType:
    if not answer["policies"]:
        return Text(_NONE)
    rows = [
        (
            visible(row["about"]),
            visible(row["demands"]),
            ", ".join(f"{visible(name)} does not exist" for name in row["unknown"]),
        )
        for row in answer["policies"]
    ]
    return table(("applies to", "demands", ""), rows)


@policy.command("list")
@answer_command(_policy_list)
async def list_policies(api: AsyncSignoff) -> PolicyList:
    """List the server's policies, what each is about, and what it demands."""
    return await api.policies()


@policy.command("test")
@plan_argument
@click.option("--label", "labels", multiple=True, help="Label of the project. May be repeated.")
@click.option("--agent", "agent_id", help="Agent of the project.")
@set_option
@as_json_option
@client_command
async def test_policies(
    api: AsyncSignoff,
    plan: Path,
    *,
    labels: tuple[str, ...],
    agent_id: str | None,
    parameters: dict[str, str] | None,
    as_json: bool,
) -> int:
    """Say who would have to sign the plan that the Markdown file PLAN makes. Use - to read standard input.

    Nothing is stored. The exit code is 1 if the file does not make a plan.
    """
    preview = await api.preview_outline(read_plan(plan), agent_id=agent_id, parameters=parameters, labels=list(labels))
    if as_json:
        print_json(preview)
    else:
        console().print(_demands(preview))
    return 0 if preview.valid else 1


def _demands(preview: OutlinePreview) -> Text:
    if not preview.valid:
        lines = [f"{problem.field}: {problem.message}" for problem in preview.problems]
    elif preview.policies:
        lines = [one.demands for one in preview.policies]
    else:
        lines = ["No policy matches. One approval by anybody with the role approver is enough."]
    return Text("\n".join(visible(line) for line in lines))


COMMANDS: list[click.Command] = [policy]
