"""The command `signoff`.

The code of a command is imported when the command is called, so that the overview comes at once.
"""

from __future__ import annotations

import importlib

import click

# Section, command, module that exports it in its COMMANDS, what it is for.
_OVERVIEW = {
    "Plans and projects": {
        "run": ("app.cli.run", "Plan a Markdown file, ask for your approval, and carry it out."),
        "projects": ("app.cli.projects", "List, show, approve, watch, cancel and delete projects."),
        "tasks": ("app.cli.tasks", "Answer a task that waits for a person."),
    },
    "Services": {
        "up": ("app.cli.services", "Start Temporal, a worker and the app, and keep them running."),
        "serve": ("app.cli.services", "Start the app alone."),
        "worker": ("app.cli.services", "Start a worker alone."),
        "migrate": ("app.cli.services", "Bring the database's schema up to date."),
        "doctor": ("app.cli.services", "Check each part and say what to do about it."),
    },
}
_MODULES = {name: module for section in _OVERVIEW.values() for name, (module, _) in section.items()}

_EPILOG = """\b
Examples:
  signoff run plan.md                    show the plan, ask, carry it out
  signoff up                             start everything and leave it running
  signoff projects list --status running

\b
Exit codes of run and watch: 0 completed, 1 failed, 2 refused or cancelled.
Settings come from flags, else SIGNOFF_… variables, else signoff.toml."""


class _LazyGroup(click.Group):
    """A group that knows the names of its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _MODULES.get(cmd_name)
        if module is None:
            return None
        commands: list[click.Command] = importlib.import_module(module).COMMANDS
        return next((command for command in commands if command.name == cmd_name), None)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, section in _OVERVIEW.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in section.items()])


@click.group(cls=_LazyGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="signoff", message="%(prog)s %(version)s")
def main() -> None:
    """Automation projects that are planned, signed off by a person, and carried out by durable Temporal workflows."""
