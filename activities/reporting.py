"""Reports attempts of a run that end at about the same time together, so that its workflow continues once for all of them.

A report that arrives alone causes a workflow task, which costs Temporal seven times as much as the activity.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

# The longest that a report waits for others, in seconds. Recording one takes a few milliseconds.
LIMIT = 0.02


@dataclass
class _Run:
    recording: int = 0
    none_recording: asyncio.Event = field(default_factory=asyncio.Event)


class Reporting:
    """The attempts of this worker whose outcomes are being recorded, by run."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    @contextmanager
    def recording(self, run_id: str) -> Generator[None]:
        """Note that an outcome is being recorded. Recorded outcomes of the same run wait for it."""
        run = self._runs.setdefault(run_id, _Run())
        run.recording += 1
        try:
            yield
        finally:
            run.recording -= 1
            if not run.recording:
                run.none_recording.set()
                del self._runs[run_id]

    async def wait(self, run_id: str) -> None:
        """Wait until no outcome of a run is being recorded, but not long. A cancel ends the wait: the outcome is recorded."""
        run = self._runs.get(run_id)
        if run is not None:
            with suppress(asyncio.CancelledError, TimeoutError):
                async with asyncio.timeout(LIMIT):
                    await run.none_recording.wait()
