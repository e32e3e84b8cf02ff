"""`signoff sessions …`: the browsers that are signed in."""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from app.cli.command import answer_command
from app.cli.tables import session_list
from signoff import AsyncSignoff


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def sessions() -> None:
    """List and revoke the sessions of browsers."""


@sessions.command("list")
@answer_command(session_list)
async def list_sessions(api: AsyncSignoff) -> Any:
    """List the browsers that are signed in, newest first."""
    return await api.sessions()


@sessions.command("revoke")
@click.argument("session")
@answer_command(lambda answer: Text(f"{answer['id']} is revoked."))
async def revoke_session(api: AsyncSignoff, session: str) -> Any:
    """End the session of a browser; it has to sign in again."""
    return await api.revoke_session(session)


COMMANDS: list[click.Command] = [sessions]
