"""What a worker measures of tasks. The SDK serves these numbers to Prometheus, together with its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from temporalio import activity
from temporalio.common import MetricMeter

from workflows.options import QUARANTINE

QUEUE_WAIT = "signoff_task_queue_wait_seconds"
DURATION = "signoff_task_duration_seconds"
WRITE_WAIT = "signoff_database_write_wait_seconds"
# Upper bounds of the histograms' buckets, in seconds.
_WAITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_DURATIONS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
_WRITES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
BUCKETS: Mapping[str, Sequence[float]] = {QUEUE_WAIT: _WAITS, DURATION: _DURATIONS, WRITE_WAIT: _WRITES}


class TaskMetrics:
    """Counts and times attempts. Labels are names of actions and queues and a fixed set of outcomes, never ids or titles.

    Args:
        meter: the meter of the SDK's runtime.
    """

    def __init__(self, meter: MetricMeter) -> None:
        self._waits = meter.create_histogram_float(QUEUE_WAIT, "Time that a task waited in its queue for a worker.")
        self._durations = meter.create_histogram_float(DURATION, "Time that an attempt at a task took, by its outcome.")
        self._retries = meter.create_counter("signoff_task_retries", "Attempts at a task after its first.")
        self._running = meter.create_gauge("signoff_tasks_running", "Tasks that this worker runs now.")
        self._writes = meter.create_histogram_float(WRITE_WAIT, "Time that a transaction waited until it could write.")
        self._now: Counter[str] = Counter()

    def begun(self, info: activity.Info, try_number: int) -> None:
        """Count an attempt that a worker has begun."""
        action, queue = {"action": info.activity_type}, info.task_queue.removesuffix(QUARANTINE)
        waited = (info.started_time - info.current_attempt_scheduled_time).total_seconds()
        self._waits.record(max(waited, 0.0), {**action, "queue": queue})
        if try_number > 1:
            self._retries.add(1, action)
        self._count(info.activity_type, 1)

    def ended(self, action: str, outcome: str, seconds: float) -> None:
        """Count an attempt that has ended."""
        self._durations.record(max(seconds, 0.0), {"action": action, "outcome": outcome})
        self._count(action, -1)

    def _count(self, action: str, step: int) -> None:
        self._now[action] += step
        self._running.set(self._now[action], {"action": action})

    def waited_to_write(self, seconds: float) -> None:
        """Count a transaction that has begun after so long a wait."""
        self._writes.record(seconds)
