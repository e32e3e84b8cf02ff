"""The heartbeat of an activity: if the heartbeat stops, so does the work.

The SDK sends heartbeats in the background, and does not report whether the server accepted one. A task must stop once the
server may have abandoned it. We therefore send the heartbeats ourselves, to see the answer: accepted, cancel requested or gone.
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
# Seconds between heartbeats, and until the first. The server counts from the activity's start, so short tasks need none: with
# 50 tasks at once, two heartbeats a second each took most of the server's time. A guard kills its command 1.5 s before
# Temporal starts another attempt (`SILENCE` in `activities/actions/process.py`), so a longer interval is not safe.
INTERVAL = 1.0
# A cancel reaches an activity in the answer to a heartbeat. Once the record says that a run is being cancelled, the next few
# heartbeats come quickly: seconds between them, and how many there are.
QUICK_INTERVAL, QUICK_BEATS = 0.25, 12
RPC_TIMEOUT = timedelta(seconds=1)
# The SDK ends an activity that never calls its own heartbeat. This interval prevents that.
SDK_INTERVAL = 2.5
STOPPING_INTERVAL = 2.0


class Stop(Enum):
    """The reason why the work must stop."""

    CANCELLED = "cancel requested"
    PAUSED = "the activity was paused in Temporal"
    RESET = "the activity was reset in Temporal"
    GONE = "the server abandoned it"
    UNREACHABLE = "the server does not answer"
    SHUTDOWN = "the worker is shutting down"


class Heartbeat:
    """Runs work and sends heartbeats for it.

    The work is cancelled in three cases: a cancel is requested, the server has abandoned the activity, or no heartbeat was
    accepted for two thirds of the heartbeat timeout. In the last case, the server may be about to start another attempt. In the
    last two cases, the work is cancelled a second time soon after, which ends any grace period. An operator who pauses or
    resets the activity also stops the work, but that is not a cancel: nobody has decided to end the task.

    Args:
        still_stopping: called every few seconds while the work has not stopped yet.
        hurry: set when a cancel may arrive at any moment, so that it is noticed sooner than with the next heartbeat.
    """

    def __init__(
        self, still_stopping: Callable[[], Awaitable[None]] | None = None, hurry: asyncio.Event | None = None
    ) -> None:
        info = activity.info()
        self._handle: AsyncActivityHandle = activity.client().get_async_activity_handle(task_token=info.task_token)
        timeout = info.heartbeat_timeout or timedelta(seconds=30)
        self._limit = timeout.total_seconds() * 2 / 3
        self._still_stopping = still_stopping
        self._hurry = hurry or asyncio.Event()
        self._quick_beats = QUICK_BEATS
        self.stop: Stop | None = None

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end. If `stop` is set afterwards, the work was cancelled for that reason."""
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
                    # If the heartbeat fails, the work must stop too.
                    self._stop(job, Stop.UNREACHABLE)
                    await _finished(job)
        finally:
            beats.cancel()
            with suppress(asyncio.CancelledError):
                await beats
        return job.result()

    async def end_as_cancelled(self) -> NoReturn:
        """End the activity as cancelled, even if only we know about the cancel and the SDK does not.

        Raises:
            CancelledError: the SDK knows about the cancel.
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
        accepted = told_sdk = time.monotonic()
        told_stopping = 0.0
        killed = False
        await self._pause(INTERVAL)
        while True:
            began = time.monotonic()
            if began - told_sdk >= SDK_INTERVAL:
                activity.heartbeat()
                told_sdk = began
            kill = self.stop in {Stop.GONE, Stop.UNREACHABLE}
            if self.stop != Stop.GONE and await self._accepted(job, accepted, began):
                accepted = began
            if kill and not killed:
                killed = True
                job.cancel()
            if (
                self.stop is not None
                and self._still_stopping is not None
                and began - told_stopping >= STOPPING_INTERVAL
            ):
                told_stopping = began
                await self._still_stopping()
            await self._pause(INTERVAL - (time.monotonic() - began))

    async def _accepted(self, job: asyncio.Future[Any], last: float, began: float) -> bool:
        """Send a heartbeat, and stop the work if the answer says so. Returns whether it was accepted. `last`: when one was."""
        left = last + self._limit - began
        try:
            # The SDK retries a failing call for longer than the call's own time limit.
            async with asyncio.timeout(max(0.0, min(RPC_TIMEOUT.total_seconds(), left))):
                await self._handle.heartbeat(rpc_timeout=RPC_TIMEOUT)
        except AsyncActivityCancelledError as error:
            self._stop(job, _reason_of(error.details))
        except (RPCError, TimeoutError) as error:
            if isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND:
                self._stop(job, Stop.GONE)
            elif time.monotonic() - last >= self._limit:
                self._stop(job, Stop.UNREACHABLE)
            return False
        return True

    async def _pause(self, seconds: float) -> None:
        """Wait until the next heartbeat."""
        if self._hurry.is_set() and self.stop is None and self._quick_beats:
            self._quick_beats -= 1
            await asyncio.sleep(min(seconds, QUICK_INTERVAL))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                # Once it is set and was used up, only the time counts.
                await (self._hurry.wait() if self._quick_beats and self.stop is None else asyncio.sleep(seconds))


def _reason_of(details: ActivityCancellationDetails | None) -> Stop:
    """Why the server or the SDK tells an activity to stop. A cancel takes precedence over other reasons."""
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
    """Await `work` to its end even if cancels arrive. Then raise the cancel."""
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
