"""`signoff notifications …`: lists what was sent to whom, and sends it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.text import Text

from app.cli.command import answer_command
from app.cli.groups import command_group
from app.cli.listing import extra, fixed, short_ids, table, title
from app.cli.references import Candidate, pick
from app.cli.tables import moment
from signoff.vocabulary import NotificationStatus

if TYPE_CHECKING:
    from rich.console import RenderableType

    from app.cli.display import Json
    from signoff import AsyncSignoff
    from signoff.schemas.notifications import Notification, NotificationList

_PAGE = 200


@command_group()
def notifications() -> None:
    """List notifications and send them again."""


def _listed(answer: Json) -> RenderableType:
    ident = short_ids(row["id"] for row in answer["notifications"])
    project = short_ids(row["project_id"] for row in answer["notifications"])
    rows = [
        (
            ident(row["id"]),
            row["status"],
            row["entry"],
            f"{row['event']} {row['kind'] or ''}",
            project(row["project_id"]),
            row["attempts"],
            moment(row["created_at"]),
            row["last_error"] if row["status"] != "delivered" else "",
        )
        for row in answer["notifications"]
    ]
    columns = (
        *(fixed("id"), fixed("status"), title("entry"), title("event"), fixed("project")),
        *(extra("attempts", right=True), extra("since"), "last error"),
    )
    return table(columns, rows, footer=f"{len(rows)} of {answer['total']}")


@notifications.command("list")
@click.option(
    "--status", type=click.Choice([status.value for status in NotificationStatus]), help="Only with this status."
)
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="List at most this many.")
@click.option("--offset", type=click.IntRange(0), default=0, help="Leave out this many from the beginning.")
@answer_command(_listed, has_table=True)
async def list_notifications(api: AsyncSignoff, *, status: str | None, limit: int, offset: int) -> NotificationList:
    """List notifications, newest first."""
    return await api.notifications.list(status=status, limit=limit, offset=offset)


@notifications.command()
@click.argument("notification_id", metavar="ID")
@answer_command(lambda answer: Text(f"It is sent again, with the same id: {answer['id']}."))
async def replay(api: AsyncSignoff, notification_id: str) -> Notification:
    """Send a notification again.

    The receiver gets the same message with the same id.
    """
    return await api.notifications.replay(await _whole_id(api, notification_id))


async def _whole_id(api: AsyncSignoff, text: str) -> str:
    """The id to which `text` refers among all notifications."""
    found: list[Candidate] = []
    while True:
        page = await api.notifications.list(limit=_PAGE, offset=len(found))
        found += [Candidate(row.id, shown=f"{row.event}  {row.project_id}") for row in page.notifications]
        if not page.notifications or len(found) >= page.total:
            return pick(text, found, "notifications")


COMMANDS: list[click.Command] = [notifications]
