"""Makes plans without a workflow, for tests of what happens to a plan afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from app.database.database import Database
from app.domain.commands import CommandKind, StoredCommand
from app.storage import projects
from app.storage.projects import ProjectRow
from app.temporal.client import Engine
from workflows.contracts import Delivery, PlanRequest


class PlanningEngine(Engine):
    """The app's connection to Temporal. It plans some projects here, with the activities of a worker of this process.

    A workflow that plans takes ten times the processor time of its activities. Everything else is as it is after a workflow has
    planned: the command, the events and the plan. Only there is no open workflow until the next command that needs one.

    Attributes:
        planned_here: the ids of the projects whose next plan is made here.
    """

    def __init__(self, *arguments: Any, planned_in: Database) -> None:
        super().__init__(*arguments)
        self.planned_here: set[str] = set()
        self._planned_in = planned_in
        self._activities: dict[str, Callable[..., Any]] = {}

    def use(self, worker: Worker) -> None:
        """Plan with the activities of this worker."""
        self._activities = {activity.__name__: activity for activity in worker.config().get("activities", ())}

    async def signal_with_start(self, project: ProjectRow, command: StoredCommand) -> None:
        """Start a project's workflow with a stored command, or carry it out."""
        if command.kind != CommandKind.GENERATE or command.project_id not in self.planned_here:
            await super().signal_with_start(project, command)
            return
        self.planned_here.discard(command.project_id)
        project_id, name = command.project_id, command.command_type.signal
        delivery = Delivery(project_id=project_id, name=name, id=command.id, command=command.id)
        decided = await self._activities["decide"](delivery)
        if decided.accepted:
            request = PlanRequest(project_id=project_id, version=decided.state.generating)
            await ActivityEnvironment(await self._connected()).run(self._activities["make_plan"], request)
        await self._planned_in.transact(lambda conn: projects.disengage(conn, project_id))
