"""Shows what the approval of a plan froze, or would freeze now."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection

from app import signing
from app.api.http.services import Services
from app.domain.frozen import Frozen
from app.domain.plan import TaskDraft
from app.storage import plans, projects, proposals
from app.storage.projects import ProjectRow
from signoff.schemas.plans import FrozenInfo, Plan
from signoff.vocabulary import PlanStatus


async def with_preview(services: Services, plan: Plan) -> Plan:
    """Add to a plan that waits for approval what the approval would freeze. Files are read outside the event loop."""
    if plan.status != PlanStatus.READY:
        return plan

    def read(conn: Connection) -> tuple[ProjectRow, list[TaskDraft], Frozen | None]:
        row, project = plans.get(conn, plan.project_id, plan.version), projects.get(conn, plan.project_id)
        edited = proposals.version_waiting(conn, project) == row.version
        earlier = plans.current(conn, project).frozen if edited else None
        return project, plans.content(row).tasks(), Frozen.model_validate(earlier) if earlier is not None else None

    project, tasks, earlier = await services.database.read(read)
    captured = await asyncio.to_thread(signing.capture, project, tasks, services.actions, services.settings)
    # What a run has frozen stays frozen when its plan is edited.
    frozen = captured.frozen if earlier is None else captured.frozen.extended(earlier)
    return plan.model_copy(update={"frozen": shown(frozen, sealed=False)})


def shown(frozen: Frozen, *, sealed: bool) -> FrozenInfo:
    """A frozen document for the API; `sealed` is true once an approval has frozen it."""
    values = frozen.model_dump(mode="json")
    if not sealed:
        # The document is captured again for each request. Without times, unchanged content looks the same.
        values |= {"at": None, "files": {path: {**file, "at": None} for path, file in values["files"].items()}}
    return FrozenInfo(**values, digest=frozen.seen_digest(), sealed=frozen.digest() if sealed else None)
