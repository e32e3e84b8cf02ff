"""What a running workflow says of itself, laid over the record. It never changes a recorded status, and reading never fails
or waits for want of it."""

from __future__ import annotations

from app.api.models.projects import Gate, Project
from app.api.services import Services
from app.domain.states import ProjectStatus, Stage
from workflows.contracts import Snapshot

_WAITING = frozenset({Stage.PLANNING, Stage.AWAITING_APPROVAL})


async def with_live_state(services: Services, project: Project) -> Project:
    """The project, with the workflow's own word where there is a workflow and it answers."""
    if project.status != ProjectStatus.RUNNING and project.stage not in _WAITING:
        return project
    snapshot = await services.engine.snapshot(project.id)
    if snapshot is None:
        return project
    return project.model_copy(update={"live": True, **_said(project, snapshot)})


def _said(project: Project, snapshot: Snapshot) -> dict[str, object]:
    """The stage as the workflow sees it, within what the recorded status allows."""
    said: dict[str, object] = {"since": snapshot.since}
    if project.status == ProjectStatus.RUNNING and snapshot.stage == Stage.CANCELLING:
        said["stage"] = Stage.CANCELLING
    if project.gate is None and snapshot.gate is not None:
        gate = Gate.model_validate({**snapshot.gate, "approvals": {"given": 0, "needed": 1}})
        said["gate"] = gate
    return said
