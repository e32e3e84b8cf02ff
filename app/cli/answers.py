"""How commands print their answers: for people, as JSON, filtered by a jq expression, or as ids only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import click

from app.cli.words import visible
from signoff import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from signoff.schemas.answers import ArchiveAnswer, BatchDeleteAnswer

_FILTER = "signoff.jq"
# What names an item, if it has no id.
_NAMES = ("id", "key", "version", "path")


def _compiled(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    import jq  # noqa: PLC0415 - keeps other commands fast

    try:
        ctx.meta[_FILTER] = jq.compile(value)
    except ValueError as error:
        raise click.BadParameter(f"is not a jq expression: {_first_line(error)}") from error


def _as_json(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    return value or _FILTER in ctx.meta


def json_option(help_text: str = "Print the API's JSON.") -> Callable[[Any], Any]:
    """Add `--json` and `--jq` to a command, which gets `as_json`: true with either."""
    options = (
        click.option("--json", "as_json", is_flag=True, callback=_as_json, help=help_text),
        click.option(
            "--jq",
            metavar="EXPRESSION",
            expose_value=False,
            is_eager=True,
            callback=_compiled,
            help="Print what this jq expression makes of the JSON.",
        ),
    )

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


as_json_option = json_option()
quiet_option = click.option("--quiet", "-q", "is_quiet", is_flag=True, help="Print ids only, one on each line.")

wide_option = click.option(
    "--wide", "-w", "is_wide", is_flag=True, help="Print every column, with whole ids and times, however wide."
)


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print a result as the JSON that the API sent, or what the expression of `--jq` makes of it.

    Raises:
        click.UsageError: the expression cannot be applied to the result.
    """
    answer = to_json(value)
    program = click.get_current_context().meta.get(_FILTER)
    if program is None:
        click.echo(json.dumps(answer, indent=indent, ensure_ascii=False))
        return
    try:
        for found in program.input_value(answer):
            click.echo(found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))
    except ValueError as error:
        raise click.UsageError(f"--jq cannot be applied to the answer: {_first_line(error)}") from error


def print_batch(answer: ArchiveAnswer | BatchDeleteAnswer, *, as_json: bool) -> int:
    """Print what became of several projects, and each that the API refused. Returns the exit code: 1 if it refused any."""
    if as_json:
        print_json(answer)
    else:
        click.echo(answer.message)
        for entry in answer.failed:
            click.secho(visible(f"{entry.id}: {entry.message}"), fg="red", err=True)
    return 1 if answer.failed else 0


def print_ids(answer: Any) -> None:
    """Print the id of an answer, or the ids of the items that it lists."""
    for found in _ids(to_json(answer)):
        click.echo(visible(found))


def _ids(answer: dict[str, Any]) -> Iterator[str]:
    if "id" in answer:
        yield str(answer["id"])
        return
    lists = (cast("list[dict[str, Any]]", value) for value in answer.values() if isinstance(value, list))
    for item in next(lists, list[dict[str, Any]]()):
        name = next((item[name] for name in _NAMES if item.get(name) is not None), None)
        if name is not None:
            yield str(name)


def _first_line(error: ValueError) -> str:
    return visible(str(error).split("\n", maxsplit=1)[0])
