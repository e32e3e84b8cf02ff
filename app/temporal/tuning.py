"""How workers poll: one set of options for worker.py, tests and benchmarks."""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict

from temporalio.worker import PollerBehavior, PollerBehaviorAutoscaling

# Measured with `python -m benchmarks.settings` (no-op activities, 2 cores, best of 5 rounds) against the SDK's defaults. Eager
# starts alone made 20 layers of 10 activities 2.3 times as fast; autoscaling pollers alone gained nothing. Both together kept
# that gain and made 200 activities at once 1.1 to 1.4 times as fast. A chain of 100 and 40 small workflows stayed within the
# 10 % noise. Autoscaling pollers for workflow tasks as well, and one partition per task queue, added nothing.
_ACTIVITY_POLLERS = PollerBehaviorAutoscaling(initial=10, maximum=40)
_EAGER_STARTS = 50

# The longest time until a cancel reaches an activity, because it arrives with the answer to a heartbeat. With 200 running
# tasks, 0.5 s nearly doubled the server's load; 3 s cut it to a third.
_HEARTBEAT_INTERVAL = timedelta(seconds=1)
# The default is 10 s. For that long, a worker that was killed would keep its runs from every other worker.
_STICKY_TIMEOUT = timedelta(seconds=1)
# A worker that starts loads each open workflow again, which takes a tenth of a second or more of one processor. With the default
# of 100 at once, on a busy machine, none of 60 was loaded within the 10 s that Temporal allows, and all began again. Workflows
# beyond this number wait in the server's queue, where nothing is lost.
_MAX_WORKFLOW_TASKS = 10


class WorkerOptions(TypedDict):
    """Keyword arguments for `temporalio.worker.Worker`."""

    max_concurrent_activities: int
    max_concurrent_workflow_tasks: int
    activity_task_poller_behavior: PollerBehavior
    max_eager_activity_reservations_per_workflow_task: int
    sticky_queue_schedule_to_start_timeout: timedelta
    max_heartbeat_throttle_interval: timedelta
    default_heartbeat_throttle_interval: timedelta


def worker_options(max_concurrent: int) -> WorkerOptions:
    """Options for a worker that runs `max_concurrent` activities at once."""
    return {
        "max_concurrent_activities": max_concurrent,
        "max_concurrent_workflow_tasks": _MAX_WORKFLOW_TASKS,
        "activity_task_poller_behavior": _ACTIVITY_POLLERS,
        "max_eager_activity_reservations_per_workflow_task": _EAGER_STARTS,
        "sticky_queue_schedule_to_start_timeout": _STICKY_TIMEOUT,
        "max_heartbeat_throttle_interval": _HEARTBEAT_INTERVAL,
        "default_heartbeat_throttle_interval": _HEARTBEAT_INTERVAL,
    }
