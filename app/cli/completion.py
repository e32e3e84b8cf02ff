"""`signoff completion`: the script that has a shell complete commands, options and project ids."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_WHERE = {
    "bash": 'eval "$(signoff completion bash)"  in ~/.bashrc',
    "zsh": 'eval "$(signoff completion zsh)"  in ~/.zshrc',
    "fish": "signoff completion fish > ~/.config/fish/completions/signoff.fish",
}


@click.command(epilog="\b\nTo have it in every shell:\n" + "\n".join(f"  {line}" for line in _WHERE.values()))
@click.argument("shell", type=click.Choice(list(_WHERE)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that has SHELL complete commands, options and project ids."""
    script = get_completion_class(shell)
    assert script is not None  # noqa: S101 - for the type checker: click has these three
    click.echo(script(ctx.find_root().command, {}, "signoff", "_SIGNOFF_COMPLETE").source())


COMMANDS: list[click.Command] = [completion]
