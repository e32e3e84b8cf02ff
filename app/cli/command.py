"""Runs client commands: each gets a client and returns an answer to print, or an exit code.

Tables are built from the API's JSON; `--json` prints that JSON unchanged.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from app.cli.answers import as_json_option, print_ids, print_json, quiet_option, wide_option
from app.cli.asking import ask, can_ask
from app.cli.display import visible
from app.cli.listing import new_console
from app.cli.options import client_options
from app.cli.references import whole_id, whole_phase, whole_task
from app.cli.results import REFUSED
from app.cli.target import client_of
from signoff import Forbidden, NotFound, ServerError, SignoffError, Unauthorized, to_json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from app.settings.of_clients import ClientSettings
    from signoff import AsyncSignoff

Work = Callable[..., Awaitable[Any]]
Decorator = Callable[[Work], Callable[..., Any]]

# Arguments that name a part of a project by its key, a part of its id, or its title.
_WITHIN = {"task": whole_task, "phase_id": whole_phase, "phase": whole_phase}

yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
accept_critical_option = click.option(
    "--accept-critical",
    is_flag=True,
    help="With --yes: approve in spite of critical findings, which the record then names.",
)
comment_option = click.option("--comment", help="Comment to record with the decision.")


class Refused(click.ClickException):
    """The API refused the request, or did not answer."""

    def __init__(self, error: SignoffError) -> None:
        super().__init__("\n".join(part for part in (visible(_told(error)), _hint(error)) if part))

    def show(self, file: Any = None) -> None:
        """Print the error in red."""
        click.secho(f"Error: {self.format_message()}", fg="red", file=file, err=True)


def console() -> Console:
    """A console for results."""
    return new_console()


def _told(error: SignoffError) -> str:
    # The server explains its HTTP header; a person at the command line sets a flag or a variable.
    return "This server needs a key, or the key is not valid." if isinstance(error, Unauthorized) else str(error)


def _hint(error: SignoffError) -> str:
    """What a person may do about an error, where the server's message does not say it."""
    if isinstance(error, Unauthorized):
        return "Set SIGNOFF_API_KEY, or use --api-key. An administrator makes keys with `signoff keys add`."
    if isinstance(error, Forbidden) and error.code == "role_needed":
        return "To see your roles: signoff whoami. An administrator can change them."
    if isinstance(error, NotFound):
        return _LISTED_BY.get(error.code, "")
    if isinstance(error, ServerError) and error.request_id:
        return f"The server's log says more about {error.request_id}. To check the setup: signoff doctor"
    return ""


_LISTED_BY = {
    "project_not_found": "To list the projects: signoff projects list",
    "task_not_found": "To list the tasks of a project: signoff tasks list PROJECT",
    "phase_not_found": "To list the phases of a project: signoff phases list PROJECT",
    "decision_not_found": "To list the decisions of a project: signoff decisions list PROJECT",
    "file_not_found": "To list the files of a project: signoff files list PROJECT",
    "no_plan": "To generate a plan: signoff projects plan PROJECT --generate",
    "plan_not_found": "To list the versions of a plan: signoff projects plans PROJECT",
    "person_not_found": "To list the people: signoff people list",
    "key_not_found": "To list the keys: signoff keys list",
    "session_not_found": "To list the sessions: signoff sessions list",
    "notification_not_found": "To list the notifications: signoff notifications list",
    "link_not_found": "To list the links of a project: signoff links list PROJECT",
}


async def is_confirmed(question: str, *, yes: bool) -> bool:
    """Whether the person at the terminal confirms. Without a terminal, only `yes` confirms."""
    return yes or (can_ask() and await ask(console(), question))


def refusal(message: str) -> int:
    """Print `message`, which says that nothing was done, and return the exit code for that."""
    hint = "" if can_ask() else " There is no terminal to ask on. Use --yes to confirm without a question."
    click.echo(f"{message}{hint}", err=True)
    return REFUSED


def run_to_end(work: Awaitable[Any]) -> Any:
    """Run a command's coroutine to its end.

    Raises:
        Refused: the API refused the request, or did not answer.
    """

    async def awaited() -> Any:
        return await work

    try:
        return asyncio.run(awaited())
    except SignoffError as error:
        raise Refused(error) from error


def client_command(work: Work) -> Callable[..., Any]:
    """Turn `work(api, …)`, which returns an exit code, into a command that accepts shortened project ids."""

    @functools.wraps(work)
    def command(settings: ClientSettings, **arguments: Any) -> None:
        async def with_client() -> int:
            async with client_of(settings) as api:
                await _complete_ids(api, arguments)
                return await work(api, **arguments) or 0

        sys.exit(run_to_end(with_client()))

    return client_options(command)


async def _complete_ids(api: AsyncSignoff, arguments: dict[str, Any]) -> None:
    project_id: str | None = arguments.get("project_id")
    if project_id is None:
        return
    project_id = arguments["project_id"] = await whole_id(api, project_id)
    for name, completed in _WITHIN.items():
        if arguments.get(name) is not None:
            arguments[name] = await completed(api, project_id, arguments[name])


def answer_command(
    render: Callable[[Any], RenderableType], *, has_ids: bool = True, has_table: bool = False
) -> Decorator:
    """Turn `work(api, …)` into a command that prints its answer: as JSON with `--json`, otherwise through `render`.

    Args:
        has_ids: whether the answer has ids, which `--quiet` prints.
        has_table: whether the answer is printed as a table, which `--wide` prints in full.
    """

    def decorate(work: Work) -> Callable[..., Any]:
        @functools.wraps(work)
        async def show(
            api: AsyncSignoff, *, as_json: bool, is_quiet: bool = False, is_wide: bool = False, **arguments: Any
        ) -> int:
            if as_json + is_quiet + is_wide > 1:
                raise click.UsageError("Use only one of --json, --quiet and --wide.")
            answer = await work(api, **arguments)
            if as_json or is_quiet:
                print_json(answer) if as_json else print_ids(answer)
                return 0
            rendered = render(to_json(answer))
            new_console(wide=is_wide).print(rendered, soft_wrap=isinstance(rendered, Text))
            return 0

        command = as_json_option(client_command(show))
        command = wide_option(command) if has_table else command
        return quiet_option(command) if has_ids else command

    return decorate


def given(**values: Any) -> dict[str, Any]:
    """Keep only the options that were set on the command line."""
    return {name: value for name, value in values.items() if value is not None and value != ()}
