"""`signoff notifications …`: lists what was sent to whom, and sends it again."""

from __future__ import annotations

import click
from rich.console import Group, RenderableType
from rich.text import Text

from app.cli.command import answer_command
from app.cli.display import Json
from app.cli.tables import moment, table
from signoff import AsyncSignoff
from signoff.schemas.notifications import Notification, NotificationList
from signoff.vocabulary import NotificationStatus


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def notifications() -> None:
    """List notifications and send them again."""


def _listed(answer: Json) -> RenderableType:
    rows = [
        (
            row["id"],
            row["status"],
            row["entry"],
            f"{row['event']} {row['kind'] or ''}",
            row["project_id"],
            row["attempts"],
            moment(row["created_at"]),
            row["last_error"] if row["status"] != "delivered" else "",
        )
        for row in answer["notifications"]
    ]
    columns = ("id", "status", "entry", "event", "project", "attempts", "since", "last error")
    count = f"{len(rows)} of {answer['total']}"
    return Group(table(columns, rows, right=("attempts",)), Text(count, style="dim"))


@notifications.command("list")
@click.option(
    "--status", type=click.Choice([status.value for status in NotificationStatus]), help="Only with this status."
)
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="List at most this many.")
@click.option("--offset", type=click.IntRange(0), default=0, help="Leave out this many from the beginning.")
@answer_command(_listed)
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
    return await api.notifications.replay(notification_id)


COMMANDS: list[click.Command] = [notifications]
