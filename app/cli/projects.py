"""`signoff projects …`: what can be done about projects from the command line."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from app.cli.api_client import ApiClient, path_of
from app.cli.display import plan_tree, projects_table, visible
from app.cli.follow import EXIT_CODES, REFUSED, Follower, ask, can_ask, fetch_plan, show_result
from app.cli.options import client_options
from app.cli.target import client_of
from app.domain.states import ProjectStatus
from app.settings import Settings

Json = dict[str, Any]

_INTERRUPTED = 130
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


@click.group()
def projects() -> None:
    """List, show, approve, watch, cancel and delete projects."""


def _console() -> Console:
    return Console(highlight=False)


def _finish(work: Coroutine[Any, Any, int]) -> None:
    sys.exit(asyncio.run(work))


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _refusal(what: str) -> int:
    reason = "" if can_ask() else " There is no terminal to ask on; --yes does it without asking."
    click.echo(f"{what}{reason}", err=True)
    return REFUSED


@projects.command("list")
@click.option(
    "--status",
    type=click.Choice([*(status.value for status in ProjectStatus), "all"]),
    help="Only projects with this status.",
)
@click.option("--search", help="Only projects with this text in their name or description.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="At most so many.")
@as_json_option
@client_options
def list_projects(settings: Settings, status: str | None, search: str | None, limit: int, as_json: bool) -> None:
    """List projects, newest first."""

    async def work() -> int:
        async with client_of(settings) as api:
            listing = await api.get("", status=status, search=search, limit=limit)
        if as_json:
            _print_json(listing)
        else:
            _console().print(projects_table(listing))
        return 0

    _finish(work())


@projects.command()
@click.argument("project_id")
@as_json_option
@client_options
def show(settings: Settings, project_id: str, as_json: bool) -> None:
    """Show a project: its plan, its tasks, and where to find more."""

    async def work() -> int:
        async with client_of(settings) as api:
            project = await api.get(path_of(project_id))
            plan = await fetch_plan(api, project_id)
        if as_json:
            _print_json(project)
            return 0
        console = _console()
        if plan is not None:
            console.print(plan_tree(plan, project["name"]))
            console.print()
        show_result(console, project, local=api.is_local)
        console.print(Text(_more(project), style="dim"), soft_wrap=True)
        return 0

    _finish(work())


def _more(project: Json) -> str:
    lines = [f"stage {project['stage'].replace('_', ' ')}, workspace {project['workspace']}"]
    if project["blocked"]:
        lines.append(f"blocked: {project['blocked']['message']}")
    lines += [f"{name}: {link}" for name, link in project["links"].items() if link]
    return "\n".join(visible(line) for line in lines)


@projects.command()
@click.argument("project_id")
@click.option("--comment", default="", help="Kept with the decision.")
@yes_option
@client_options
def approve(settings: Settings, project_id: str, comment: str, yes: bool) -> None:
    """Show what waits for an approval (the plan, or the next phase), ask, and approve it."""

    async def work() -> int:
        async with client_of(settings) as api:
            return await _approve(api, project_id, {"comment": comment} if comment else {}, yes=yes)

    _finish(work())


async def _approve(api: ApiClient, project_id: str, body: Json, *, yes: bool) -> int:
    console = _console()
    project = await api.get(path_of(project_id))
    plan = await fetch_plan(api, project_id)
    gate: Json | None = project["gate"] if project["status"] == "running" else None
    if plan is not None:
        console.print(plan_tree(plan, project["name"]))
    if gate is not None:
        name = next((phase["name"] for phase in project["phases"] if phase["id"] == gate["phase_id"]), gate["phase_id"])
        question, body = f"Start phase '{visible(name)}'?", body | {"phase_id": gate["phase_id"]}
    else:
        question = "Approve this plan and carry it out?"
        if plan is not None:
            body |= {"plan_version": plan["version"], "plan_digest": plan["digest"]}
    # Without a plan or a gate there is nothing to ask about: the API says why.
    is_askable = gate is not None or (plan is not None and project["status"] == "pending")
    if is_askable and not yes and not (can_ask() and await ask(console, question)):
        return _refusal("Not approved.")
    reply = await api.post(path_of(project_id, "approve"), body)
    word = "The approval is recorded" if reply.is_pending else "Approved"
    console.print(Text(f"{word}; to see it run: signoff projects watch {project_id}"), soft_wrap=True)
    return 0


@projects.command()
@click.argument("project_id")
@click.option("--reason", default="", help="Kept with the decision.")
@client_options
def cancel(settings: Settings, project_id: str, reason: str) -> None:
    """Cancel a project and wait, 10 seconds at most, until its tasks are stopped."""

    async def work() -> int:
        async with client_of(settings) as api:
            reply = await api.post(path_of(project_id, "cancel"), {"reason": reason} if reason else {})
        tasks: dict[str, int] = reply.body.get("tasks") or {}
        counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in tasks.items())
        word = "The cancel is recorded; tasks are still stopping" if reply.is_pending else "Cancelled"
        click.echo(f"{word}{f' ({counts})' if counts else ''}.")
        return 0

    _finish(work())


@projects.command()
@click.argument("project_id")
@client_options
def watch(settings: Settings, project_id: str) -> None:
    """Show a project's progress until it has finished.

    Ctrl-C leaves it running. Exit codes: 0 completed, 1 failed, 2 cancelled.
    """

    async def work() -> int:
        console = _console()
        async with client_of(settings) as api:
            project = await api.get(path_of(project_id))
            await Follower(api, project, console, asks=False, quiet=False).follow()
            project = await api.get(path_of(project_id))
        show_result(console, project, local=api.is_local)
        return EXIT_CODES.get(project["status"], REFUSED)

    try:
        _finish(work())
    except KeyboardInterrupt:
        click.echo(f"The project goes on; to cancel it: signoff projects cancel {project_id}", err=True)
        sys.exit(_INTERRUPTED)


@projects.command()
@click.argument("project_id")
@yes_option
@client_options
def delete(settings: Settings, project_id: str, yes: bool) -> None:
    """Delete a project for good, with its tasks and the workspace that was made for it."""

    async def work() -> int:
        async with client_of(settings) as api:
            project = await api.get(path_of(project_id))
            question = f"Delete '{visible(project['name'])}' ({project['status']}) for good?"
            if not yes and not (can_ask() and await ask(_console(), question)):
                return _refusal("Not deleted.")
            reply = await api.delete(path_of(project_id))
        click.echo("It is being deleted; its tasks are still stopping." if reply.is_pending else "Deleted.")
        return 0

    _finish(work())


COMMANDS: list[click.Command] = [projects]
