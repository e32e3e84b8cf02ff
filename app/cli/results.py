"""How a project ended: the exit codes, and what is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from app.cli.display import (
    OUTCOMES,
    duration,
    files_table,
    output_files,
    review_text,
    status_text,
    tasks_table,
    visible,
)
from app.domain.identity import milliseconds_between
from signoff import NotFound, to_json

if TYPE_CHECKING:
    from rich.console import Console

    from app.cli.display import Json
    from signoff import AsyncSignoff

EXIT_CODES = {"completed": 0, "failed": 1, "cancelled": 2}
REFUSED = 2
NOT_IN_TIME = 3


async def fetch_plan(api: AsyncSignoff, project_id: str) -> Json | None:
    """The current plan, or None if there is none yet."""
    try:
        return to_json(await api.projects.plan(project_id))
    except NotFound as error:
        if error.code == "no_plan":
            return None
        raise


def show_result(console: Console, project: Json, *, local: bool) -> None:
    """Print how a project ended: its tasks, their files if these are on this machine, and the outcome."""
    if project["tasks"]:
        console.print(tasks_table(project))
    files = output_files(project) if local and project["workspace"] else []
    if files:
        console.print()
        console.print(files_table(files))
    run: Json = project["run"] or {}
    elapsed = duration(milliseconds_between(run.get("started_at"), run.get("completed_at")))
    line = Text.assemble(
        "\n", status_text(project["status"]), f" {visible(project['name'])} {elapsed}", f" ({project['id']})"
    )
    console.print(line, soft_wrap=True)
    if review := review_text(project):
        console.print(review, soft_wrap=True)
    elif project["outcome"]:
        console.print(Text(f"Not everything is done: {OUTCOMES[project['outcome']]}.", style="yellow"), soft_wrap=True)
    if project["failure"]:
        console.print(Text(visible(project["failure"]["message"]), style="red"), soft_wrap=True)
