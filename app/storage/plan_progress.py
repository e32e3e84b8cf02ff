"""The plan version that is being made."""

from __future__ import annotations

from sqlalchemy import Connection, select

from app.storage.tables import plans
from signoff.vocabulary import PlanStatus


def version_in_progress(conn: Connection, project_id: str) -> int | None:
    """Return the number of the newest version if it is still being made, or None. Does not read the version itself."""
    query = select(plans.c.version, plans.c.status).where(plans.c.project_id == project_id)
    newest = conn.execute(query.order_by(plans.c.version.desc()).limit(1)).first()
    return newest.version if newest is not None and newest.status == PlanStatus.GENERATING else None
