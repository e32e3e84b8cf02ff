"""The clean-up after a cancel: phases that run in any case (`on=always`), within a limit."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow

# How long these phases may take after a cancel, together. Then their tasks are stopped.
CLEAN_UP_LIMIT = timedelta(minutes=10)


class CleanUp:
    """Whether a cancel stops the current phase.

    Attributes:
        applies: whether the current phase runs in spite of a cancel.
        over: whether the time for that is over, or a second cancel has ended it.
        until: when it must end, in seconds since 1970. None before it begins.
    """

    def __init__(self, until: float | None) -> None:
        self.applies = False
        self.over = False
        self.until = until
        self._timer: asyncio.Task[None] | None = None

    @property
    def continues(self) -> bool:
        """Whether the current phase goes on although the run is being cancelled."""
        return self.applies and not self.over

    def begin(self) -> None:
        """Count the time. It continues to count in the next workflow execution."""
        if not self.applies or self._timer is not None:
            return
        left = CLEAN_UP_LIMIT.total_seconds()
        if self.until is None:
            self.until = workflow.time() + left
        else:
            left = min(left, self.until - workflow.time())
        self._timer = asyncio.create_task(self._end(left))

    def cancelled_again(self) -> None:
        """End the clean-up as well."""
        self.over = self.over or self.applies

    def stop_counting(self) -> None:
        """The run has come to its end in time."""
        if self._timer is not None:
            self._timer.cancel()

    async def _end(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(seconds)
        self.over = True
