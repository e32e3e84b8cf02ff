"""Groups of commands: they suggest a command for a mistyped one, at any level, and show an example for each."""

from __future__ import annotations

from copy import copy
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

import click

from app.cli.examples import example_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HELP_NAMES = {"help_option_names": ["-h", "--help"]}
_MAX_SUGGESTIONS = 4
_SIMILAR = 0.7

Path = tuple[str, ...]


class SuggestingGroup(click.Group):
    """A group of commands with suggestions and examples."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, with its example below its help."""
        command = self.find(ctx, cmd_name)
        if command is not None and not isinstance(command, click.Group):
            path = (*_path(ctx), cmd_name)
            # `audit` is in two places, with an example for each.
            command = copy(command)
            command.epilog = _with_example(command.epilog, example_of(path))
        return command

    def find(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command with this name."""
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name."""
        if not ctx.resilient_parsing and self.find(ctx, args[0]) is None and not args[0].startswith("-"):
            _refuse(ctx, args)
        return super().resolve_command(ctx, args)


def command_group(name: str | None = None) -> Any:
    """Declare a group of commands, as `click.group` does."""
    return click.group(name, cls=SuggestingGroup, context_settings=HELP_NAMES)


def every_command(root: click.Group, context: click.Context | None = None) -> Iterator[tuple[Path, click.Command]]:
    """All commands below a group, each with the words that name it."""
    context = context or click.Context(root, info_name="signoff")
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        if isinstance(command, click.Group):
            inner = click.Context(command, info_name=name, parent=context)
            yield from (((name, *path), leaf) for path, leaf in every_command(command, inner))
        elif command is not None:
            yield (name,), command


def suggestions(paths: Sequence[Path], typed: Path, following: str | None) -> list[Path]:
    """The commands, or the group, that a person may have meant.

    Args:
        paths: all commands.
        typed: the words up to the one that names no command.
        following: the word after it, which may belong to the name of the command.
    """
    *group, last = typed
    groups = list(dict.fromkeys(path[0] for path in paths if len(path) > 1))
    meant = () if group else tuple(get_close_matches(last, groups, 1, _SIMILAR))
    if meant:
        return [path for path in paths if path == (*meant, following)] or [meant]
    if same := [path for path in paths if path[-1] == last]:
        return same[:_MAX_SUGGESTIONS]
    inside = [path for path in paths if list(path[:-1]) == group]
    for among in (inside, paths):
        if name := get_close_matches(last, list(dict.fromkeys(path[-1] for path in among)), 1, _SIMILAR):
            return [path for path in among if path[-1] == name[0]][:_MAX_SUGGESTIONS]
    return []


def _refuse(ctx: click.Context, args: list[str]) -> NoReturn:
    root = ctx.find_root().command
    assert isinstance(root, click.Group)  # noqa: S101 - for the type checker: only groups have subcommands
    path = _path(ctx)
    following = args[1] if len(args) > 1 and not args[1].startswith("-") else None
    paths = [words for words, _ in every_command(root)]
    meant = [f"signoff {' '.join(words)}" for words in suggestions(paths, (*path, args[0]), following)]
    typed = " ".join(("signoff", *path, args[0]))
    match meant:
        case []:
            hint = f"To list the commands: {' '.join(('signoff', *path))} --help"
        case [one]:
            hint = f"Did you mean `{one}`?"
        case _:
            hint = "Did you mean one of these?\n" + "\n".join(f"  {one}" for one in meant)
    raise click.UsageError(f"There is no command `{typed}`. {hint}", ctx)


def _path(ctx: click.Context) -> Path:
    names: list[str] = []
    while ctx.parent is not None:
        names.insert(0, ctx.info_name or "")
        ctx = ctx.parent
    return tuple(names)


def _with_example(epilog: str | None, example: str | None) -> str | None:
    if example is None:
        return epilog
    lines = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in example.split("\n"))
    return f"{lines}\n\n{epilog}" if epilog else lines
