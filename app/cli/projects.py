"""`signoff projects …`: creates, lists, changes, watches and deletes projects."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from app.cli.answers import print_batch
from app.cli.approvals import changes_signing, signing_options, who_must_approve, with_signing
from app.cli.archiving import ARCHIVING
from app.cli.arguments import ProjectId, TimeSpan, heading_of, project_argument, set_option
from app.cli.command import (
    answer_command,
    as_json_option,
    client_command,
    console,
    given,
    is_confirmed,
    print_json,
    refusal,
    yes_option,
)
from app.cli.control import CONTROLS
from app.cli.display import plan_tree, projects_table, size, visible
from app.cli.filters import condition_options, conditions_of
from app.cli.groups import command_group
from app.cli.opening import open_page, page_of, web_option
from app.cli.references import whole_id
from app.cli.reports import REPORTS
from app.cli.results import EXIT_CODES, NOT_IN_TIME, REFUSED, fetch_plan, show_result
from app.cli.reviews import REVIEWS
from app.cli.words import takes_effect
from app.domain.gates import HOLD_A_PROJECT
from signoff import SignoffError, WaitTimeout, is_pending, to_json
from signoff.vocabulary import DecisionMode, Strategy

if TYPE_CHECKING:
    from app.cli.display import Json
    from signoff import AsyncSignoff
    from signoff.fields import Until
    from signoff.schemas.projects import Project, ProjectList

_INTERRUPTED = 130
# As many as one answer has at most.
_LARGEST_PAGE = 200
_ONE_PAGE = frozenset({"limit", "offset", "cursor"})
_SORT_KEYS = ["newest", "oldest", "updated", "name", "status"]


@command_group()
def projects() -> None:
    """Create and manage projects.

    PROJECT is a project id, a unique beginning or end of one, or a unique name. --json prints the API's JSON.
    """


def _field_options(command: Any) -> Any:
    # The options of `create` and `update`. Click lists options in reverse order.
    for option in reversed(
        (
            click.option("--name", help="Name of the project."),
            click.option(
                "--description",
                metavar="TEXT|@FILE|-",
                callback=_text,
                help="The work, in Markdown; @FILE reads a file, - reads standard input.",
            ),
            click.option("--label", "labels", multiple=True, help="A label; may be repeated. Replaces earlier ones."),
            click.option("--template", help="Name of the template it starts from; the overview groups by it."),
            click.option(
                "--strategy", type=click.Choice([item.value for item in Strategy]), help="How to run the tasks."
            ),
            click.option(
                "--auto-approve-plan/--ask-plan",
                default=None,
                help="Whether a generated plan runs without approval.",
            ),
            click.option(
                "--auto-approve-phases/--ask-phases", default=None, help="Whether phases start without approval."
            ),
            click.option(
                "--decision-mode",
                type=click.Choice([item.value for item in DecisionMode]),
                help="Who answers decisions.",
            ),
            click.option("--path", help="Folder to work in; default: a new folder."),
            click.option("--agent", "agent_id", help="Agent that runs tasks that do not name one."),
            click.option("--archetype", "sme_archetype", help="Expert that guides the planning model."),
            set_option,
            click.option("--max-tokens", type=click.IntRange(min=1), help="Limit on model tokens."),
            click.option("--max-cost-usd", type=click.FloatRange(min=0), help="Limit on model costs, in US dollars."),
        )
    ):
        command = option(command)
    return signing_options(command)


def _text(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value in {"-", "@-"}:
        return sys.stdin.read()
    if value is None or not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{value[1:]} cannot be read as UTF-8 text: {error}") from error


def _brief(project: Json) -> Text:
    line = Text(f"{project['id']}  {project['status']}  {visible(project['name'])}")
    page: str | None = project["links"]["page"]
    return line.append(f"\n{visible(page)}", style="dim") if page else line


@projects.command("list")
@condition_options
@click.option("--filter", "filter_name", metavar="NAME", help="List through a saved filter; other options override it.")
@click.option("--sort-by", type=click.Choice(_SORT_KEYS), help="Order; default: newest.")
@click.option("--limit", type=click.IntRange(1, 200), help="Maximum number of projects; default: 20.")
@click.option("--offset", type=click.IntRange(0), help="Number of projects to skip.")
@click.option("--cursor", help="List the page after another one: its next_cursor, with the same filters and order.")
@click.option("--all", "everything", is_flag=True, help="List all projects, however many there are.")
@web_option
@answer_command(projects_table, has_table=True)
async def list_projects(
    api: AsyncSignoff, *, everything: bool, web: bool, filter_name: str | None, **query: Any
) -> ProjectList:
    """List projects, newest first.

    A time is how long ago it was, such as 7d or 12h; a date, such as 2026-11-28; or a time, such as 2026-11-28T14:30:00Z. Dates
    are in UTC, and --until includes the whole day.
    """
    if web:
        open_page(f"{api.url}/")
        raise click.exceptions.Exit(0)
    if filter_name is not None:
        query = {**query, **await conditions_of(api, filter_name), **given(**query)}
    if not everything:
        return await api.projects.list(**query)
    if not _ONE_PAGE.isdisjoint(given(**query)):
        raise click.UsageError("--all lists every project. Leave out --limit, --offset and --cursor.")
    return await _all_projects(api, {name: value for name, value in query.items() if name not in _ONE_PAGE})


async def _all_projects(api: AsyncSignoff, query: Json) -> ProjectList:
    page = await api.projects.list(limit=_LARGEST_PAGE, **query)
    found = [*page.projects]
    while page.next_cursor is not None:
        page = await api.projects.list(limit=_LARGEST_PAGE, cursor=page.next_cursor, **query)
        found += page.projects
    return page.model_copy(update={"projects": found, "limit": len(found)})


@projects.command()
@project_argument
@web_option
@as_json_option
@client_command
async def show(api: AsyncSignoff, project_id: str, *, web: bool, as_json: bool) -> int:
    """Show a project's plan, tasks and links."""
    if web:
        open_page(await page_of(api, project_id))
        return 0
    answer = await api.projects.get(project_id)
    if as_json:
        print_json(answer)
        return 0
    project = to_json(answer)
    plan = await fetch_plan(api, project_id)
    out = console()
    if plan is not None:
        out.print(plan_tree(plan, project["name"]))
        out.print()
    show_result(out, project, local=api.is_local)
    for gate in answer.gates:
        if (demands := who_must_approve(gate)) is not None:
            out.print(demands, soft_wrap=True)
            if gate.why_not is not None:
                out.print(Text(visible(gate.why_not)), soft_wrap=True)
    out.print(Text(_more(project), style="dim"), soft_wrap=True)
    return 0


def _stage(project: Json) -> str:
    stage: str = project["stage"].replace("_", " ")
    held = [gate["undo_until"] for gate in project["gates"] if gate["kind"] in HOLD_A_PROJECT and gate["undo_until"]]
    return f"{stage} (approved; {takes_effect(held[0])})" if held else stage


def _more(project: Json) -> str:
    lines = [f"stage {_stage(project)}, workspace {project['workspace']}"]
    if project["blocked"]:
        lines.append(f"blocked: {project['blocked']['message']}")
    lines += [f"{name}: {link}" for name, link in project["links"].items() if name in {"page", "temporal"} and link]
    return "\n".join(visible(line) for line in lines)


@projects.command()
@_field_options
@answer_command(_brief)
async def create(api: AsyncSignoff, **fields: Any) -> Project:
    """Create a project.

    Its name is the first heading of the description, unless --name gives another. It has no plan yet. To generate one: signoff
    projects plan --generate PROJECT.
    """
    if not given(**fields):
        raise click.UsageError("Say what the project is: use --name, --description, or both.")
    name = fields.pop("name") or heading_of(fields["description"] or "")
    return await api.projects.create(**given(name=name, **with_signing(fields)))


@projects.command()
@project_argument
@_field_options
@answer_command(_brief)
async def update(api: AsyncSignoff, project_id: str, **fields: Any) -> Project:
    """Change a project.

    Options that you omit keep their values.
    """
    current = (await api.projects.get(project_id)).signing if changes_signing(fields) else None
    demanded = current.model_dump() if current is not None else None
    return await api.projects.update(project_id, **given(**with_signing(fields, demanded)))


@projects.command()
@project_argument
@click.option("--name", help='Name of the copy; default: "… (Copy)".')
@click.option("--include-files", is_flag=True, default=None, help="Also copy the files in its workspace.")
@answer_command(_brief)
async def duplicate(api: AsyncSignoff, project_id: str, name: str | None, include_files: bool | None) -> Project:
    """Copy a project and its plan.

    The copy needs its own approval.
    """
    return await api.projects.duplicate(project_id, name=name, include_files=include_files)


@projects.command()
@project_argument
@click.option("--ask", "asks", is_flag=True, help="Ask at the terminal whenever something waits for a person.")
@as_json_option
@client_command
async def watch(api: AsyncSignoff, project_id: str, *, asks: bool, as_json: bool) -> int:
    """Show a project's progress until it finishes.

    Ctrl-C stops watching; the project keeps running. Exit codes: 0 completed, 1 failed, 2 cancelled, 130 Ctrl-C.
    """
    from app.cli.follow import Follower  # noqa: PLC0415 - with the types of all events

    out = console()
    project = to_json(await api.projects.get(project_id))
    try:
        await Follower(api, project, out, asks=asks and not as_json, quiet=as_json).follow()
    except asyncio.CancelledError:
        click.echo(f"The project keeps running. To cancel it: signoff projects cancel {project_id}", err=True)
        return _INTERRUPTED
    finished = await api.projects.get(project_id)
    if as_json:
        print_json(finished)
    else:
        show_result(out, to_json(finished), local=api.is_local)
    return EXIT_CODES.get(finished.status, REFUSED)


@projects.command()
@project_argument
@click.option(
    "--until",
    type=click.Choice(["finished", "approved", "person"]),
    default="finished",
    show_default=True,
    help="The end of the project; the approval of its plan; or any moment at which a person is needed.",
)
@click.option("--timeout", type=TimeSpan(), help="Stop waiting after this time, such as 30m or 2h, with exit code 3.")
@as_json_option
@client_command
async def wait(api: AsyncSignoff, project_id: str, *, until: Until, timeout: float | None, as_json: bool) -> int:  # noqa: ASYNC109
    """Wait until a project finishes, is approved, or needs a person.

    Shows no progress and asks nothing. The exit code is 0 if what you wait for has happened.

    Exit codes: 0 completed, or what --until names has happened; 1 failed, or the server did not answer; 2 rejected, cancelled, or
    not approved by its deadline; 3 the timeout has passed; 130 Ctrl-C. The project itself is not affected.
    """
    try:
        project = await api.projects.wait(project_id, until=until, timeout=timeout)
    except WaitTimeout:
        click.echo(f"Nothing has happened in time. To see the project: signoff projects show {project_id}", err=True)
        return NOT_IN_TIME
    except asyncio.CancelledError:
        return _INTERRUPTED
    if as_json:
        print_json(project)
    else:
        console().print(_brief(to_json(project)), soft_wrap=True)
    return EXIT_CODES.get(project.status, 0)


@projects.command()
@click.argument("project_ids", metavar="PROJECT...", nargs=-1, required=True, type=ProjectId())
@yes_option
@as_json_option
@client_command
async def delete(api: AsyncSignoff, project_ids: tuple[str, ...], *, yes: bool, as_json: bool) -> int:
    """Permanently delete projects.

    Their tasks are deleted too, and the workspaces that Signoff created for them. Live projects are cancelled first.

    Exit codes: 0 all deleted, or being deleted; 1 some could not be deleted; 2 you declined.
    """
    if len(project_ids) > 1:
        return await _delete_many(api, project_ids, yes=yes, as_json=as_json)
    project = await api.projects.get(await whole_id(api, *project_ids))
    question = f"Permanently delete '{visible(project.name)}' ({project.status})?"
    if not await is_confirmed(question, yes=yes):
        return refusal("Not deleted.")
    answer = await api.projects.delete(project.id)
    if as_json:
        print_json(answer)
    else:
        click.echo("The project is being deleted; its tasks are still stopping." if is_pending(answer) else "Deleted.")
    return 0


async def _delete_many(api: AsyncSignoff, project_ids: tuple[str, ...], *, yes: bool, as_json: bool) -> int:
    if not await is_confirmed(f"Permanently delete these {len(project_ids)} projects?", yes=yes):
        return refusal("Not deleted.")
    answer = await api.projects.batch_delete([await whole_id(api, text) for text in project_ids])
    return print_batch(answer, as_json=as_json)


@projects.command()
@project_argument
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Where to save it; default: PROJECT.zip in the current folder.",
)
@client_command
async def download(api: AsyncSignoff, project_id: str, output: Path | None) -> int:
    """Download a project as a zip archive.

    It contains the files, the plan and the record of everything that happened.
    """
    target = output or Path(f"{project_id}.zip")
    try:
        length = await api.projects.download(project_id, target)
    except OSError as error:
        raise SignoffError(f"{target} cannot be written: {error.strerror}.") from error
    click.echo(f"{target} ({size(length)})")
    return 0


for _command in (*CONTROLS, *REVIEWS, *REPORTS, *ARCHIVING):
    projects.add_command(_command)

COMMANDS: list[click.Command] = [projects]
