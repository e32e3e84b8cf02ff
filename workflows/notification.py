"""NotificationWorkflow: sends notifications, and tries again until they have arrived.

Its id is that of a notification, or of a batch of notifications for one webhook.
"""

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
# Each pause is half as long again as the one before: what waited for a receiver arrives before it has been back for half as
# long as it was away, and within five minutes.
_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=1.5, maximum_interval=timedelta(minutes=5)
)


class NotificationRef(BaseModel):
    """Names a notification or a batch. What it says, and to whom, is only in the database and in the settings."""

    notification_id: str


# To set up a sandbox takes longer than all the rest, and there is nothing here that it could find.
@workflow.defn(name=NOTIFICATION_TYPE, sandboxed=False)
class NotificationWorkflow:
    """Sends a notification, or all of a batch."""

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
