"""`signoff completion`: prints the shell script that completes commands, options and project ids."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_WHERE = {
    "bash": 'eval "$(signoff completion bash)"  in ~/.bashrc',
    "zsh": 'eval "$(signoff completion zsh)"  in ~/.zshrc',
    "fish": "signoff completion fish > ~/.config/fish/completions/signoff.fish",
}


@click.command(epilog="\b\nTo enable it in every new shell:\n" + "\n".join(f"  {line}" for line in _WHERE.values()))
@click.argument("shell", type=click.Choice(list(_WHERE)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a completion script for SHELL.

    It completes commands, options and project ids.
    """
    script = get_completion_class(shell)
    assert script is not None  # noqa: S101 - for the type checker: click has these three
    click.echo(script(ctx.find_root().command, {}, "signoff", "_SIGNOFF_COMPLETE").source())


COMMANDS: list[click.Command] = [completion]
