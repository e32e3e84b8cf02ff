"""The heartbeat of an activity: it shares fate with the work.

The SDK sends heartbeats in the background and does not tell whether the server took one. But a task must not go on once the
server may have given it up, so the beats are calls of our own, whose answers say: accepted, cancel requested, or gone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from enum import Enum
from typing import Any, NoReturn, TypeVar

from temporalio import activity
from temporalio.activity import ActivityCancellationDetails
from temporalio.client import AsyncActivityCancelledError, AsyncActivityHandle
from temporalio.service import RPCError, RPCStatusCode

T = TypeVar("T")
# A cancel reaches an activity with a heartbeat's answer: half of this on average.
INTERVAL = 0.5
# The server counts from the activity's start, so that the shortest of tasks need no beat at all: measured with tasks that do
# nothing, one beat each cost a third of their time.
FIRST_BEAT_AFTER = 0.1
RPC_TIMEOUT = timedelta(seconds=1)
# The SDK ends an activity by itself that gives it no heartbeat at all; this often satisfies it.
SDK_INTERVAL = 2.0
STOPPING_INTERVAL = 2.0


class Stop(Enum):
    """Why the work was told to stop."""

    CANCELLED = "cancel requested"
    PAUSED = "the activity was paused in Temporal"
    RESET = "the activity was reset in Temporal"
    GONE = "the server gave it up"
    UNREACHABLE = "the server does not answer"
    SHUTDOWN = "the worker is shutting down"


class Heartbeat:
    """Runs work while beating for it.

    The work is cancelled when a cancel is requested, when the server has given the activity up, and when no beat was accepted
    for two thirds of the heartbeat time-out: from then on the server may be about to start another attempt. In the last two
    cases it is cancelled a second time soon after, which ends whatever grace it gives to what it stops. An operator who
    pauses or resets the activity stops the work as well, but that is no cancel: nobody has decided to end the task.

    Args:
        still_stopping: called every few seconds while work that was told to stop goes on.
    """

    def __init__(self, still_stopping: Callable[[], Awaitable[None]] | None = None) -> None:
        info = activity.info()
        self._handle: AsyncActivityHandle = activity.client().get_async_activity_handle(task_token=info.task_token)
        timeout = info.heartbeat_timeout or timedelta(seconds=30)
        self._limit = timeout.total_seconds() * 2 / 3
        self._still_stopping = still_stopping
        self.stop: Stop | None = None

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end; where `stop` is set, it was cancelled for that reason."""
        job = asyncio.ensure_future(work)
        beats = asyncio.create_task(self._beat(job), name="heartbeat")
        try:
            while not job.done():
                try:
                    await asyncio.wait({job, beats}, return_when=asyncio.FIRST_COMPLETED)
                except asyncio.CancelledError:
                    self._stop(job, _reason_of(activity.cancellation_details()))
                    continue
                if beats.done() and not job.done():
                    # A heartbeat that died takes the work along.
                    self._stop(job, Stop.UNREACHABLE)
                    await _finished(job)
        finally:
            beats.cancel()
            with suppress(asyncio.CancelledError):
                await beats
        return job.result()

    async def end_as_cancelled(self) -> NoReturn:
        """End the activity as cancelled, whether the SDK knows of the cancel or only we do.

        Raises:
            CancelledError: to the SDK, where it knows.
        """
        if activity.is_cancelled():
            raise asyncio.CancelledError
        await self._handle.report_cancellation(rpc_timeout=timedelta(seconds=10))
        activity.raise_complete_async()

    def _stop(self, job: asyncio.Future[Any], reason: Stop) -> None:
        if self.stop is None:
            self.stop = reason
            job.cancel()

    async def _beat(self, job: asyncio.Future[Any]) -> None:
        accepted = time.monotonic()
        told_sdk = told_stopping = 0.0
        hurry = hurried = False
        await asyncio.sleep(FIRST_BEAT_AFTER)
        while True:
            began = time.monotonic()
            if began - told_sdk >= SDK_INTERVAL:
                activity.heartbeat()
                told_sdk = began
            if self.stop != Stop.GONE:
                left = accepted + self._limit - began
                try:
                    # The SDK repeats a call that fails for longer than the call's own time limit.
                    async with asyncio.timeout(max(0.0, min(RPC_TIMEOUT.total_seconds(), left))):
                        await self._handle.heartbeat(rpc_timeout=RPC_TIMEOUT)
                    accepted = began
                except AsyncActivityCancelledError as error:
                    accepted = began
                    self._stop(job, _reason_of(error.details))
                except (RPCError, TimeoutError) as error:
                    if isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND:
                        self._stop(job, Stop.GONE)
                    elif time.monotonic() - accepted >= self._limit:
                        self._stop(job, Stop.UNREACHABLE)
            if hurry and not hurried:
                hurried = True
                job.cancel()
            hurry = self.stop in {Stop.GONE, Stop.UNREACHABLE}
            if (
                self.stop is not None
                and self._still_stopping is not None
                and began - told_stopping >= STOPPING_INTERVAL
            ):
                told_stopping = began
                await self._still_stopping()
            await asyncio.sleep(max(0.0, INTERVAL - (time.monotonic() - began)))


def _reason_of(details: ActivityCancellationDetails | None) -> Stop:
    """Why the server, or the SDK, tells an activity to stop. A cancel outranks whatever else is said with it."""
    if details is None or details.cancel_requested:
        return Stop.CANCELLED
    if details.paused:
        return Stop.PAUSED
    if details.reset:
        return Stop.RESET
    return Stop.SHUTDOWN if details.worker_shutdown else Stop.GONE


async def _finished(job: asyncio.Future[Any]) -> None:
    while not job.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({job})


async def uncancelled(work: Awaitable[T]) -> T:
    """Await `work` to its end whatever cancels come meanwhile; then pass the cancel on."""
    job = asyncio.ensure_future(work)
    cancelled = False
    while not job.done():
        try:
            await asyncio.shield(job)
        except asyncio.CancelledError:
            cancelled = True
        except Exception:  # noqa: BLE001 - raised below, by result()
            break
    if cancelled and not job.cancelled() and job.exception() is None:
        raise asyncio.CancelledError
    return job.result()
