"""`signoff outline`: previews the plan of a Markdown file, or prints the file in canonical form. It stores nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Group
from rich.text import Text

from app.cli.arguments import plan_argument, read_plan, set_option
from app.cli.command import as_json_option, client_command, console, print_json
from app.cli.display import phases_tree, visible
from app.cli.tables import findings_table
from signoff import to_json

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from app.cli.display import Json
    from signoff import AsyncSignoff


@click.command()
@plan_argument
@click.option("--agent", "agent_id", help="Agent of the project.")
@set_option
@click.option(
    "--rewrite", is_flag=True, help="Print PLAN as Signoff writes it, with a parameter in place of each placeholder."
)
@as_json_option
@client_command
async def outline(
    api: AsyncSignoff,
    plan: Path,
    *,
    agent_id: str | None,
    parameters: dict[str, str] | None,
    rewrite: bool,
    as_json: bool,
) -> int:
    """Preview the plan that the Markdown file PLAN makes. Use - to read standard input.

    Nothing is stored. The exit code is 1 if the file does not make a plan. --rewrite prints Markdown that makes the same
    plan; if placeholders such as <version> are all that is wrong, they become parameters. Problems and warnings go to
    standard error then. With --set, the plan has these values, and every parameter needs one.
    """
    if rewrite and as_json:
        raise click.UsageError("--rewrite prints Markdown. Leave out --json, or --rewrite.")
    preview = await api.preview_outline(read_plan(plan), agent_id=agent_id, parameters=parameters)
    if rewrite:
        click.echo(preview.markdown, nl=False)
        for text in [*(f"{problem.field}: {problem.message}" for problem in preview.problems), *preview.warnings]:
            click.echo(visible(text), err=True)
    else:
        print_json(preview) if as_json else console().print(_shown(to_json(preview), str(plan)))
    return 0 if preview.valid else 1


def _shown(preview: Json, name: str) -> RenderableType:
    if not preview["valid"]:
        return Text("\n".join(f"{problem['field']}: {visible(problem['message'])}" for problem in preview["problems"]))
    label = Text(visible(preview["summary"] or name), style="bold")
    parts: list[RenderableType] = [phases_tree(label, preview, {})]
    return Group(*parts, *([findings_table(preview["findings"])] if preview["findings"] else []))


COMMANDS: list[click.Command] = [outline]
