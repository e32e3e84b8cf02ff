"""How a worker polls and caches: one set of options for worker.py, tests and benchmarks."""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict

from temporalio.worker import PollerBehavior, PollerBehaviorAutoscaling


class WorkerOptions(TypedDict):
    """Keyword arguments of `temporalio.worker.Worker`."""

    max_concurrent_activities: int
    activity_task_poller_behavior: PollerBehavior
    workflow_task_poller_behavior: PollerBehavior
    max_eager_activity_reservations_per_workflow_task: int
    sticky_queue_schedule_to_start_timeout: timedelta
    max_heartbeat_throttle_interval: timedelta
    default_heartbeat_throttle_interval: timedelta


def worker_options(max_concurrent: int) -> WorkerOptions:
    """Options for a worker that runs `max_concurrent` activities at once."""
    return {
        "max_concurrent_activities": max_concurrent,
        "activity_task_poller_behavior": PollerBehaviorAutoscaling(initial=10, maximum=40),
        "workflow_task_poller_behavior": PollerBehaviorAutoscaling(initial=5, maximum=20),
        "max_eager_activity_reservations_per_workflow_task": 3,
        # 10 s by default: for that long a worker killed with -9 would keep its runs from every other worker.
        "sticky_queue_schedule_to_start_timeout": timedelta(seconds=1),
        # A cancel reaches an activity with a heartbeat's answer, so this is how long it takes at most.
        "max_heartbeat_throttle_interval": timedelta(seconds=1),
        "default_heartbeat_throttle_interval": timedelta(seconds=1),
    }
