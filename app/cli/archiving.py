"""`signoff projects archive` and `unarchive`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.answers import as_json_option, print_batch
from app.cli.arguments import ProjectId
from app.cli.command import client_command
from app.cli.references import whole_id

if TYPE_CHECKING:
    from signoff import AsyncSignoff

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
    return print_batch(await api.projects.archive(await _whole_ids(api, project_ids)), as_json=as_json)


@click.command()
@_projects_argument
@as_json_option
@client_command
async def unarchive(api: AsyncSignoff, project_ids: tuple[str, ...], *, as_json: bool) -> int:
    """Bring projects back from the archive."""
    return print_batch(await api.projects.unarchive(await _whole_ids(api, project_ids)), as_json=as_json)


ARCHIVING = (archive, unarchive)


async def _whole_ids(api: AsyncSignoff, texts: tuple[str, ...]) -> list[str]:
    return [await whole_id(api, text) for text in texts]
