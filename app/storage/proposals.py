"""The plan version that an edit during a run has made, and that waits for its approval.

Until then, the run keeps its approved version: neither the project's plan version nor any row of a phase or task changes.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from app.storage.plan_versions import PlanRow
from app.storage.projects import ProjectRow
from app.storage.reading import Rows
from app.storage.tables import plans
from signoff.vocabulary import PlanStatus, ProjectStatus

_ROWS = Rows(plans, PlanRow)


def find(conn: Connection, project: ProjectRow) -> PlanRow | None:
    """Return the version that waits for approval while the project runs, or None."""
    if project.status != ProjectStatus.RUNNING:
        return None
    waiting = (plans.c.project_id == project.id, plans.c.status == PlanStatus.READY)
    return _ROWS.find(conn, _ROWS.select.where(*waiting).order_by(plans.c.version.desc()).limit(1))


def version_waiting(conn: Connection, project: ProjectRow) -> int | None:
    """Return the number of the version that waits for approval while the project runs, or None."""
    if project.status != ProjectStatus.RUNNING:
        return None
    waiting = (plans.c.project_id == project.id, plans.c.status == PlanStatus.READY)
    return conn.execute(select(plans.c.version).where(*waiting).order_by(plans.c.version.desc()).limit(1)).scalar()
