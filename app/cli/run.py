"""`signoff run`: plans a Markdown file, asks for approval, runs the plan, and shows the result."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from app.cli.approvals import still_waits
from app.cli.arguments import plan_argument, read_plan, set_option
from app.cli.asking import can_ask
from app.cli.command import accept_critical_option, print_json, run_to_end
from app.cli.display import Json, visible
from app.cli.follow import EXIT_CODES, REFUSED, Follower, fetch_plan, show_result
from app.cli.frozen import seen
from app.cli.missing_parameters import ask_for_missing
from app.cli.options import settings_options
from app.cli.questions import name_open, settle_questions, show_plan
from app.cli.signing import confirm, show_before_signing, with_accepted
from app.cli.target import Target, client_of, serving
from app.planning.outline.front_matter import extent
from app.settings import Settings
from app.workspace.private_places import PrivatePlaces
from signoff import AsyncSignoff, Conflict, Invalid, SignoffError, is_pending, to_json
from signoff.fields import ProjectFields
from signoff.schemas.event_data import PlanFailed
from signoff.schemas.problems import Problem
from signoff.vocabulary import GateKind, Strategy

_PLAN_SECONDS = 60


@dataclass(frozen=True)
class Order:
    """What to run, and how to run it."""

    name: str | None
    description: str
    strategy: str
    auto_approve_phases: bool
    parameters: dict[str, str] | None
    folder: Path | None
    new_workspace: bool
    yes: bool
    accept_critical: bool
    as_json: bool


@click.command()
@plan_argument
@click.option("--yes", "-y", is_flag=True, help="Approve the plan without asking.")
@accept_critical_option
@click.option("--name", help="Name of the project; default: the plan's first heading, otherwise the file's name.")
@click.option("--path", "folder", type=click.Path(path_type=Path), help="Folder to work in; default: the current one.")
@click.option("--new-workspace", is_flag=True, help="Work in a new folder that Signoff creates.")
@click.option(
    "--strategy",
    type=click.Choice([strategy.value for strategy in Strategy]),
    default=Strategy.PERFORMANCE.value,
    show_default=True,
    help="How to run the tasks.",
)
@click.option(
    "--auto-approve-phases/--ask-phases",
    default=True,
    show_default=True,
    help="Whether phases start without approval.",
)
@set_option
@click.option("--json", "as_json", is_flag=True, help="Print the finished project as JSON, and no progress.")
@settings_options
def run(
    settings: Settings,
    plan: Path,
    name: str | None,
    folder: Path | None,
    new_workspace: bool,
    **options: Any,
) -> None:
    """Plan the Markdown file PLAN, ask for your approval, and run it. Use - to read standard input.

    If the plan has parameters, the command asks for each that has no default and that --set does not give.

    The command uses the Signoff at SIGNOFF_URL, otherwise the running `signoff up` of this data folder. If there is neither,
    it starts one for the duration of the run.

    Tasks work in the current folder, as with make. They work in a new folder if the current one is / or your home folder, if it
    contains Signoff's data folder, or if Signoff runs on another machine.

    If the audit has critical findings, you approve the plan with the word `approve`, and --yes alone is refused.

    Ctrl-C cancels the project and waits until its tasks have stopped. A second Ctrl-C exits at once.

    Exit codes: 0 completed, 1 failed, 2 declined or cancelled.
    """
    if folder is not None and new_workspace:
        raise click.UsageError("Use either --path or --new-workspace, not both.")
    text = read_plan(plan)
    order = Order(
        name=name or heading_of(text) or (None if str(plan) == "-" else plan.stem),
        description=text,
        folder=folder,
        new_workspace=new_workspace,
        **options,
    )
    sys.exit(run_to_end(_run(order, settings)))


def heading_of(markdown: str) -> str | None:
    """The text of the first `#` heading outside front matter and code fences, at most 200 characters; None if there is none."""
    fence = ""
    lines = markdown.splitlines()
    for line in lines[extent(lines) :]:
        stripped = line.strip()
        if fence:
            fence = "" if stripped.startswith(fence) and not stripped.strip(fence[0]) else fence
        elif stripped.startswith(("```", "~~~")):
            fence = stripped[: len(stripped) - len(stripped.lstrip(stripped[0]))]
        elif line.startswith("# "):
            return stripped.removeprefix("#").rstrip("#").strip()[:200] or None
    return None


async def _run(order: Order, settings: Settings) -> int:
    console = Console(stderr=order.as_json, highlight=False)
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - for the type checker: a coroutine runs in a task
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    here = _shared_folder(Path.cwd(), settings)
    folders = [folder for folder in (here, order.folder and order.folder.resolve()) if folder]
    try:
        async with serving(settings, folders=folders) as target, client_of(settings, target) as api:
            console.print(Text(_introduction(target, settings), style="dim"), soft_wrap=True)
            return await _ProjectRun(api, target, order, console, settings).execute()
    except asyncio.CancelledError:
        return EXIT_CODES["cancelled"]


def _introduction(target: Target, settings: Settings) -> str:
    if target.temporary:
        return f"Signoff at {target.url}, started for this run; data in {settings.data_dir}"
    return f"Signoff at {target.url}"


def _shared_folder(folder: Path, settings: Settings) -> Path | None:
    """The folder, or None if it is too broad to share with tasks (`/`, home) or contains private data of Signoff."""
    private = PrivatePlaces([settings.data_dir]).objection_to(folder) is not None
    return None if private or folder in {Path("/"), Path.home()} else folder


class _ProjectRun:
    """One project from its creation to its end."""

    def __init__(self, api: AsyncSignoff, target: Target, order: Order, console: Console, settings: Settings) -> None:
        self._api = api
        self._target = target
        self._order = order
        self._console = console
        self._settings = settings
        self._project: Json | None = None
        self._follower: Follower | None = None

    async def execute(self) -> int:
        """Run the project and return the exit code.

        The first cancellation of the task cancels the project. A second one exits without waiting for its end.
        """
        try:
            return await self._plan_and_follow()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._project is None or task is None:
                raise
            task.uncancel()
            return await self._cancel(self._project)

    async def _plan_and_follow(self) -> int:
        project = self._project = await self._create()
        self._say(f"Project {project['id']}, workspace {project['workspace']}")
        plan = await self._make_plan(project)
        show_plan(self._console, plan, project["name"])
        if can_ask() and not self._order.yes:
            plan = await settle_questions(self._api, self._console, project["id"], plan, project["name"])
        name_open(self._console, plan)
        current = await self._api.projects.get(project["id"])
        critical = await show_before_signing(self._api, self._console, current, plan, GateKind.PLAN)
        if not await self._is_approved(project["id"], critical):
            await self._print_json(project["id"])
            return REFUSED
        comment = with_accepted(None, critical)
        approved = to_json(await self._api.projects.approve(project["id"], comment=comment, **seen(plan)))
        if (waits := still_waits(approved)) is not None:
            self._say(waits)
        return await self._follow(project)

    async def _create(self) -> Json:
        order = self._order
        path, implied = order.folder and str(order.folder), False
        if self._api.is_local and not order.new_workspace:
            here = order.folder.resolve() if order.folder else _shared_folder(Path.cwd(), self._settings)
            path, implied = here and str(here), order.folder is None
            if here is None:
                self._say("The current folder is not shared with tasks. They work in a new folder.")
        fields: ProjectFields = {
            "description": order.description,
            "strategy": order.strategy,
            "auto_approve_phases": order.auto_approve_phases,
            "path": path,
            "parameters": await ask_for_missing(self._api, self._console, order.description, order.parameters or {}),
        }
        if order.name:
            fields["name"] = order.name
        try:
            return to_json(await self._api.projects.create(**fields))
        except Invalid as error:
            if not implied or all(detail.field != "path" for detail in error.details):
                raise
            hint = "Start `signoff up` in this folder, or use --new-workspace."
            raise Invalid(f"{error.message} {hint}", code=error.code, details=error.details) from error

    async def _make_plan(self, project: Json) -> Json:
        if is_pending(await self._api.projects.generate_plan(project["id"], wait=_PLAN_SECONDS)):
            await self._plan_event(project["id"])
        plan = await fetch_plan(self._api, project["id"])
        if plan is None:
            raise SignoffError("No plan was generated.")
        return plan

    async def _plan_event(self, project_id: str) -> None:
        self._say("Generating the plan …")
        async with aclosing(self._api.projects.events(project_id, types="plan.*")) as events:
            async for event in events:
                if event.type == "plan.ready":
                    return
                if isinstance(failed := event.payload, PlanFailed):
                    raise SignoffError(
                        failed.message, details=[Problem.model_validate(detail) for detail in failed.details]
                    )

    async def _is_approved(self, project_id: str, critical: list[Json]) -> bool:
        order = self._order
        refusal = await confirm(
            self._console,
            "Approve and run this plan?",
            critical,
            yes=order.yes,
            accept_critical=order.accept_critical,
        )
        if refusal is None:
            return True
        later = f"signoff projects approve {project_id}"
        if self._target.temporary:
            later = f"signoff up, then {later}"
        click.echo(f"{refusal} The project stays pending. To approve it later: {later}", err=True)
        return False

    async def _follow(self, project: Json) -> int:
        if self._follower is None:
            asks = can_ask() and not self._order.as_json
            self._follower = Follower(self._api, project, self._console, asks=asks, quiet=self._order.as_json)
        await self._follower.follow()
        finished = to_json(await self._api.projects.get(project["id"]))
        if self._order.as_json:
            print_json(finished)
        else:
            show_result(self._console, finished, local=self._api.is_local)
        return EXIT_CODES.get(finished["status"], REFUSED)

    async def _cancel(self, project: Json) -> int:
        self._say("Cancelling; waiting for the tasks to stop. Press Ctrl-C again to exit at once …")
        following = asyncio.create_task(self._follow(project))
        try:
            await self._request_cancel(project["id"])
            return await following
        except asyncio.CancelledError:
            # Only now can this method write to the terminal.
            following.cancel()
            await asyncio.wait({following})
            recorded = self._follower is not None and self._follower.is_being_cancelled
            word = "The cancellation is recorded" if recorded else "The cancellation was sent, but is not confirmed"
            click.echo(f"{word}. To see its progress: signoff projects show {project['id']}", err=True)
            return EXIT_CODES["cancelled"]
        finally:
            following.cancel()

    async def _request_cancel(self, project_id: str) -> None:
        try:
            await self._api.projects.cancel(project_id, reason="interrupted at the terminal")
        except Conflict as error:
            if error.code != "already_finished":
                raise

    async def _print_json(self, project_id: str) -> None:
        if self._order.as_json:
            print_json(await self._api.projects.get(project_id))

    def _say(self, text: str) -> None:
        self._console.print(Text(visible(text), style="dim"), soft_wrap=True)


COMMANDS: list[click.Command] = [run]
