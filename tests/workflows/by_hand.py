"""What an operator can do to an activity in Temporal, like `temporal activity pause`, `unpause`, `reset` and `complete`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    ResetActivityRequest,
    RespondActivityTaskCompletedByIdRequest,
    UnpauseActivityRequest,
)
from temporalio.client import Client

from tests.conftest import eventually

OPERATOR = "an operator"


class Operator:
    """Somebody with access to Temporal, who acts on a project's pending activity of one type."""

    def __init__(self, temporal: Client, project_id: str, kind: str = "shell") -> None:
        self._temporal = temporal
        self._service = temporal.workflow_service
        self._project_id = project_id
        self._kind = kind

    async def pause(self, reason: str = "maintenance") -> None:
        """Pause the activity, like `temporal activity pause`."""
        pending = await self.pending()
        await self._service.pause_activity(
            PauseActivityRequest(
                namespace=self._temporal.namespace,
                execution=self._execution,
                identity=OPERATOR,
                id=pending.activity_id,
                reason=reason,
            )
        )

    async def unpause(self) -> None:
        """Resume the activity, like `temporal activity unpause`."""
        pending = await self.pending()
        await self._service.unpause_activity(
            UnpauseActivityRequest(
                namespace=self._temporal.namespace,
                execution=self._execution,
                identity=OPERATOR,
                id=pending.activity_id,
            )
        )

    async def reset(self) -> None:
        """Reset the activity, like `temporal activity reset`."""
        pending = await self.pending()
        await self._service.reset_activity(
            ResetActivityRequest(
                namespace=self._temporal.namespace,
                execution=self._execution,
                identity=OPERATOR,
                id=pending.activity_id,
            )
        )

    async def complete(self, result: object) -> None:
        """Complete the activity with a result, like `temporal activity complete --result`."""
        pending = await self.pending()
        payload = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(result).encode())
        await self._service.respond_activity_task_completed_by_id(
            RespondActivityTaskCompletedByIdRequest(
                namespace=self._temporal.namespace,
                workflow_id=self._project_id,
                identity=OPERATOR,
                activity_id=pending.activity_id,
                result=Payloads(payloads=[payload]),
            )
        )

    async def pending(self) -> PendingActivityInfo:
        """Wait for the pending activity, and return it."""
        return await self._find(lambda _: True, f"a {self._kind} activity is pending")

    async def stopped_and_paused(self) -> PendingActivityInfo:
        """Wait until the pending activity is paused and nothing of it runs, and return it."""
        return await self._find(lambda found: found.paused and found.attempt > 1, "the paused activity has stopped")

    @property
    def _execution(self) -> WorkflowExecution:
        return WorkflowExecution(workflow_id=self._project_id)

    async def _find(self, wanted: Callable[[PendingActivityInfo], bool], what: str) -> PendingActivityInfo:
        async def look() -> PendingActivityInfo | None:
            described = await self._temporal.get_workflow_handle(self._project_id).describe()
            found = described.raw_description.pending_activities
            return next((one for one in found if one.activity_type.name == self._kind and wanted(one)), None)

        looking: Callable[[], Awaitable[PendingActivityInfo | None]] = look
        return await eventually(looking, what=what)
