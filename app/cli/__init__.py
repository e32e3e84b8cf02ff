"""The command `signoff`.

The code of a command is imported when the command is called, so that the overview comes at once.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from app.hidden_environment import hide

# Section, command, module that exports it in its COMMANDS, what it is for.
_OVERVIEW = {
    "Plans and projects": {
        "run": ("app.cli.run", "Plan a Markdown file, ask for your approval, and carry it out."),
        "outline": ("app.cli.outline", "Show what a Markdown file would make, and store nothing."),
        "projects": ("app.cli.projects", "Make, list, show, decide on, watch and delete projects."),
        "tasks": ("app.cli.tasks", "List, change and answer tasks, and read their logs."),
        "phases": ("app.cli.tasks", "List phases and add one."),
        "decisions": ("app.cli.decisions", "List decisions and answer one that is open."),
        "files": ("app.cli.files", "List, upload and get the files of a project."),
        "audit": ("app.cli.reports", "Examine a project's plan, run and record."),
        "verify": ("app.cli.record", "Verify an exported project, offline."),
    },
    "What may be named in a project": {
        "agents": ("app.cli.catalogue", "List the agents."),
        "strategies": ("app.cli.catalogue", "List the strategies."),
        "archetypes": ("app.cli.catalogue", "List the archetypes of experts."),
    },
    "Services": {
        "up": ("app.cli.services", "Start Temporal, a worker and the app, and keep them running."),
        "serve": ("app.cli.services", "Start the app alone."),
        "worker": ("app.cli.services", "Start a worker alone."),
        "migrate": ("app.cli.services", "Bring the database's schema up to date."),
        "sessions": ("app.cli.sessions", "List and revoke the sessions of browsers."),
        "record": ("app.cli.record", "Print the key that the record is sealed with, or replace it."),
        "key": ("app.cli.services", "Print a new key for the server."),
        "doctor": ("app.cli.services", "Check each part and say what to do about it."),
        "completion": ("app.cli.completion", "Print the script that has your shell complete commands."),
    },
}
# They run for long, with secrets in their memory.
_LONG_LIVED = frozenset({"run", "up", "serve", "worker"})
_MODULES = {name: module for section in _OVERVIEW.values() for name, (module, _) in section.items()}

_EPILOG = """\b
Examples:
  signoff run plan.md                    show the plan, ask, carry it out
  signoff up                             start everything and leave it running
  signoff projects list --status running

\b
Exit codes: 0 done; 1 the API refused, or nothing answers; 2 wrong usage, or you said no.
Of run and projects watch: 0 completed, 1 failed, 2 refused or cancelled.
Settings come from flags, else SIGNOFF_… variables, else signoff.toml."""


class _LazyGroup(click.Group):
    """A group that knows the names of its commands without importing them."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command; the one of this process where no arguments are given."""
        if not args and extra.get("args") is None and not _LONG_LIVED.isdisjoint(sys.argv[1:2]):
            hide()
        return super().main(*args, **extra)

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


@click.group(
    cls=_LazyGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="signoff", message="%(prog)s %(version)s")
def main() -> None:
    """Automation projects that are planned, signed off by a person, and carried out by durable Temporal workflows."""
