"""Which activities a worker carries out: those that a project's own workflow has asked for, and no others.

Whoever reaches Temporal can put activities on our task queues: by themselves, or from a workflow of another id or type. What
such an activity is told is made up, so it is refused before any of our code sees it.
"""

from __future__ import annotations

from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from workflows.contracts import WORKFLOW_TYPE


class OwnActivitiesOnly(Interceptor):
    """Refuses every activity that does not come from the workflow of the project that it is about."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - of the SDK
        """Look at each activity before it is carried out."""
        return _Admission(next)


class _Admission(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - of the SDK
        """Carry the activity out.

        Raises:
            ApplicationError: `NotAdmitted`, final.
        """
        info = activity.info()
        project_id = getattr(input.args[0], "project_id", None) if input.args else None
        if info.workflow_type != WORKFLOW_TYPE or project_id is None or info.workflow_id != project_id:
            activity.logger.warning("refused an activity that no project's workflow has asked for")
            message = "Only the workflow of a project may ask for an activity of that project."
            raise ApplicationError(message, type="NotAdmitted", non_retryable=True)
        return await super().execute_activity(input)
