"""NotificationWorkflow: sends one notification, and tries again until it has arrived. Its id is that of the notification."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

NOTIFICATION_TYPE = "NotificationWorkflow"
SEND, GIVE_UP = "send_notification", "give_up_notification"
# What is told later than this is of no use to anybody.
TRIED_FOR = timedelta(days=3)
_ONE_ATTEMPT = timedelta(seconds=30)
_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))


class NotificationRef(BaseModel):
    """Names a notification. What it says, and to whom, is only in the database and in the settings."""

    notification_id: str


@workflow.defn(name=NOTIFICATION_TYPE)
class NotificationWorkflow:
    """Sends one notification."""

    @workflow.run
    async def run(self, ref: NotificationRef) -> None:
        """Send it, or record that nobody could be told."""
        try:
            await workflow.execute_activity(
                SEND,
                ref,
                start_to_close_timeout=_ONE_ATTEMPT,
                schedule_to_close_timeout=TRIED_FOR,
                retry_policy=_RETRIES,
            )
        except ActivityError:
            await workflow.execute_activity(GIVE_UP, ref, start_to_close_timeout=_ONE_ATTEMPT, retry_policy=_RETRIES)
