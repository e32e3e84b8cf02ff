"""`signoff filters …`: saved filters of the list of projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from app.cli.arguments import Moment
from app.cli.command import answer_command, given
from app.cli.display import Json, visible
from app.cli.groups import command_group
from app.cli.listing import Listing, fixed, short_ids, table, title
from app.cli.tables import moment
from app.domain.people import name_key
from signoff import to_json
from signoff.vocabulary import ProjectStatus

if TYPE_CHECKING:
    from signoff import AsyncSignoff
    from signoff.schemas.filters import FilterList, SavedFilter


def condition_options(command: Any) -> Any:
    """Add the options that filter the list of projects to a command."""
    # Click lists options in reverse order.
    for option in reversed(
        (
            click.option(
                "--status",
                type=click.Choice([*(status.value for status in ProjectStatus), "all"]),
                help="List only projects with this status.",
            ),
            click.option("--search", help="List only projects with this text in their name or description."),
            click.option("--label", help="List only projects with this label."),
            click.option("--archived", type=click.Choice(["true", "all"]), help="List the archive, or all with it."),
            click.option(
                "--since", "created_after", type=Moment(), help="List only projects created since, such as 7d."
            ),
            click.option(
                "--until",
                "created_before",
                type=Moment(is_end=True),
                help="List only projects created until then.",
            ),
            click.option("--changed-since", "updated_after", type=Moment(), help="List only projects changed since."),
            click.option(
                "--changed-until",
                "updated_before",
                type=Moment(is_end=True),
                help="List only those not changed later.",
            ),
        )
    ):
        command = option(command)
    return command


@command_group()
def filters() -> None:
    """List, save and delete filters of the list of projects.

    Each person has their own. To use one: signoff projects list --filter NAME
    """


def _list(answer: Json) -> Listing:
    ident = short_ids(row["id"] for row in answer["filters"])
    rows = [(ident(row["id"]), row["name"], _conditions(row), moment(row["created_at"])) for row in answer["filters"]]
    return table((fixed("id"), title("name"), "conditions", fixed("saved")), rows)


def _conditions(saved: Json) -> str:
    return " ".join(f"{name}={value}" for name, value in given(**saved["conditions"]).items())


def _line(answer: Json) -> Text:
    return Text(f"{visible(answer['name'])}  {visible(_conditions(answer))}")


@filters.command("list")
@answer_command(_list, has_table=True)
async def list_filters(api: AsyncSignoff) -> FilterList:
    """List your saved filters."""
    return await api.filters.list()


@filters.command()
@click.argument("name")
@condition_options
@answer_command(_line)
async def save(api: AsyncSignoff, name: str, **conditions: Any) -> SavedFilter:
    """Save a filter of the list of projects.

    A filter of yours with the same name is replaced. A time such as 7d is counted from now, when you save it.
    """
    wanted = {option: value for option, value in given(**conditions).items() if value != "all" or option != "status"}
    if not wanted:
        raise click.UsageError("Say what the filter shows: use --status, --label, or another option of this command.")
    known = await _find(api, name)
    if known is not None:
        return await api.filters.change(known.id, name, **wanted)
    return await api.filters.save(name, **wanted)


@filters.command()
@click.argument("name")
@answer_command(lambda answer: Text(f"Deleted the filter {visible(answer['name'])}."))
async def delete(api: AsyncSignoff, name: str) -> SavedFilter:
    """Delete a saved filter."""
    return await api.filters.delete((await _named(api, name)).id)


async def conditions_of(api: AsyncSignoff, name: str) -> dict[str, str]:
    """The conditions of a saved filter, as parameters of the list of projects.

    Raises:
        click.UsageError: there is no filter with this name.
    """
    return given(**to_json((await _named(api, name)).conditions))


async def _named(api: AsyncSignoff, name: str) -> SavedFilter:
    found = await _find(api, name)
    if found is None:
        message = f"There is no saved filter '{visible(name)}'. To list them: signoff filters list"
        raise click.UsageError(message)
    return found


async def _find(api: AsyncSignoff, name: str) -> SavedFilter | None:
    known = (await api.filters.list()).filters
    return next((one for one in known if one.id == name or name_key(one.name) == name_key(name)), None)


COMMANDS: list[click.Command] = [filters]
