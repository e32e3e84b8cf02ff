"""`signoff open`, and `--web` of other commands: shows something on the page."""

from __future__ import annotations

import os
import sys
import webbrowser
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from app.cli.arguments import ProjectId
from app.cli.command import client_command
from signoff import SignoffError

if TYPE_CHECKING:
    from signoff import AsyncSignoff

web_option = click.option("--web", is_flag=True, help="Open it on the page instead.")


def open_page(url: str) -> None:
    """Open an address in the browser, and print it. Without a terminal or a browser, only print it."""
    click.echo(url)
    sys.stdout.flush()
    if sys.stdout.isatty() and _has_browser():
        webbrowser.open(url)


def _has_browser() -> bool:
    # A text browser would take over the terminal, so only a graphical one, or the one that the person has chosen.
    names = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform == "darwin" or any(os.environ.get(name) for name in names)


async def page_of(api: AsyncSignoff, project_id: str, **query: str) -> str:
    """The address of a project's page.

    Raises:
        SignoffError: the server does not say it.
    """
    page = (await api.projects.get(project_id)).links.page
    if not page:
        raise SignoffError("This server is too old to say where its page is. Update it.")
    return page + ("?" + "&".join(f"{name}={quote(value)}" for name, value in query.items()) if query else "")


@click.command("open")
@click.argument("project_id", metavar="[PROJECT]", required=False, type=ProjectId())
@click.option("--task", help="Show this task (key or id).")
@client_command
async def open_project(api: AsyncSignoff, project_id: str | None, *, task: str | None) -> int:
    """Open a project on the page; without PROJECT, the list of projects.

    Prints the address too. Where there is no browser, it only prints the address.
    """
    if project_id is None:
        if task is not None:
            raise click.UsageError("Name the project of the task: signoff open PROJECT --task TASK")
        open_page(f"{api.url}/")
        return 0
    open_page(await page_of(api, project_id, **({"task": task} if task else {})))
    return 0


COMMANDS: list[click.Command] = [open_project]
