"""Runs that Temporal has lost: terminated in its Web UI, or gone with its database. Any call finds them, and so does a sweep.

A run whose workflow task keeps failing is not lost, but it cannot handle a cancel either. It is terminated, and then settled
here.
"""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import Connection

from app.commands.handlers import HANDLERS
from app.database.database import Database
from app.domain.commands import CommandKind, CommandRecord, CommandRequest
from app.domain.errors import DomainError, ErrorInfo, Unavailable
from app.storage import decisions, plans, projects, runs
from app.storage.projects import ProjectRow
from app.temporal.client import Engine, WorkflowState
from signoff.vocabulary import PlanStatus, ProjectStatus, Stage

logger = logging.getLogger(__name__)
SWEEP_SECONDS = 60.0
_TERMINATED = "Cancelled. The workflow task keeps failing, so the workflow cannot end by itself."
_MESSAGES = {
    "run_terminated": "The run was terminated in Temporal.",
    "run_lost": "Temporal no longer knows this run.",
}


async def reconcile_lost_runs(database: Database, engine: Engine, project_id: str) -> None:
    """If a project needs an open workflow and has none, record that its run was lost.

    The project is read before Temporal is asked. A run that ends properly is recorded before its workflow closes. If the
    workflow is closed but the project read earlier still says running, the run was lost.

    Raises:
        Unavailable: Temporal or the database does not answer.
    """
    before = await database.read(lambda conn: projects.find(conn, project_id))
    if before is None or not (before.engaged or before.status == ProjectStatus.RUNNING):
        return
    state = await engine.state(project_id)
    if state == WorkflowState.OPEN and before.stage == Stage.CANCELLING and await _is_failing(engine, project_id):
        # The cancel was recorded and decided on the workflow's behalf: see `cancel_failing`.
        await engine.terminate(project_id, _TERMINATED)
        state = WorkflowState.TERMINATED
    if state == WorkflowState.OPEN:
        return
    code = "run_terminated" if state == WorkflowState.TERMINATED else "run_lost"
    await database.transact(lambda conn: _record(conn, before, code))


async def cancel_failing(database: Database, engine: Engine, request: CommandRequest) -> CommandRecord | None:
    """Decide a cancel on behalf of a workflow whose task keeps failing, and end the workflow. None for any other workflow.

    The cancel is recorded before the workflow is terminated. If this is interrupted in between, `reconcile_lost_runs` completes
    it.

    Raises:
        Unavailable: Temporal or the database does not answer.
    """
    if request.kind != CommandKind.CANCEL or not await _is_failing(engine, request.project_id):
        return None
    decision = await database.transact(lambda conn: decisions.decide(conn, request, HANDLERS[request.kind]))
    await engine.terminate(request.project_id, _TERMINATED)
    await reconcile_lost_runs(database, engine, request.project_id)
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
        # A person decided to cancel it, and it has ended.
        runs.finish(conn, project, ProjectStatus.CANCELLED, failure=None, actor="signoff")
        return
    if project.status == ProjectStatus.RUNNING:
        logger.warning("project %s: %s", project.id, message)
        runs.mark_lost(conn, project, code=code, message=message)
        return
    if project.stage == Stage.PLANNING:
        latest = plans.latest(conn, project.id)
        if latest is not None and latest.status == PlanStatus.GENERATING:
            error = ErrorInfo(status=503, code=code, message=f"{message} Request the plan again.")
            plans.fail_generation(conn, project.id, latest.version, error, actor="signoff")
    projects.disengage(conn, project.id)


async def reconcile_lost_runs_periodically(database: Database, engine: Engine) -> None:
    """Look for lost runs now and every minute, until cancelled."""
    while True:
        try:
            for project_id in await database.read(projects.live_ids):
                await reconcile_lost_runs(database, engine, project_id)
        except Unavailable as error:
            logger.info("cannot look for lost runs at the moment: %s", error)
        except DomainError:
            logger.exception("a lost run could not be recorded")
        await asyncio.sleep(SWEEP_SECONDS)
