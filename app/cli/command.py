"""How a client command runs: it gets a client, and gives an answer to show, or an exit code.

What is shown is made from the API's JSON, which `--json` prints as it is.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.text import Text

from app.cli.display import visible
from app.cli.follow import REFUSED, ask, can_ask
from app.cli.options import client_options
from app.cli.target import client_of
from app.settings import Settings
from signoff import AsyncSignoff, SignoffError, to_json

Work = Callable[..., Awaitable[Any]]
Decorator = Callable[[Work], Callable[..., Any]]

_WHOLE_ID = re.compile(r"proj_[0-9a-z]{26}")
_MAX_CANDIDATES = 200

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
comment_option = click.option("--comment", help="Kept with the decision.")


class Refused(click.ClickException):
    """The API refused, or nothing answers."""

    def __init__(self, error: SignoffError) -> None:
        super().__init__(visible(str(error)))

    def show(self, file: Any = None) -> None:
        """Print it in red."""
        click.secho(f"Error: {self.format_message()}", fg="red", file=file, err=True)


def console() -> Console:
    """Where results are written."""
    return Console(highlight=False)


def print_json(value: Any) -> None:
    """Write a result as the API sent it."""
    click.echo(json.dumps(to_json(value), indent=2, ensure_ascii=False))


async def is_confirmed(question: str, *, yes: bool) -> bool:
    """Whether the person at the terminal wants it; without one, only where `yes` says so."""
    return yes or (can_ask() and await ask(console(), question))


def refusal(what: str) -> int:
    """Say that nothing was done, and give the exit code for that."""
    reason = "" if can_ask() else " There is no terminal to ask on; --yes does it without asking."
    click.echo(f"{what}{reason}", err=True)
    return REFUSED


def run_to_end(work: Awaitable[Any]) -> Any:
    """Run a command's work.

    Raises:
        Refused: the API refused, or nothing answers.
    """

    async def awaited() -> Any:
        return await work

    try:
        return asyncio.run(awaited())
    except SignoffError as error:
        raise Refused(error) from error


def client_command(work: Work) -> Callable[..., Any]:
    """Make a command of `work(api, …)`, which returns an exit code; a `project_id` may be the beginning or end of one."""

    @functools.wraps(work)
    def command(settings: Settings, **arguments: Any) -> None:
        async def with_client() -> int:
            async with client_of(settings) as api:
                if "project_id" in arguments:
                    arguments["project_id"] = await whole_id(api, arguments["project_id"])
                return await work(api, **arguments) or 0

        sys.exit(run_to_end(with_client()))

    return client_options(command)


def answer_command(render: Callable[[Any], RenderableType]) -> Decorator:
    """Make a command of `work(api, …)`, which returns an answer: printed as JSON with `--json`, else as `render` shows it."""

    def decorate(work: Work) -> Callable[..., Any]:
        @functools.wraps(work)
        async def show(api: AsyncSignoff, *, as_json: bool, **arguments: Any) -> int:
            answer = await work(api, **arguments)
            if as_json:
                print_json(answer)
                return 0
            shown = render(to_json(answer))
            console().print(shown, soft_wrap=isinstance(shown, Text))
            return 0

        return as_json_option(client_command(show))

    return decorate


async def whole_id(api: AsyncSignoff, text: str) -> str:
    """The id of the project that `text` is the id of, or the beginning or end of; as it is where there is no such project.

    Raises:
        click.UsageError: it fits more than one.
    """
    if _WHOLE_ID.fullmatch(text) or len(text) < 3:
        return text
    newest = (await api.projects.list(limit=_MAX_CANDIDATES)).projects
    found = [row.id for row in newest if row.id.startswith((text, f"proj_{text}")) or row.id.endswith(text)]
    if len(found) > 1:
        raise click.UsageError(f"'{visible(text)}' fits {len(found)} projects, such as {found[0]} and {found[1]}.")
    return found[0] if found else text


def given(**values: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in values.items() if value is not None and value != ()}
