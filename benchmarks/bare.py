"""The baseline for the benchmarks: a bare Temporal workflow of no-op activities."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity, workflow


@activity.defn
async def nothing() -> None:
    """Do nothing, so that only the time of the server and the worker remains."""


@workflow.defn
class Layers:
    """Runs layer after layer; each width says how many activities a layer runs at once."""

    @workflow.run
    async def run(self, widths: list[int]) -> None:
        for width in widths:
            calls = (
                workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=60)) for _ in range(width)
            )
            await asyncio.gather(*calls)
