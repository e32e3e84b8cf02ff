"""Adds the live state of a running workflow to the recorded project.

The live state never changes a recorded status. If the workflow does not answer, reading neither fails nor waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from app.api.http.services import Services
from app.api.views.blocked import tasks_blocked, without_room, workflows_blocked
from app.domain.errors import Unavailable
from app.storage import projects
from app.temporal.client import QUERY_TIMEOUT
from signoff.schemas.projects import Blocked, Project
from signoff.vocabulary import ProjectStatus, Stage
from workflows.contracts import Snapshot

_WAITING = frozenset({Stage.PLANNING, Stage.AWAITING_APPROVAL})


def may_be_live(project: Project) -> bool:
    """Whether a workflow may know more about a project than its record says."""
    return project.status == ProjectStatus.RUNNING or project.stage in _WAITING


async def with_live_state(services: Services, project: Project) -> Project:
    """Add to a project the state of its workflow, if that answers, and the reason why it is blocked, if it is."""
    if may_be_live(project):
        live = await _live(services, project)
        return live if services.database.has_room() else live.model_copy(update={"blocked": without_room()})
    blocked = await _in_time(_request_blocked(services, project.id), _limit())
    return project.model_copy(update={"blocked": blocked}) if blocked is not None else project


async def _live(services: Services, project: Project) -> Project:
    limit = _limit()
    snapshot, blocked = await asyncio.gather(
        services.engine.snapshot(project.id), _in_time(workflows_blocked(services, project.id), limit)
    )
    if snapshot is None:
        return project.model_copy(update={"blocked": blocked})
    blocked = blocked or await _in_time(tasks_blocked(services, project, snapshot), limit)
    return project.model_copy(update={"live": True, **_state(project, snapshot), "blocked": blocked})


async def _request_blocked(services: Services, project_id: str) -> Blocked | None:
    """For a project that is neither being planned nor running: why a request in progress is stuck, if one is."""
    engaged = await services.database.read(lambda conn: projects.is_engaged(conn, project_id))
    return await workflows_blocked(services, project_id) if engaged else None


def _limit() -> float:
    return asyncio.get_running_loop().time() + QUERY_TIMEOUT.total_seconds()


async def _in_time(search: Coroutine[Any, Any, Blocked | None], limit: float) -> Blocked | None:
    """The result of a search for why a project is blocked; None if it does not finish in time."""
    try:
        async with asyncio.timeout_at(limit):
            return await search
    except (TimeoutError, Unavailable):
        return None


def _state(project: Project, snapshot: Snapshot) -> dict[str, object]:
    """The stage as the workflow sees it, within what the recorded status allows.

    The workflow's gate is not used. A workflow opens a gate after it is recorded and closes it after the approval is recorded.
    If the two differ, either the workflow is behind, or the record was read a moment earlier.
    """
    state: dict[str, object] = {"since": snapshot.since}
    if project.status == ProjectStatus.RUNNING and snapshot.stage == Stage.CANCELLING:
        state["stage"] = Stage.CANCELLING
    return state
