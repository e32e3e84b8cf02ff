"""`signoff phases …`: list the phases of a plan, and add some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from app.cli.arguments import project_argument
from app.cli.command import answer_command, given
from app.cli.display import visible
from app.cli.groups import command_group
from app.cli.tables import phase_list
from signoff.vocabulary import PhaseStrategy

if TYPE_CHECKING:
    from app.cli.display import Json
    from signoff import AsyncSignoff
    from signoff.schemas.answers import Recorded
    from signoff.schemas.tasks import Phase, PhaseList


@command_group()
def phases() -> None:
    """List and add phases."""


@phases.command("list")
@project_argument
@answer_command(phase_list, has_table=True)
async def list_phases(api: AsyncSignoff, project_id: str) -> PhaseList:
    """List the phases of a project, in order."""
    return await api.phases.list(project_id)


def _added(answer: Json) -> Text:
    return Text("Recorded.") if answer.get("recorded") else Text(f"{answer['id']}  {visible(answer['name'])}")


@phases.command("add")
@project_argument
@click.argument("name")
@click.option("--key", help="Short name; default: derived from the name.")
@click.option("--description", help="Details of the phase.")
@click.option(
    "--strategy", type=click.Choice([item.value for item in PhaseStrategy]), help="Order of its tasks; default: dag."
)
@click.option("--position", type=click.IntRange(0), help="Position, counted from 0; default: last.")
@click.option("--requires-approval/--no-approval", default=None, help="Whether the phase waits for approval.")
@answer_command(_added)
async def add_phase(api: AsyncSignoff, project_id: str, name: str, **fields: Any) -> Phase | Recorded:
    """Add a phase to the plan."""
    return await api.phases.create(project_id, name, **given(**fields))


COMMANDS: list[click.Command] = [phases]
