"""Ensures that a worker executes only activities that a project's own workflow scheduled.

Anybody who can reach Temporal can put activities on our task queues: directly, or from a workflow with a different id or type.
The input of such an activity is forged, so it is refused before any of our code sees it.
"""

from __future__ import annotations

from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from workflows.contracts import WORKFLOW_TYPE
from workflows.notification import NOTIFICATION_TYPE


class OwnActivitiesOnly(Interceptor):
    """Refuses every activity that was not scheduled by the workflow of its project."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - of the SDK
        """Check each activity before it is executed."""
        return _Admission(next)


class _Admission(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - of the SDK
        """Execute the activity if it is admitted.

        Raises:
            ApplicationError: `NotAdmitted`, final.
        """
        info = activity.info()
        project_id = getattr(input.args[0], "project_id", None) if input.args else None
        # One that sends a notification names it, and everything else about it is in the database.
        notified = getattr(input.args[0], "notification_id", None) if input.args else None
        if notified is not None and info.workflow_type == NOTIFICATION_TYPE and info.workflow_id == notified:
            return await super().execute_activity(input)
        if info.workflow_type != WORKFLOW_TYPE or project_id is None or info.workflow_id != project_id:
            activity.logger.warning("refused an activity that was not scheduled by its project's workflow")
            message = "Only the workflow of a project may schedule an activity for that project."
            raise ApplicationError(message, type="NotAdmitted", non_retryable=True)
        return await super().execute_activity(input)
