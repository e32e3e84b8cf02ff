"""Runs that Temporal has lost: terminated in its Web UI, or gone with its database. Found by any call, and by a sweep."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import Connection

from app.domain.errors import DomainError, ErrorInfo, Unavailable
from app.domain.states import PlanStatus, ProjectStatus, Stage
from app.engine.engine import Engine, WorkflowState
from app.storage import plans, projects, runs
from app.storage.database import Database
from app.storage.projects import ProjectRow

logger = logging.getLogger(__name__)
SWEEP_SECONDS = 60.0
_MESSAGES = {
    "run_terminated": "The run was terminated in Temporal.",
    "run_lost": "Temporal does not know this run any more.",
}


async def settle_lost(database: Database, engine: Engine, project_id: str) -> None:
    """Where a project should be carried by a workflow and none is open, put that on record.

    The project is read before Temporal is asked: a run that ends properly is recorded before its workflow closes, so that one
    which still stands as running once its workflow is closed was lost.

    Raises:
        Unavailable: Temporal or the database does not answer.
    """
    before = await database.read(lambda conn: projects.find(conn, project_id))
    if before is None or not (before.engaged or before.status == ProjectStatus.RUNNING):
        return
    state = await engine.state(project_id)
    if state == WorkflowState.OPEN:
        return
    code = "run_terminated" if state == WorkflowState.TERMINATED else "run_lost"
    await database.transact(lambda conn: _record(conn, before, code))


def _record(conn: Connection, before: ProjectRow, code: str) -> None:
    project = projects.find(conn, before.id)
    stands = (before.run_id, before.status, before.stage)
    if project is None or (project.run_id, project.status, project.stage) != stands:
        return
    message = _MESSAGES[code]
    if project.status == ProjectStatus.RUNNING:
        logger.warning("project %s: %s", project.id, message)
        runs.lose(conn, project, code=code, message=message)
        return
    if project.stage == Stage.PLANNING:
        latest = plans.latest(conn, project.id)
        if latest is not None and latest.status == PlanStatus.GENERATING:
            error = ErrorInfo(status=503, code=code, message=f"{message} Ask for the plan again.")
            plans.fail_generation(conn, project.id, latest.version, error, actor="signoff")
    projects.disengage(conn, project.id)


async def sweep_for_ever(database: Database, engine: Engine) -> None:
    """Look for lost runs now and every minute, until cancelled."""
    while True:
        try:
            for project_id in await database.read(projects.live_ids):
                await settle_lost(database, engine, project_id)
        except Unavailable as error:
            logger.info("cannot look for lost runs now: %s", error)
        except DomainError:
            logger.exception("a lost run could not be recorded")
        await asyncio.sleep(SWEEP_SECONDS)
