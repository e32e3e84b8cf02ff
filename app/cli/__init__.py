"""The `signoff` command.

Each command's module is imported only when that command runs, so the overview appears at once.
"""

from __future__ import annotations

import gc
import importlib
import sys
from typing import Any

import click

from app.cli.broken_output import orderly_output
from app.cli.groups import HELP_NAMES, SuggestingGroup
from app.hidden_environment import hide

# Section → command → the module that exports it in COMMANDS, and a summary of fewer than 45 characters.
_OVERVIEW = {
    "Plans and projects": {
        "run": ("app.cli.run", "Plan, approve and run a Markdown file."),
        "outline": ("app.cli.outline", "Preview the plan of a Markdown file."),
        "open": ("app.cli.opening", "Open a project on the page."),
        "inbox": ("app.cli.inbox", "List and answer what waits for you."),
        "overview": ("app.cli.overview", "Show figures over all projects."),
        "projects": ("app.cli.projects", "Create and manage projects."),
        "tasks": ("app.cli.tasks", "List, edit and answer tasks; read logs."),
        "phases": ("app.cli.phases", "List and add phases."),
        "decisions": ("app.cli.decisions", "List and answer decisions."),
        "files": ("app.cli.files", "List, upload and download files."),
        "filters": ("app.cli.filters", "List, save and delete filters of projects."),
        "audit": ("app.cli.reports", "Audit a project's plan, run and record."),
        "certificate": ("app.cli.reports", "Save the certificate of a signed plan."),
        "verify": ("app.cli.record", "Verify an export or a certificate offline."),
    },
    "Catalogs": {
        "agents": ("app.cli.catalog", "List agents."),
        "strategies": ("app.cli.catalog", "List strategies."),
        "archetypes": ("app.cli.catalog", "List experts (archetypes)."),
        "policy": ("app.cli.policies", "Show who must sign which documents."),
        "templates": ("app.cli.templates", "List templates, and start projects from them."),
    },
    "People": {
        "people": ("app.cli.people", "List, add and change people."),
        "keys": ("app.cli.people", "List, add, rotate and revoke keys."),
        "links": ("app.cli.signing_links", "Let one person sign one thing by a link."),
        "whoami": ("app.cli.people", "Print who you are, and your roles."),
        "notifications": ("app.cli.notifications", "List notifications, and send them again."),
        "sessions": ("app.cli.sessions", "List and revoke browser sessions."),
    },
    "Services": {
        "up": ("app.cli.services", "Start everything and keep it running."),
        "serve": ("app.cli.services", "Start only the app."),
        "worker": ("app.cli.services", "Start only a worker."),
        "migrate": ("app.cli.services", "Migrate the database to the latest schema."),
        "record": ("app.cli.record", "Print or replace the record's sealing key."),
        "key": ("app.cli.services", "Generate an API key for the server."),
        "doctor": ("app.cli.services", "Check the setup and suggest fixes."),
        "completion": ("app.cli.completion", "Print a shell completion script."),
    },
}
# Commands that may run long and hold secrets in memory. `up` starts three of them, and hands secrets over to them.
_LONG_LIVED = frozenset({"run", "up", "serve", "worker", "migrate"})
_MODULES = {name: module for section in _OVERVIEW.values() for name, (module, _) in section.items()}

_EPILOG = """\b
Examples:
  signoff run plan.md                    plan it, ask for approval, run it
  signoff up                             start everything and leave it running
  signoff projects list --status running

\b
Exit codes: 0 success; 1 the API refused or did not answer; 2 wrong usage, or you declined.
For run and projects watch: 0 completed, 1 failed, 2 declined or cancelled.
Flags override SIGNOFF_… variables; variables override signoff.toml."""


class _LazyGroup(SuggestingGroup):
    """A group that lists its commands without importing them."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command. If no arguments are passed, take them from the command line of this process."""
        if not args and extra.get("args") is None and not _LONG_LIVED.isdisjoint(sys.argv[1:2]):
            hide()
        with orderly_output():
            return super().main(*args, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def find(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command with this name, from its module."""
        module = _MODULES.get(cmd_name)
        if module is None:
            return None
        # Modules stay. Looking for garbage among them while they load takes a fifth of the time.
        gc.disable()
        commands: list[click.Command] = importlib.import_module(module).COMMANDS
        gc.freeze()
        gc.enable()
        return next((command for command in commands if command.name == cmd_name), None)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, section in _OVERVIEW.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in section.items()])


@click.group(cls=_LazyGroup, epilog=_EPILOG, context_settings={**HELP_NAMES, "max_content_width": 110})
@click.version_option(package_name="signoff", message="%(prog)s %(version)s")
def main() -> None:
    """Run automation only after a person has approved the exact plan. Runs are durable Temporal workflows."""
