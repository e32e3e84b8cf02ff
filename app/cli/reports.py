"""`signoff projects …`: reports about a project; and `signoff audit`."""

from __future__ import annotations

import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from app.cli.answers import as_json_option, json_option
from app.cli.arguments import project_argument
from app.cli.command import answer_command, client_command, console, print_json
from app.cli.display import size, visible
from app.cli.tables import audit_report, event_row, fields_table, graph_list, run_list
from signoff import SignoffError, to_json

if TYPE_CHECKING:
    from signoff import AsyncSignoff
    from signoff.fields import GraphForm
    from signoff.schemas.insight import Audit, Metrics
    from signoff.schemas.projects import RunList


@click.command()
@project_argument
@click.option("--after", type=click.IntRange(0), default=0, help="Print only events after this number.")
@click.option("--types", help="Print only these types, such as task.*,plan.ready.")
@click.option("--follow", "-f", is_flag=True, help="Keep printing until the project finishes.")
@json_option("Print each event as one line of JSON.")
@client_command
async def events(
    api: AsyncSignoff, project_id: str, *, after: int, types: str | None, follow: bool, as_json: bool
) -> int:
    """Print everything that happened to a project."""
    out = console()
    # Closed here, in order: nothing else may close the stream while it is being read.
    async with aclosing(api.projects.events(project_id, after=after, types=types, follow=follow)) as stream:
        async for event in stream:
            if as_json:
                print_json(event, indent=None)
                sys.stdout.flush()
            else:
                out.print(event_row(to_json(event)), soft_wrap=True)
    return 0


@click.command()
@project_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["svg", "dot", "mermaid"]),
    help="Draw a picture (svg), or print text for another tool.",
)
@click.option("--phase", help="Show only this phase (id or key).")
@click.option("--expand", is_flag=True, help="Draw every task, even of a plan with more than 150.")
@click.option(
    "--output",
    "-o",
    type=click.File("w", encoding="utf-8", lazy=True),
    default="-",
    help="Where to save it; default: standard output.",
)
@as_json_option
@client_command
async def dag(
    api: AsyncSignoff,
    project_id: str,
    *,
    form: GraphForm | None,
    phase: str | None,
    expand: bool,
    output: TextIO,
    as_json: bool,
) -> int:
    """Show the graph of a project's tasks."""
    if form is not None:
        click.echo(await api.projects.dag_text(project_id, form, phase=phase, expand=expand), file=output)
        return 0
    graph = await api.projects.dag(project_id, phase=phase)
    print_json(graph) if as_json else console().print(graph_list(to_json(graph)))
    return 0


@click.command()
@project_argument
@answer_command(fields_table, has_ids=False)
async def metrics(api: AsyncSignoff, project_id: str) -> Metrics:
    """Show a project's metrics."""
    return await api.projects.metrics(project_id)


@click.command()
@project_argument
@answer_command(audit_report, has_ids=False)
async def audit(api: AsyncSignoff, project_id: str) -> Audit:
    """Audit a project's plan, run and record.

    The audit also checks that nobody has altered the record.
    """
    return await api.projects.audit(project_id)


@click.command()
@project_argument
@answer_command(run_list, has_table=True)
async def runs(api: AsyncSignoff, project_id: str) -> RunList:
    """List the runs of a project, newest first."""
    return await api.projects.runs(project_id)


@click.command()
@project_argument
@click.option("--version", type=click.IntRange(1), help="Version of the plan; default: the newest that was approved.")
@click.option("--html", is_flag=True, help="Save a page to read and print, instead of the signed file.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Where to save it; default: PROJECT.certificate.json (or .html) in the current folder; - prints it.",
)
@client_command
async def certificate(
    api: AsyncSignoff, project_id: str, *, version: int | None, html: bool, output: Path | None
) -> int:
    """Save the certificate of a signed plan.

    It says what was signed, by whom and when, and what came of it, signed with the server's sealing key. `signoff verify` checks
    it without the server.
    """
    data = await api.projects.certificate(project_id, "html" if html else "dsse", version=version)
    if output is not None and str(output) == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return 0
    target = output or Path(f"{project_id}.certificate.{'html' if html else 'json'}")
    try:
        target.write_bytes(data)
    except OSError as error:
        raise SignoffError(f"{target} cannot be written: {error.strerror}.") from error
    click.echo(f"{visible(str(target))} ({size(len(data))})")
    return 0


REPORTS: list[click.Command] = [events, dag, metrics, audit, runs]
COMMANDS: list[click.Command] = [audit, certificate]
