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
    """Whether a run starts nothing more because its history is long: no task, and no other attempt at one.

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
        self._from_rest: bool | None = None
        self._timer: asyncio.Task[None] | None = None
        self.active = False

    @property
    def may_continue(self) -> bool:
        """Whether the history is long enough to continue with a new one as soon as nothing is running."""
        return _length() >= self._rest

    @property
    def holds_attempts(self) -> bool:
        """Whether tasks in progress begin no other attempt. They would keep the run from continuing."""
        return self.active and bool(self._from_rest)

    @property
    def due(self) -> bool:
        """Whether to `look` again."""
        expired = self._timer is not None and self._timer.done()
        return expired or (not self.active and _length() >= self._next)

    def look(self) -> None:
        """Decide whether anything may start now."""
        length = _length()
        if length >= self._rest and self._from_rest is None:
            self._from_rest = workflow.patched(DRAINS_FROM_REST)
            self._next = self._rest if self._from_rest else self._drain
        if length >= self._drain:
            self.active = True
            self._stop_waiting()
        elif self._timer is not None and self._timer.done():
            self.active = False
            self._next = min(length + STEP, self._drain)
            self._stop_waiting()
        elif length >= self._next:
            self.active = True

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
