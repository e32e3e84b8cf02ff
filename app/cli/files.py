"""`signoff files …`: lists, uploads and downloads the files of a project's workspace."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from app.cli.arguments import project_argument
from app.cli.command import answer_command, client_command
from app.cli.display import size, visible
from app.cli.groups import command_group
from app.cli.tables import file_list
from app.cli.transfers import transfer
from signoff import SignoffError

if TYPE_CHECKING:
    from app.cli.display import Json
    from signoff import AsyncSignoff
    from signoff.schemas.files import FileList, Uploaded


@command_group()
def files() -> None:
    """List, upload and download files."""


@files.command("list")
@project_argument
@click.option("--logs", is_flag=True, help="Also list the logs of tasks.")
@answer_command(file_list, has_table=True)
async def list_files(api: AsyncSignoff, project_id: str, *, logs: bool) -> FileList:
    """List a project's files.

    These are the files that tasks made and people uploaded. To read the log of a task, use `signoff tasks logs`.
    """
    listed = await api.files.list(project_id)
    if logs or click.get_current_context().params["as_json"]:
        return listed
    return listed.model_copy(update={"files": [file for file in listed.files if file.kind != "log"]})


def _uploaded(answer: Json) -> Text:
    return Text(f"{visible(answer['path'])} ({size(answer['size'])}), SHA-256 {answer['sha256']}")


@files.command()
@project_argument
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--path", help="Path in the workspace; default: the file's name.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@answer_command(_uploaded)
async def upload(api: AsyncSignoff, project_id: str, source: Path, path: str | None, overwrite: bool) -> Uploaded:
    """Upload a file to a project's workspace."""
    with transfer(f"Uploading {source.name}") as progress:
        return await api.files.upload(project_id, source, path=path, overwrite=overwrite, progress=progress)


@files.command("get")
@project_argument
@click.argument("path")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Where to save it; default: its own name in the current folder; - prints it.",
)
@client_command
async def get_file(api: AsyncSignoff, project_id: str, path: str, *, output: Path | None) -> int:
    """Download a file from a project's workspace."""
    if output is not None and str(output) == "-":
        async for piece in api.files.stream(project_id, path):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return 0
    target = output or Path(Path(path).name)
    try:
        with transfer(f"Downloading {path}") as progress:
            length = await api.files.download(project_id, path, target, progress=progress)
    except OSError as error:
        raise SignoffError(f"{target} cannot be written: {error.strerror}.") from error
    click.echo(f"{visible(str(target))} ({size(length)})")
    return 0


COMMANDS: list[click.Command] = [files]
