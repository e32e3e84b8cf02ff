"""When a run with a long history starts no more tasks, so that it can continue with a new history."""

from __future__ import annotations

import asyncio

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import Thresholds

# How many events after it has waited in vain it tries again.
STEP = 500
# A run that began before this change is replayed without it.
DRAINS_FROM_REST = "drains-from-rest"


class Draining:
    """Whether a run starts no more tasks because its history is long.

    Args:
        thresholds: history lengths at which to continue as new.

    Attributes:
        active: whether no more tasks start.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._rest = thresholds.rest
        self._drain = thresholds.drain
        self._patience = thresholds.patience
        self._next = thresholds.rest
        self._timer: asyncio.Task[None] | None = None
        self.active = False

    @property
    def may_continue(self) -> bool:
        """Whether the history is long enough to continue with a new one as soon as nothing is running."""
        return _length() >= self._rest

    @property
    def expired(self) -> bool:
        """Whether the tasks in progress have taken too long to wait for them."""
        return self._timer is not None and self._timer.done()

    def look(self) -> None:
        """Decide whether tasks may start now."""
        if _length() >= self._drain:
            self.active = True
            self._stop_waiting()
        elif self.expired:
            self.active = False
            self._next = _length() + STEP
            self._stop_waiting()
        elif not self.active and _length() >= self._next:
            self.active = workflow.patched(DRAINS_FROM_REST)

    def wait(self) -> None:
        """Begin to wait for the tasks in progress, with a limit unless the history is too long to go on."""
        if self.active and self._timer is None and _length() < self._drain:
            self._timer = asyncio.create_task(asyncio.sleep(self._patience))

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _length() -> int:
    return workflow.info().get_current_history_length()
