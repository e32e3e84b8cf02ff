"""`signoff tasks …`: a person's answer to a task that waits for one."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from app.cli.api_client import path_of
from app.cli.options import client_options
from app.cli.target import client_of
from app.settings import Settings

_ANSWERS = {
    "complete": "Say that a task which waits for you is done.",
    "skip": "Pass over a task that waits for you; what depends on it goes on.",
    "retry": "Have a task that lost its worker tried again.",
}


@click.group()
def tasks() -> None:
    """Answer a task that waits for a person."""


def _pairs(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    if any(not name or not equals for name, equals, _ in pairs):
        raise click.BadParameter("must be NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _answer_command(answer: str, help_text: str) -> click.Command:
    @click.command(answer, help=f"{help_text} TASK is its key or id.")
    @click.argument("project_id")
    @click.argument("task")
    @click.option("--comment", default="", help="Kept with the decision.")
    @client_options
    def command(
        settings: Settings, project_id: str, task: str, comment: str, outputs: dict[str, str] | None = None
    ) -> None:
        body: dict[str, Any] = ({"comment": comment} if comment else {}) | ({"outputs": outputs} if outputs else {})
        asyncio.run(_send(settings, project_id, task, answer, body))

    if answer == "complete":
        output = click.option(
            "--output", "outputs", multiple=True, callback=_pairs, metavar="NAME=VALUE", help="An output."
        )
        output(command)
    return command


async def _send(settings: Settings, project_id: str, task: str, answer: str, body: dict[str, Any]) -> None:
    async with client_of(settings) as api:
        reply = await api.post(path_of(project_id, "tasks", task, answer), body)
    click.echo("Recorded." if reply.is_pending else "Done.")


for _name, _help in _ANSWERS.items():
    tasks.add_command(_answer_command(_name, _help))

COMMANDS: list[click.Command] = [tasks]
