"""Runs that Temporal has lost: terminated in its Web UI, or gone with its database. Found by any call, and by a sweep.

A run whose workflow task keeps failing is not lost, but it takes no cancel either: it is terminated, and then settled here.
"""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import Connection

from app.domain.decisions import Decision, DecisionKind, DecisionRequest
from app.domain.errors import DomainError, ErrorInfo, Unavailable
from app.domain.states import PlanStatus, ProjectStatus, Stage
from app.engine.engine import Engine, WorkflowState
from app.storage import decisions, plans, projects, runs
from app.storage.database import Database
from app.storage.effects import EFFECTS
from app.storage.projects import ProjectRow

logger = logging.getLogger(__name__)
SWEEP_SECONDS = 60.0
_TERMINATED = "Cancelled; its workflow task keeps failing, so that it cannot end by itself."
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
    if state == WorkflowState.OPEN and before.stage == Stage.CANCELLING and await _is_failing(engine, project_id):
        # The cancel is on record, and was decided in its place: see `cancel_failing`.
        await engine.terminate(project_id, _TERMINATED)
        state = WorkflowState.TERMINATED
    if state == WorkflowState.OPEN:
        return
    code = "run_terminated" if state == WorkflowState.TERMINATED else "run_lost"
    await database.transact(lambda conn: _record(conn, before, code))


async def cancel_failing(database: Database, engine: Engine, request: DecisionRequest) -> Decision | None:
    """Decide a cancel in the place of a workflow whose task keeps failing, and end that; None for any other workflow.

    The cancel is on record before the workflow is terminated. Whatever ends in between, `settle_lost` does the rest.

    Raises:
        Unavailable: Temporal or the database does not answer.
    """
    if request.kind != DecisionKind.CANCEL or not await _is_failing(engine, request.project_id):
        return None
    decision = await database.transact(lambda conn: decisions.decide(conn, request, EFFECTS[request.kind]))
    await engine.terminate(request.project_id, _TERMINATED)
    await settle_lost(database, engine, request.project_id)
    return decision


async def _is_failing(engine: Engine, project_id: str) -> bool:
    found = await engine.inspect(project_id)
    return found is not None and found.is_failing


def _record(conn: Connection, before: ProjectRow, code: str) -> None:
    project = projects.find(conn, before.id)
    stands = (before.run_id, before.status, before.stage)
    if project is None or (project.run_id, project.status, project.stage) != stands:
        return
    message = _MESSAGES[code]
    if project.status == ProjectStatus.RUNNING and project.stage == Stage.CANCELLING:
        # Somebody has decided to end it, and it has ended.
        runs.finish(conn, project, ProjectStatus.CANCELLED, failure=None, actor="signoff")
        return
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
