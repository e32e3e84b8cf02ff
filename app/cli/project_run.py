"""One project of `signoff run`, from its creation to its end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from rich.text import Text

from app.cli.answers import print_json
from app.cli.approvals import may_approve, still_waits
from app.cli.asking import can_ask
from app.cli.broken_output import is_output_error, say_on_stderr
from app.cli.display import output_files, visible
from app.cli.follow import Follower
from app.cli.frozen import seen
from app.cli.listing import short_id
from app.cli.missing_parameters import ask_for_missing
from app.cli.questions import name_open, settle_questions, show_plan
from app.cli.results import EXIT_CODES, NOT_IN_TIME, REFUSED, fetch_plan, show_result
from app.cli.signing import confirm, show_before_signing, with_accepted
from app.workspace.private_places import PrivatePlaces
from signoff import Conflict, Invalid, SignoffError, WaitTimeout, is_pending, to_json
from signoff.schemas.event_data import PlanFailed
from signoff.schemas.problems import Problem
from signoff.vocabulary import GateKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.console import Console

    from app.cli.display import Json
    from app.cli.interrupts import Interrupts, OnInterrupt
    from app.cli.target import Target
    from app.settings import Settings
    from signoff import AsyncSignoff
    from signoff.fields import ProjectFields

_PLAN_SECONDS = 60


@dataclass(frozen=True)
class Order:
    """What to run, and how to run it."""

    name: str | None
    description: str | None  # None: that of the template
    template: str | None
    strategy: str | None
    auto_approve_phases: bool | None
    parameters: dict[str, str] | None
    folder: Path | None
    new_workspace: bool
    yes: bool
    accept_critical: bool
    wait_for_approval: bool
    approval_timeout: float | None
    on_interrupt: OnInterrupt
    as_json: bool
    is_quiet: bool

    @property
    def says_nothing(self) -> bool:
        """Whether standard output is only for the result, as JSON or as an id."""
        return self.as_json or self.is_quiet


def shared_folder(folder: Path, settings: Settings) -> Path | None:
    """The folder, or None if it is too broad to share with tasks (`/`, home) or contains private data of Signoff."""
    private = PrivatePlaces([settings.data_dir]).objection_to(folder) is not None
    return None if private or folder in {Path("/"), Path.home()} else folder


class ProjectRun:
    """One project from its creation to its end."""

    def __init__(
        self,
        api: AsyncSignoff,
        target: Target,
        order: Order,
        console: Console,
        settings: Settings,
        interrupts: Interrupts,
    ) -> None:
        self._api = api
        self._interrupts = interrupts
        self._is_approved = False
        self._target = target
        self._order = order
        self._console = console
        self._settings = settings
        self._project: Json | None = None
        self._follower: Follower | None = None

    async def execute(self) -> int:
        """Run the project and return the exit code. An interrupt is answered as the person, or the option, says."""
        try:
            return await self._interruptible(self._plan_and_follow)
        except OSError as error:
            if self._is_approved and self._project is not None and is_output_error(error):
                say_on_stderr(f"The output was closed. {self._detached(self._project)}")
            raise

    async def _interruptible(self, work: Callable[[], Awaitable[int]]) -> int:
        while True:
            try:
                return await work()
            except asyncio.CancelledError:
                task, project = asyncio.current_task(), self._project
                if project is None or task is None:
                    raise
                task.uncancel()
                ended = await self._end(project)
                if ended is not None:
                    return ended
                work = partial(self._follow, project)

    async def _end(self, project: Json) -> int | None:
        """End after an interrupt, and return the exit code. None if the person wants to watch on."""
        if not self._is_approved and can_ask():
            click.echo(f"Not approved. {self._later(project['id'])}", err=True)
            return REFUSED
        match await self._interrupts.choose(self._console):
            case "watch":
                return None
            case "cancel":
                return await self._cancel(project)
            case "detach":
                say_on_stderr(self._detached(project))
                return self._interrupts.exit_code

    def _detached(self, project: Json) -> str:
        if not self._is_approved:
            return self._later(project["id"])
        watch = f"signoff projects watch {project['id']}"
        if self._target.temporary:
            return f"The run stops with this command, and continues when you start `signoff up`. Then watch it: {watch}"
        return f"The run continues. To watch it: {watch}\nTo cancel it: signoff projects cancel {project['id']}"

    async def _plan_and_follow(self) -> int:
        project = self._project = await self._create()
        self._say(f"Project {project['id']}, workspace {project['workspace']}")
        plan = await self._make_plan(project)
        show_plan(self._console, plan, project["name"])
        if can_ask() and not self._order.yes and not self._order.wait_for_approval:
            plan = await settle_questions(self._api, self._console, project["id"], plan, project["name"])
        name_open(self._console, plan)
        current = await self._api.projects.get(project["id"])
        critical = await show_before_signing(self._api, self._console, current, plan, GateKind.PLAN)
        if self._order.wait_for_approval:
            return await self._wait_and_follow(project, current.links.page)
        # If the person may not approve, nothing is asked: the API's error says why.
        if may_approve(current, GateKind.PLAN) and not await self._confirms(project["id"], critical):
            await self._print_result(project["id"])
            return REFUSED
        comment = with_accepted(None, critical)
        approved = to_json(await self._api.projects.approve(project["id"], comment=comment, **seen(plan)))
        self._is_approved = True
        if (waits := still_waits(approved)) is not None:
            self._say(waits)
        return await self._follow(project)

    async def _wait_and_follow(self, project: Json, page: str | None) -> int:
        """Wait until somebody else approves the plan, then follow the run."""
        self._console.print(Text(f"Waiting for an approval: {page or project['id']}"), soft_wrap=True)
        try:
            await self._api.projects.wait(project["id"], until="approved", timeout=self._order.approval_timeout)
        except WaitTimeout:
            click.echo(f"Nobody has approved the plan in time. {self._later(project['id'])}", err=True)
            await self._print_result(project["id"])
            return NOT_IN_TIME
        self._is_approved = True
        return await self._follow(project)

    async def _create(self) -> Json:
        order = self._order
        path, implied = order.folder and str(order.folder), False
        if self._api.is_local and not order.new_workspace:
            here = order.folder.resolve() if order.folder else shared_folder(Path.cwd(), self._settings)
            path, implied = here and str(here), order.folder is None
            if here is None:
                self._say("The current folder is not shared with tasks. They work in a new folder.")
        fields = await self._ordered()
        values = {**fields.get("parameters", {}), **(order.parameters or {})}
        fields["parameters"] = await ask_for_missing(self._api, self._console, fields.get("description", ""), values)
        fields["path"] = path
        try:
            return to_json(await self._api.projects.create(**fields))
        except Invalid as error:
            if not implied or all(detail.field != "path" for detail in error.details):
                raise
            hint = "Start `signoff up` in this folder, or use --new-workspace."
            raise Invalid(f"{error.message} {hint}", code=error.code, details=error.details) from error

    async def _ordered(self) -> ProjectFields:
        """The fields that the order and its template give the project. What the person says on the command line wins."""
        order = self._order
        chosen = {
            "name": order.name,
            "description": order.description,
            "strategy": order.strategy,
            "auto_approve_phases": order.auto_approve_phases,
        }
        fields: ProjectFields = {"template": order.template}
        if order.description is None:
            from app.cli.templates import find_template, project_fields  # noqa: PLC0415 - only some runs have a template

            # The person at the terminal is asked, whatever the template says.
            fields = project_fields(await find_template(self._api, order.template or ""))
            fields["auto_approve_plan"] = False
        fields |= cast("ProjectFields", {name: value for name, value in chosen.items() if value is not None})
        return fields

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

    async def _confirms(self, project_id: str, critical: list[Json]) -> bool:
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
        click.echo(f"{refusal} {self._later(project_id)}", err=True)
        return False

    def _later(self, project_id: str) -> str:
        approve = f"signoff projects approve {project_id}"
        then = f"signoff up, then {approve}" if self._target.temporary else approve
        return f"The project stays pending. To approve it later: {then}"

    async def _follow(self, project: Json) -> int:
        if self._follower is None:
            asks = can_ask() and not self._order.says_nothing
            quiet = self._order.says_nothing
            self._follower = Follower(self._api, project, self._console, asks=asks, quiet=quiet)
        await self._follower.follow()
        finished = to_json(await self._api.projects.get(project["id"]))
        if self._order.says_nothing:
            await self._print_result(project["id"])
        else:
            show_result(self._console, finished, local=self._api.is_local)
            self._say_what_to_open(finished)
        return EXIT_CODES.get(finished["status"], REFUSED)

    def _say_what_to_open(self, project: Json) -> None:
        """Name the file to read first, and where the page shows the project."""
        files = [path for _, path, length in output_files(project) if length] if self._api.is_local else []
        # A page is for people; otherwise the last file is what the others lead to.
        result = next((path for path in files if path.suffix == ".html"), files[-1] if files else None)
        if result is not None:
            self._console.print(Text(f"Open {result.as_uri()}"), soft_wrap=True)
        if self._target.temporary:
            self._say(f"To see the project on the page: signoff up, then signoff open {short_id(project['id'])}")
        elif page := project["links"]["page"]:
            self._say(f"On the page: {page}")

    async def _cancel(self, project: Json) -> int:
        self._say("Cancelling; waiting for the tasks to stop. Interrupt again to exit at once …")
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

    async def _print_result(self, project_id: str) -> None:
        if self._order.as_json:
            print_json(await self._api.projects.get(project_id))
        elif self._order.is_quiet:
            click.echo(project_id)

    def _say(self, text: str) -> None:
        self._console.print(Text(visible(text), style="dim"), soft_wrap=True)
