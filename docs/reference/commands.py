"""The page about the command line."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from app.cli import main
from app.settings import Settings
from app.settings.loading import flag_of
from docs.reference.tables import table

_PROGRAM = "signoff"
# Long commands have a flag for every setting, and those that call the API for some; the page about settings describes them.
_SETTINGS = {flag_of(name) for name in Settings.model_fields}


def page() -> str:
    """Every command with its arguments and options."""
    parts = [
        "# Command line",
        (
            "`signoff COMMAND --help` prints the same. Commands that call the API also take `--url` and `--api-key`; "
            "`up`, `serve`, `worker`, `migrate`, `run` and `doctor` take a flag for [every setting](settings.md)."
        ),
    ]
    for path, command in all_commands():
        parts.append(f"{'#' * min(4, len(path))} `{' '.join(path)}`")
        parts.append(_help(command))
        context = click.Context(command, info_name=" ".join(path))
        if isinstance(command, click.Group):
            continue
        parts.append(f"```text\n{' '.join([*path, *command.collect_usage_pieces(context)])}\n```")
        options = [
            (", ".join(f"`{name}`" for name in option.opts), option.help or "")
            for option in command.params
            if isinstance(option, click.Option) and not option.hidden and not _SETTINGS & set(option.opts)
        ]
        if options:
            parts.append(table(("Option", "Meaning"), options))
    return "\n\n".join(part for part in parts if part) + "\n"


def all_commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Each command and group, with the words that call it."""
    yield from _below((_PROGRAM,), main)


def _below(path: tuple[str, ...], group: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(group, click.Group):
        return
    context = click.Context(group, info_name=path[-1])
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield (*path, name), command
            yield from _below((*path, name), command)


def _help(command: click.Command) -> str:
    """The help of a command. Parts that click prints as they are (after `\\b`) become code."""
    paragraphs = inspect.cleandoc((command.help or "").split("\f")[0]).split("\n\n")
    return "\n\n".join(
        "```text\n" + part.strip().removeprefix("\b").strip("\n") + "\n```" if part.strip().startswith("\b") else part
        for part in paragraphs
    )
