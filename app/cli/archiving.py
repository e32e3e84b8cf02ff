"""`signoff projects archive` and `unarchive`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.arguments import ProjectId
from app.cli.command import as_json_option, client_command, print_json
from app.cli.display import visible
from app.cli.references import whole_id

if TYPE_CHECKING:
    from signoff import AsyncSignoff
    from signoff.schemas.answers import ArchiveAnswer

_projects_argument = click.argument("project_ids", metavar="PROJECT...", nargs=-1, required=True, type=ProjectId())


@click.command()
@_projects_argument
@as_json_option
@client_command
async def archive(api: AsyncSignoff, project_ids: tuple[str, ...], *, as_json: bool) -> int:
    """Archive finished projects.

    Lists, counts and searches leave them out. They can still be read, verified, exported and brought back.

    Exit codes: 0 all archived; 1 some could not be archived.
    """
    return _told(await api.projects.archive(await _whole_ids(api, project_ids)), as_json=as_json)


@click.command()
@_projects_argument
@as_json_option
@client_command
async def unarchive(api: AsyncSignoff, project_ids: tuple[str, ...], *, as_json: bool) -> int:
    """Bring projects back from the archive."""
    return _told(await api.projects.unarchive(await _whole_ids(api, project_ids)), as_json=as_json)


ARCHIVING = (archive, unarchive)


async def _whole_ids(api: AsyncSignoff, texts: tuple[str, ...]) -> list[str]:
    return [await whole_id(api, text) for text in texts]


def _told(answer: ArchiveAnswer, *, as_json: bool) -> int:
    if as_json:
        print_json(answer)
    else:
        click.echo(answer.message)
        for entry in answer.failed:
            click.secho(visible(f"{entry.id}: {entry.message}"), fg="red", err=True)
    return 1 if answer.failed else 0
