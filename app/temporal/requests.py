"""Submits requests for a decision. The project's workflow orders and decides them; without an open workflow, the app does.

The answer is always read from the record, so it does not depend on which process or run decided the request.
"""

from __future__ import annotations

import asyncio
import time

from sqlalchemy import Connection

from app.commands.handlers import EFFECTS
from app.database.database import Database
from app.domain.commands import Command
from app.domain.decisions import Decision, DecisionKind, DecisionRequest
from app.domain.errors import Conflict, Unavailable
from app.domain.states import FINISHED_PROJECT, Call, check_call
from app.storage import commands, decisions, plans, projects
from app.storage.projects import ProjectRow, situation
from app.temporal.client import Engine
from app.temporal.lost import cancel_failing, settle_lost
from app.workspace.workspaces import Workspaces
from signoff.vocabulary import PlanStatus, ProjectStatus, Stage

DECISION_SECONDS = 5.0
STOP_SECONDS = 10.0
# A workflow that another caller is starting at this moment may not exist yet.
START_RACE_TRIES = 3
START_RACE_PAUSE = 0.05
_MAX_WAIT = 1.0
_MAX_ROUNDS = 20

_STARTING = {
    DecisionKind.GENERATE: Call.GENERATE,
    DecisionKind.RETURN: Call.REGENERATE,
    DecisionKind.APPROVE: Call.APPROVE,
    DecisionKind.RETRY_RUN: Call.RETRY,
    DecisionKind.EDIT: Call.EDIT_PLAN,
}


class Requests:
    """Submits requests and waits for their decisions.

    Args:
        database: where decisions are stored.
        engine: the connection to the workflows.
        workspaces: where projects' files are.
    """

    def __init__(self, database: Database, engine: Engine, workspaces: Workspaces) -> None:
        self._database = database
        self._engine = engine
        self._workspaces = workspaces

    async def submit(self, request: DecisionRequest, seconds: float = 0.0) -> Decision | None:
        """Submit a request and wait for its decision, for `seconds` and at least 5 s. None if it is not decided by then.

        Raises:
            DomainError: the error with which the request was refused; NotFound if there is no such project.
            Unavailable: Temporal or the database does not answer. The request may be repeated.
        """
        decision = await self._deliver(request)
        if decision is None:
            decision = await self._wait_for_decision(request, max(seconds, DECISION_SECONDS))
        if decision is not None:
            decision.raise_if_refused()
        return decision

    async def _deliver(self, request: DecisionRequest) -> Decision | None:
        """Deliver a request to whatever decides it. Returns the decision if this process made it."""
        tries = 0
        for _ in range(_MAX_ROUNDS):
            decision, project, command = await self._database.transact(lambda conn: _decide_at_once(conn, request))
            if decision is not None:
                return decision
            decision = await cancel_failing(self._database, self._engine, request)
            if decision is not None:
                return decision
            if await self._engine.signal(command):
                return None
            if (
                request.kind in _STARTING
                and project.status == ProjectStatus.PENDING
                and project.stage != Stage.PLANNING
            ):
                tries += 1
                if project.engaged and tries <= START_RACE_TRIES:
                    await asyncio.sleep(START_RACE_PAUSE)
                    continue
            await settle_lost(self._database, self._engine, request.project_id)
            if request.kind in _STARTING and await self._may_start(request):
                await self._engine.signal_with_start(project, command)
                return None
        raise Unavailable("The project is changing too quickly; try again.")

    async def _may_start(self, request: DecisionRequest) -> bool:
        """Whether the request is allowed now and should start a workflow. If so, record that it is on its way."""

        def work(conn: Connection) -> bool:
            project = projects.get(conn, request.project_id)
            if project.status == ProjectStatus.RUNNING:
                return False
            try:
                check_call(_STARTING[request.kind], situation(project))
            except Conflict:
                return False
            projects.engage(conn, project.id)
            return True

        return await self._database.transact(work)

    async def _wait_for_decision(self, request: DecisionRequest, seconds: float) -> Decision | None:
        deadline = time.monotonic() + seconds
        with self._database.feed.subscribe(request.project_id) as changes:
            while True:
                decision = await self._database.read(
                    lambda conn: decisions.find(conn, request.project_id, request.request_id)
                )
                left = deadline - time.monotonic()
                if decision is not None or left <= 0:
                    return decision
                await changes.wait(min(left, _MAX_WAIT))

    async def wait_until_settled(self, project_id: str, seconds: float) -> ProjectRow | None:
        """Wait, at most `seconds`, until a project neither plans nor runs. Returns its row, or None if it is deleted."""
        deadline = time.monotonic() + seconds
        with self._database.feed.subscribe(project_id) as changes:
            while True:
                project = await self._database.read(lambda conn: projects.find(conn, project_id))
                left = deadline - time.monotonic()
                if project is None or left <= 0:
                    return project
                if project.stage != Stage.PLANNING and project.status != ProjectStatus.RUNNING:
                    return project
                await changes.wait(min(left, _MAX_WAIT))

    async def wait_for_plan(self, project_id: str, version: int, seconds: float) -> None:
        """Wait until planning of a version has ended, at most `seconds`."""
        deadline = time.monotonic() + seconds
        with self._database.feed.subscribe(project_id) as changes:
            while True:
                plan = await self._database.read(lambda conn: plans.find(conn, project_id, version))
                left = deadline - time.monotonic()
                if plan is None or plan.status != PlanStatus.GENERATING or left <= 0:
                    return
                await changes.wait(min(left, _MAX_WAIT))

    async def delete(self, request: DecisionRequest, *, deadline: float | None = None) -> bool:
        """Delete a project, after cancelling it if it is live. False if this is still in progress after 10 s.

        `deadline`, by the monotonic clock, replaces the 10 s, so that several projects can share one.

        Raises:
            NotFound: there is no such project.
            Conflict: `task_still_stopping`.
            Unavailable: Temporal or the database does not answer.
        """
        until = time.monotonic() + STOP_SECONDS if deadline is None else deadline
        while True:
            project = await self._database.read(lambda conn: projects.get(conn, request.project_id))
            if not project.engaged:
                await self._erase(request)
                return True
            if await cancel_failing(self._database, self._engine, request) is not None:
                continue
            command = await self._database.transact(lambda conn: commands.store(conn, request))
            if await self._engine.signal(command):
                break
            await settle_lost(self._database, self._engine, request.project_id)
        with self._database.feed.subscribe(request.project_id) as changes:
            while time.monotonic() < until:
                project = await self._database.read(lambda conn: projects.find(conn, request.project_id))
                if project is None:
                    return True
                if not project.engaged and project.status in FINISHED_PROJECT:
                    # The run ended on its own before the signal was decided.
                    await self._erase(request)
                    return True
                await changes.wait(_MAX_WAIT / 4)
        return False

    async def _erase(self, request: DecisionRequest) -> None:
        await self._database.read(lambda conn: projects.check_erasable(conn, request.project_id))
        await asyncio.to_thread(self._workspaces.remove, request.project_id)

        def work(conn: Connection) -> None:
            if projects.find(conn, request.project_id) is not None:
                projects.check_erasable(conn, request.project_id)
                projects.erase(conn, request.project_id, actor=request.actor)

        await self._database.transact(work)


def _decide_at_once(conn: Connection, request: DecisionRequest) -> tuple[Decision | None, ProjectRow, Command]:
    """Store the command, and decide it here if it needs no workflow.

    These are repeats, calls that the project's state refuses, and cancels while no workflow is open.
    """
    project = projects.get(conn, request.project_id)
    command = commands.store(conn, request)
    earlier = decisions.find(conn, request.project_id, request.request_id)
    if earlier is not None:
        return earlier, project, command
    if project.engaged:
        return None, project, command
    call = _STARTING.get(command.kind)
    if call is None or _refused(call, project):
        return decisions.decide(conn, command.request, EFFECTS[command.kind]), project, command
    return None, project, command


def _refused(call: Call, project: ProjectRow) -> bool:
    try:
        check_call(call, situation(project))
    except Conflict:
        return True
    return False
