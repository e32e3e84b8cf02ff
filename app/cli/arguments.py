"""Arguments that several commands have, and what a shell offers for them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

# A person who has pressed the tab key waits for the answer.
_MAX_SECONDS = 1.0
_MAX_PROJECTS = 50


class ProjectId(click.ParamType[str]):
    """A project's id, or the beginning or end of one."""

    name = "project"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The newest projects; none where no Signoff answers at once."""
        del ctx, param
        try:
            return [CompletionItem(row.id, help=row.name) for row in _newest() if row.id.startswith(incomplete)]
        except Exception:  # noqa: BLE001 - a shell shows whatever is printed: nothing is better
            return []


def _newest() -> list[Any]:
    from app.cli.options import load_settings  # noqa: PLC0415 - only a shell that completes needs it
    from app.cli.target import address_of  # noqa: PLC0415
    from signoff import Signoff  # noqa: PLC0415

    settings = load_settings({})
    key = settings.api_key.get_secret_value()
    with Signoff(address_of(settings), api_key=key, timeout=_MAX_SECONDS, retry_seconds=0) as client:
        return list(client.projects.list(limit=_MAX_PROJECTS).projects)


def project_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """The project that a command is about."""
    return click.argument("project_id", metavar="PROJECT", type=ProjectId())(command)


def plan_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """The Markdown file that a command reads."""
    kind = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
    return click.argument("plan", type=kind)(command)


def read_plan(plan: Path) -> str:
    """The text of a Markdown file; `-` is standard input.

    Raises:
        click.UsageError: it is no UTF-8 text, or cannot be read.
    """
    try:
        return sys.stdin.buffer.read().decode() if str(plan) == "-" else plan.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{plan} cannot be read as UTF-8 text: {error}") from error
