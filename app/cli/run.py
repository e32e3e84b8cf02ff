"""`signoff run`: plans a Markdown file, asks for approval, runs the plan, and shows the result."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from app.cli.answers import json_option, quiet_option
from app.cli.arguments import TimeSpan, heading_of, optional_plan_argument, read_plan, set_option
from app.cli.command import accept_critical_option, run_to_end
from app.cli.interrupts import Interrupts
from app.cli.listing import new_console
from app.cli.options import settings_options
from app.cli.project_run import Order, ProjectRun, shared_folder
from app.cli.results import EXIT_CODES
from app.cli.target import client_of, serving
from signoff.vocabulary import Strategy

if TYPE_CHECKING:
    from app.cli.target import Target
    from app.settings import Settings


@click.command()
@optional_plan_argument
@click.option("--yes", "-y", is_flag=True, help="Approve the plan without asking.")
@accept_critical_option
@click.option("--name", help="Name of the project; default: the plan's first heading, otherwise the file's name.")
@click.option(
    "--template",
    help="Template to run, by name or id; see `signoff templates list`. With PLAN: the name under which the overview counts it.",
)
@click.option("--path", "folder", type=click.Path(path_type=Path), help="Folder to work in; default: the current one.")
@click.option("--new-workspace", is_flag=True, help="Work in a new folder that Signoff creates.")
@click.option(
    "--strategy",
    type=click.Choice([strategy.value for strategy in Strategy]),
    help="How to run the tasks; default: performance, or what the template says.",
)
@click.option(
    "--auto-approve-phases/--ask-phases",
    default=None,
    help="Whether phases start without approval; default: they do, or what the template says.",
)
@set_option
@click.option(
    "--wait-for-approval",
    is_flag=True,
    help="Do not ask here: wait until somebody approves the plan on the page, by a link, or elsewhere.",
)
@click.option(
    "--approval-timeout",
    type=TimeSpan(),
    help="With --wait-for-approval: stop waiting after this time, with exit code 3.",
)
@click.option(
    "--on-interrupt",
    type=click.Choice(["ask", "detach", "cancel"]),
    default="ask",
    show_default=True,
    help="What Ctrl-C and SIGTERM do to the run.",
)
@json_option("Print the finished project as JSON, and no progress.")
@quiet_option
@settings_options
def run(
    settings: Settings,
    plan: Path | None,
    name: str | None,
    folder: Path | None,
    new_workspace: bool,
    **options: Any,
) -> None:
    """Plan the Markdown file PLAN, or a template, ask for your approval, and run it. Use - to read standard input.

    If the plan has parameters, the command asks for each that has no default and that --set does not give.

    The command uses the Signoff at SIGNOFF_URL, otherwise the running `signoff up` of this data folder. If there is neither,
    it starts one for the duration of the run.

    Tasks work in the current folder, as with make. They work in a new folder if the current one is / or your home folder, if it
    contains Signoff's data folder, or if Signoff runs on another machine.

    If the audit has critical findings, you approve the plan with the word `approve`, and --yes alone is refused.

    In CI, use --wait-for-approval: the command prints the address of the page, waits for the approval, and runs the plan.

    Ctrl-C asks whether to detach from the run, which then continues, to cancel it, or to watch on. A second Ctrl-C detaches.
    Without a terminal, SIGINT and SIGTERM cancel the run, and a hang-up detaches from it; --on-interrupt changes that.
    A cancel waits until the tasks have stopped; a signal meanwhile exits at once.

    Exit codes: 0 completed; 1 failed, or the server did not answer; 2 declined, rejected or cancelled; 3 not approved in time;
    129, 130 or 143 detached by a hang-up, Ctrl-C or SIGTERM.
    """
    if options["approval_timeout"] is not None and not options["wait_for_approval"]:
        raise click.UsageError("--approval-timeout needs --wait-for-approval.")
    if options["yes"] and options["wait_for_approval"]:
        raise click.UsageError("Use either --yes or --wait-for-approval, not both.")
    if options["as_json"] and options["is_quiet"]:
        raise click.UsageError("Use either --json or --quiet, not both.")
    if folder is not None and new_workspace:
        raise click.UsageError("Use either --path or --new-workspace, not both.")
    if plan is None and not options["template"]:
        raise click.UsageError("Name a Markdown file, or a template with --template.")
    text = None if plan is None else read_plan(plan)
    if plan is not None and text is not None:
        name = name or heading_of(text) or (None if str(plan) == "-" else plan.stem)
    order = Order(
        name=name,
        description=text,
        folder=folder,
        new_workspace=new_workspace,
        **options,
    )
    sys.exit(run_to_end(_run(order, settings)))


async def _run(order: Order, settings: Settings) -> int:
    console = new_console(stderr=order.says_nothing)
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - for the type checker: a coroutine runs in a task
    interrupts = Interrupts(order.on_interrupt)
    interrupts.install(task)
    here = shared_folder(Path.cwd(), settings)
    folders = [folder for folder in (here, order.folder and order.folder.resolve()) if folder]
    try:
        async with serving(settings, folders=folders) as target, client_of(settings.of_clients, target) as api:
            console.print(Text(_introduction(target, settings), style="dim"), soft_wrap=True)
            return await ProjectRun(api, target, order, console, settings, interrupts).execute()
    except asyncio.CancelledError:
        return EXIT_CODES["cancelled"]


def _introduction(target: Target, settings: Settings) -> str:
    if target.temporary:
        return f"Signoff at {target.url}, started for this run; data in {settings.data_dir}"
    return f"Signoff at {target.url}"


COMMANDS: list[click.Command] = [run]
