"""`signoff links …`: links that let one person sign one thing without signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from app.cli.arguments import project_argument
from app.cli.command import answer_command, given
from app.cli.display import visible
from app.cli.groups import command_group
from app.cli.listing import extra, fixed, short_ids, table, title
from app.cli.references import Candidate, pick
from app.cli.tables import moment
from app.domain.sender import called

if TYPE_CHECKING:
    from rich.console import RenderableType

    from signoff import AsyncSignoff
    from signoff.schemas.signing_links import NewSigningLink, SigningLink, SigningLinkList

Json = dict[str, Any]


@command_group()
def links() -> None:
    """Links that let one person sign one thing without signing in."""


def _list(answer: Json) -> RenderableType:
    ident = short_ids(row["id"] for row in answer["links"])
    rows = [
        (
            ident(row["id"]),
            row["person"],
            f"version {row['plan_version']}",
            row["status"],
            called(row["requested_by"] or row["created_by"]),
            row["delivered_to"] or "",
            moment(row["expires_at"]),
        )
        for row in answer["links"]
    ]
    columns = (
        *(fixed("id"), title("for"), extra("plan"), fixed("status")),
        *(title("made by"), title("mailed to"), fixed("expires")),
    )
    return table(columns, rows)


def _new(answer: Json) -> Text:
    text = Text(f"{answer['id']}  for {visible(answer['person'])}, until {moment(answer['expires_at'])}\n")
    text.append(f"{answer['url']}\n", style="bold")
    words = "Send it to nobody else: whoever has it can sign as this person. It is not shown again."
    return text.append(words, style="dim")


@links.command("add")
@project_argument
@click.option("--person", help="Somebody who is listed: their id, name or e-mail address.")
@click.option("--name", help="Somebody else: the name that the record shows.")
@click.option("--email", help="Their e-mail address.")
@click.option("--hours", type=float, default=72, show_default=True, help="How long the link is good.")
@answer_command(_new)
async def add_link(
    api: AsyncSignoff, project_id: str, person: str | None, name: str | None, email: str | None, hours: float
) -> NewSigningLink:
    """Make a link to what waits for approval in PROJECT, and print it once.

    You vouch for its person: the record names you, and where two people must approve, you and they count once together.
    """
    return await api.signing_links.add(project_id, hours=hours, **given(person=person, name=name, email=email))


def _asked(answer: Json) -> Text:
    who = visible(f"{answer['person']} at {answer['delivered_to']}")
    return Text(f"{answer['id']}  is mailed to {who}. Nobody else sees the link.")


@links.command("ask")
@project_argument
@click.option("--person", help="Somebody who is listed: their id, name or e-mail address.")
@click.option("--name", help="Somebody else: the name that the record shows.")
@click.option("--email", help="Their e-mail address.")
@answer_command(_asked)
async def ask_for_signature(
    api: AsyncSignoff, project_id: str, person: str | None, name: str | None, email: str | None
) -> SigningLink:
    """Have the server mail a link to what waits for approval in PROJECT. You never see it, and need not be an approver."""
    return await api.signing_links.ask(project_id, **given(person=person, name=name, email=email))


@links.command("list")
@project_argument
@answer_command(_list, has_table=True)
async def list_links(api: AsyncSignoff, project_id: str) -> SigningLinkList:
    """List the links of PROJECT, newest first."""
    return await api.signing_links.list(project_id)


@links.command("revoke")
@project_argument
@click.argument("link")
@answer_command(lambda answer: Text(f"{answer['id']} is {answer['status']}."))
async def revoke_link(api: AsyncSignoff, project_id: str, link: str) -> SigningLink:
    """Revoke a link. An approval that was given with it stays."""
    links = (await api.signing_links.list(project_id)).links
    found = pick(link, (Candidate(row.id, (row.person,), f"for {row.person}") for row in links), "links")
    return await api.signing_links.revoke(project_id, found)


COMMANDS: list[click.Command] = [links]
