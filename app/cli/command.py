"""Runs client commands: each gets a client and returns an answer to print, or an exit code.

Tables are built from the API's JSON; `--json` prints that JSON unchanged.
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

from app.cli.asking import ask, can_ask
from app.cli.display import visible
from app.cli.follow import REFUSED
from app.cli.options import client_options
from app.cli.target import client_of
from app.settings import Settings
from signoff import AsyncSignoff, SignoffError, to_json

Work = Callable[..., Awaitable[Any]]
Decorator = Callable[[Work], Callable[..., Any]]

_WHOLE_ID = re.compile(r"proj_[0-9a-z]{26}")
_MAX_CANDIDATES = 200

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
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
        super().__init__(visible(str(error)))

    def show(self, file: Any = None) -> None:
        """Print the error in red."""
        click.secho(f"Error: {self.format_message()}", fg="red", file=file, err=True)


def console() -> Console:
    """A console for results."""
    return Console(highlight=False)


def print_json(value: object) -> None:
    """Print a result as the JSON that the API sent."""
    click.echo(json.dumps(to_json(value), indent=2, ensure_ascii=False))


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
    def command(settings: Settings, **arguments: Any) -> None:
        async def with_client() -> int:
            async with client_of(settings) as api:
                if "project_id" in arguments:
                    arguments["project_id"] = await whole_id(api, arguments["project_id"])
                return await work(api, **arguments) or 0

        sys.exit(run_to_end(with_client()))

    return client_options(command)


def answer_command(render: Callable[[Any], RenderableType]) -> Decorator:
    """Turn `work(api, …)` into a command that prints its answer: as JSON with `--json`, otherwise through `render`."""

    def decorate(work: Work) -> Callable[..., Any]:
        @functools.wraps(work)
        async def show(api: AsyncSignoff, *, as_json: bool, **arguments: Any) -> int:
            answer = await work(api, **arguments)
            if as_json:
                print_json(answer)
                return 0
            rendered = render(to_json(answer))
            console().print(rendered, soft_wrap=isinstance(rendered, Text))
            return 0

        return as_json_option(client_command(show))

    return decorate


async def whole_id(api: AsyncSignoff, text: str) -> str:
    """Complete a project id from its beginning or end. Text that matches no project is returned unchanged.

    Raises:
        click.UsageError: the text matches more than one project.
    """
    if _WHOLE_ID.fullmatch(text) or len(text) < 3:
        return text
    newest = (await api.projects.list(limit=_MAX_CANDIDATES)).projects
    matches = [row.id for row in newest if row.id.startswith((text, f"proj_{text}")) or row.id.endswith(text)]
    if len(matches) > 1:
        examples = f"{matches[0]} and {matches[1]}"
        raise click.UsageError(
            f"'{visible(text)}' matches {len(matches)} projects, such as {examples}. Use more of the id."
        )
    return matches[0] if matches else text


def given(**values: Any) -> dict[str, Any]:
    """Keep only the options that were set on the command line."""
    return {name: value for name, value in values.items() if value is not None and value != ()}
