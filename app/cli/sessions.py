"""`signoff sessions …`: lists and revokes browser sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.text import Text

from app.cli.command import answer_command
from app.cli.groups import command_group
from app.cli.references import Candidate, pick
from app.cli.tables import session_list

if TYPE_CHECKING:
    from signoff import AsyncSignoff
    from signoff.schemas.session import Revoked, SessionList


@command_group()
def sessions() -> None:
    """List and revoke browser sessions."""


@sessions.command("list")
@answer_command(session_list, has_table=True)
async def list_sessions(api: AsyncSignoff) -> SessionList:
    """List signed-in browsers, newest first."""
    return await api.sessions()


@sessions.command("revoke")
@click.argument("session")
@answer_command(lambda answer: Text(f"{answer['id']} is revoked."))
async def revoke_session(api: AsyncSignoff, session: str) -> Revoked:
    """Revoke a browser session.

    The browser has to sign in again.
    """
    sessions = (await api.sessions()).sessions
    found = pick(session, (Candidate(row.id, shown=f"{row.address}  {row.user_agent}") for row in sessions), "sessions")
    return await api.revoke_session(found)


COMMANDS: list[click.Command] = [sessions]
