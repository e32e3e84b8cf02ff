"""Deletes a project together with the folder that Signoff made for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from app.domain.sender import Actor
from app.storage import projects
from app.workspace.workspaces import Workspaces

T = TypeVar("T")


class Write(Protocol):
    """Runs work in one transaction."""

    async def __call__(self, work: Callable[[Connection], T], /) -> T:
        """Return what `work` returns."""
        ...


async def erase(write: Write, workspaces: Workspaces, project_id: str, *, actor: Actor) -> None:
    """Delete a project that is not live, and its folder. The folder goes first: afterwards, nothing would name it.

    Raises:
        Conflict: `task_still_stopping`, or the project is live.
    """
    await write(lambda conn: projects.check_erasable(conn, project_id))
    await asyncio.to_thread(workspaces.remove, project_id)

    def work(conn: Connection) -> None:
        if projects.find(conn, project_id) is not None:
            projects.check_erasable(conn, project_id)
            projects.erase(conn, project_id, actor=actor)

    await write(work)
