"""The options of every activity. No activity is scheduled without them."""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

# Temporal refuses summaries over 400 bytes, and its UI cuts timeline labels at 120 characters.
SUMMARY_LENGTH = 120
HEARTBEAT_TIMEOUT = timedelta(seconds=5)
# The margin between the task's own time limit, which the activity enforces, and Temporal's limit.
TIMEOUT_MARGIN = timedelta(seconds=30)
KILL_GRACE_LIMIT = timedelta(seconds=300)
NO_LIMIT = timedelta(days=30)
QUARANTINE = ".quarantine"

# Records must get through, no matter how long the database is unavailable. The number of attempts is finite anyway: a payload
# that Temporal cannot accept would otherwise be retried forever.
_RECORD_RETRIES = RetryPolicy(
    initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(seconds=10), maximum_attempts=50_000
)
_ONCE = RetryPolicy(maximum_attempts=1)
# The longest that a step may take within a workflow task. Requests to the workflow wait for so long.
LOCAL_LIMIT = timedelta(seconds=5)
_PLANNING_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=5)


class ActivityOptions(TypedDict, total=False):
    """Keyword arguments for `workflow.execute_activity`."""

    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType
    summary: str
    task_queue: str


def record_options(summary: str) -> ActivityOptions:
    """Return options for an activity that only reads or writes the database."""
    return {
        "start_to_close_timeout": timedelta(seconds=60),
        "retry_policy": _RECORD_RETRIES,
        "cancellation_type": ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        "summary": shorten(summary),
    }


class LocalOptions(TypedDict):
    """Keyword arguments for `workflow.execute_local_activity`."""

    schedule_to_close_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType
    summary: str


def local_options(summary: str) -> LocalOptions:
    """Return options for one attempt at a step within the workflow task."""
    return {
        "schedule_to_close_timeout": LOCAL_LIMIT,
        "retry_policy": _ONCE,
        "cancellation_type": ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        "summary": shorten(summary),
    }


def planning_options(summary: str) -> ActivityOptions:
    """Return options for an activity that makes a plan."""
    return {
        "start_to_close_timeout": timedelta(minutes=30),
        "heartbeat_timeout": HEARTBEAT_TIMEOUT,
        "retry_policy": _PLANNING_RETRIES,
        "cancellation_type": ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        "summary": shorten(summary),
    }


def advice_options(summary: str) -> ActivityOptions:
    """Return options for an activity that asks a model to decide."""
    return {
        "start_to_close_timeout": timedelta(minutes=15),
        "heartbeat_timeout": HEARTBEAT_TIMEOUT,
        "retry_policy": _PLANNING_RETRIES,
        "cancellation_type": ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        "summary": shorten(summary),
    }


def task_options(title: str, timeout_seconds: float | None, queue: str | None = None) -> ActivityOptions:
    """Return options for an activity that runs a task. Temporal makes one attempt, because the workflow itself counts them.

    `queue` is the task queue of the task's agent, or None for the workflow's own.
    """
    limit = NO_LIMIT if timeout_seconds is None else timedelta(seconds=timeout_seconds)
    options: ActivityOptions = {
        "start_to_close_timeout": limit + KILL_GRACE_LIMIT + TIMEOUT_MARGIN,
        "heartbeat_timeout": HEARTBEAT_TIMEOUT,
        "retry_policy": _ONCE,
        "cancellation_type": ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        "summary": shorten(title),
    }
    if queue is not None:
        options["task_queue"] = queue
    return options


def quarantine_queue(queue: str) -> str:
    """Return the queue for quarantined tasks of a task queue. Each of those tasks runs in its own process."""
    return f"{queue}{QUARANTINE}"


def shorten(text: str) -> str:
    """Shorten `text` to the length that fits in a summary."""
    line = " ".join(text.split())
    line = line if len(line) <= SUMMARY_LENGTH else line[: SUMMARY_LENGTH - 1] + "…"
    while len(line.encode()) > 400:
        line = line[:-2] + "…"
    return line
