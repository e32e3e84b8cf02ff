"""What a running workflow says of itself, laid over the record. It never changes a recorded status, and reading never fails
or waits for want of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from app.api.blocked import tasks_blocked, workflows_blocked
from app.api.models.projects import Blocked, Project
from app.api.services import Services
from app.domain.errors import Unavailable
from app.domain.states import ProjectStatus, Stage
from app.engine.engine import QUERY_TIMEOUT
from app.storage import projects
from workflows.contracts import Snapshot

_WAITING = frozenset({Stage.PLANNING, Stage.AWAITING_APPROVAL})


async def with_live_state(services: Services, project: Project) -> Project:
    """The project, with the workflow's own word where there is a workflow and it answers, and with what holds it up."""
    if project.status == ProjectStatus.RUNNING or project.stage in _WAITING:
        return await _live(services, project)
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
    return project.model_copy(update={"live": True, **_said(project, snapshot), "blocked": blocked})


async def _request_blocked(services: Services, project_id: str) -> Blocked | None:
    """Of a project that neither plans nor runs: whether a request is under way that would change that, and is stuck."""
    engaged = await services.database.read(lambda conn: projects.is_engaged(conn, project_id))
    return await workflows_blocked(services, project_id) if engaged else None


def _limit() -> float:
    return asyncio.get_running_loop().time() + QUERY_TIMEOUT.total_seconds()


async def _in_time(looking: Coroutine[Any, Any, Blocked | None], limit: float) -> Blocked | None:
    """What holds a project up, as far as that is found by then."""
    try:
        async with asyncio.timeout_at(limit):
            return await looking
    except (TimeoutError, Unavailable):
        return None


def _said(project: Project, snapshot: Snapshot) -> dict[str, object]:
    """The stage as the workflow sees it, within what the recorded status allows.

    Not its gate: a workflow opens one after it is on record and shuts it after the approval is, so that where the two differ
    the workflow is behind, or the record was read a moment before.
    """
    said: dict[str, object] = {"since": snapshot.since}
    if project.status == ProjectStatus.RUNNING and snapshot.stage == Stage.CANCELLING:
        said["stage"] = Stage.CANCELLING
    return said
