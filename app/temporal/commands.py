"""Submits commands. The project's workflow orders and decides them; without an open workflow, the app does.

The answer is always read from the record, so it does not depend on which process or run decided the command.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection

from app.commands.handlers import HANDLERS
from app.database.database import Database
from app.domain.commands import CommandRecord, CommandRequest, StoredCommand
from app.domain.errors import Conflict, Unavailable
from app.domain.states import FINISHED_PROJECT, Call, check_call
from app.storage import commands, decisions, plans, projects
from app.storage.projects import ProjectRow, situation
from app.temporal.client import Engine
from app.temporal.lost import cancel_failing, reconcile_lost_runs
from app.workspace.erasing import erase
from app.workspace.workspaces import Workspaces
from signoff.vocabulary import PlanStatus, ProjectStatus, Stage

T = TypeVar("T")
DECISION_SECONDS = 5.0
STOP_SECONDS = 10.0
# A workflow that another caller is starting at this moment may not exist yet.
START_RACE_TRIES = 3
START_RACE_PAUSE = 0.05
_MAX_WAIT = 1.0
_MAX_ROUNDS = 20


class Commands:
    """Submits commands and waits for their outcomes.

    Args:
        database: where commands and their outcomes are stored.
        engine: the connection to the workflows.
        workspaces: where projects' files are.
    """

    def __init__(self, database: Database, engine: Engine, workspaces: Workspaces) -> None:
        self._database = database
        self._engine = engine
        self._workspaces = workspaces

    async def submit(self, command: CommandRequest, seconds: float = 0.0) -> CommandRecord | None:
        """Submit a command and wait for its outcome, for `seconds` and at least 5 s. None if it is not decided by then.

        Raises:
            DomainError: the error with which the command was refused; NotFound if there is no such project.
            Unavailable: Temporal or the database does not answer. The command may be repeated.
        """
        record = await self._deliver(command)
        if record is None:
            record = await self._wait(
                command.project_id,
                lambda conn: decisions.find(conn, command.project_id, command.request_id),
                lambda found: found is not None,
                time.monotonic() + max(seconds, DECISION_SECONDS),
            )
        if record is not None:
            record.raise_if_refused()
        return record

    async def _deliver(self, command: CommandRequest) -> CommandRecord | None:
        """Deliver a command to whatever decides it. Returns its record if this process decided it."""
        tries, call = 0, command.command_type.call
        for _ in range(_MAX_ROUNDS):
            record, project, stored, starts = await self._database.transact(lambda conn: _decide_at_once(conn, command))
            if record is not None:
                return record
            if starts:
                # There is no need to ask first: if a workflow is open, it gets the signal too.
                await self._engine.signal_with_start(project, stored)
                return None
            record = await cancel_failing(self._database, self._engine, command)
            if record is not None:
                return record
            if await self._engine.signal(stored):
                return None
            if call is not None and project.status == ProjectStatus.PENDING and project.stage != Stage.PLANNING:
                tries += 1
                if project.engaged and tries <= START_RACE_TRIES:
                    await asyncio.sleep(START_RACE_PAUSE)
                    continue
            await reconcile_lost_runs(self._database, self._engine, command.project_id)
            if call is not None and await self._may_start(command.project_id, call):
                await self._engine.signal_with_start(project, stored)
                return None
        raise Unavailable("The project is changing too quickly; try again.")

    async def _may_start(self, project_id: str, call: Call) -> bool:
        """Whether a command with this call may start a workflow now. If so, record that it is on its way."""

        def work(conn: Connection) -> bool:
            project = projects.get(conn, project_id)
            if project.status == ProjectStatus.RUNNING or _refused(call, project):
                return False
            projects.engage(conn, project.id)
            return True

        return await self._database.transact(work)

    async def wait_until_settled(self, project_id: str, seconds: float) -> ProjectRow | None:
        """Wait, at most `seconds`, until a project neither plans nor runs. Returns its row, or None if it is deleted."""

        def is_settled(project: ProjectRow | None) -> bool:
            return project is None or (project.stage != Stage.PLANNING and project.status != ProjectStatus.RUNNING)

        return await self._wait(
            project_id, lambda conn: projects.find(conn, project_id), is_settled, time.monotonic() + seconds
        )

    async def wait_for_plan(self, project_id: str, version: int, seconds: float) -> None:
        """Wait until planning of a version has ended, at most `seconds`."""
        await self._wait(
            project_id,
            lambda conn: plans.find(conn, project_id, version),
            lambda plan: plan is None or plan.status != PlanStatus.GENERATING,
            time.monotonic() + seconds,
        )

    async def _wait(
        self,
        project_id: str,
        read: Callable[[Connection], T],
        is_done: Callable[[T], bool],
        deadline: float,
        *,
        interval: float = _MAX_WAIT,
    ) -> T:
        """Read after each change of a project, and at least every `interval` seconds, until the result `is_done`.

        Returns what was read last. After `deadline`, by the monotonic clock, that is not done.
        """
        with self._database.feed.subscribe(project_id) as changes:
            while True:
                found = await self._database.read(read)
                left = deadline - time.monotonic()
                if left <= 0 or is_done(found):
                    return found
                await changes.wait(min(left, interval))

    async def delete(self, command: CommandRequest, *, deadline: float | None = None) -> bool:
        """Delete a project, after cancelling it if it is live. False if this is still in progress after 10 s.

        `deadline`, by the monotonic clock, replaces the 10 s, so that several projects can share one.

        Raises:
            NotFound: there is no such project.
            Conflict: `task_still_stopping`.
            Unavailable: Temporal or the database does not answer.
        """
        until = time.monotonic() + STOP_SECONDS if deadline is None else deadline
        while True:
            project = await self._database.read(lambda conn: projects.get(conn, command.project_id))
            if not project.engaged:
                await self._erase(command)
                return True
            if await cancel_failing(self._database, self._engine, command) is not None:
                continue
            stored = await self._database.transact(lambda conn: commands.store(conn, command))
            if await self._engine.signal(stored):
                break
            await reconcile_lost_runs(self._database, self._engine, command.project_id)

        def has_ended(project: ProjectRow | None) -> bool:
            return project is None or (not project.engaged and project.status in FINISHED_PROJECT)

        left = await self._wait(
            command.project_id,
            lambda conn: projects.find(conn, command.project_id),
            has_ended,
            until,
            interval=_MAX_WAIT / 4,
        )
        if left is not None and has_ended(left):
            # The run ended on its own before the signal was decided.
            await self._erase(command)
            return True
        return left is None

    async def _erase(self, command: CommandRequest) -> None:
        await erase(self._database.transact, self._workspaces, command.project_id, actor=command.sender)


class _Stored(NamedTuple):
    """A stored command, its project, and its record if this process has decided it.

    `starts`: the project has no open workflow, and it is recorded that one is on its way.
    """

    record: CommandRecord | None
    project: ProjectRow
    command: StoredCommand
    starts: bool = False


def _decide_at_once(conn: Connection, command: CommandRequest) -> _Stored:
    """Store the command, and decide it here if it needs no workflow.

    These are repeats, calls that the project's state refuses, and cancels while no workflow is open.
    """
    project = projects.get(conn, command.project_id)
    stored = commands.store(conn, command)
    earlier = decisions.find(conn, command.project_id, command.request_id)
    if earlier is not None or project.engaged:
        return _Stored(earlier, project, stored)
    call = stored.command_type.call
    if call is None or _refused(call, project):
        return _Stored(decisions.decide(conn, stored, HANDLERS[stored.kind]), project, stored)
    if project.status == ProjectStatus.RUNNING:
        return _Stored(None, project, stored)
    projects.engage(conn, project.id)
    return _Stored(None, project, stored, starts=True)


def _refused(call: Call, project: ProjectRow) -> bool:
    try:
        check_call(call, situation(project))
    except Conflict:
        return True
    return False
