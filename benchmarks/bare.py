"""The bare counterpart of what is measured: a workflow of no-op activities, as one would write it by hand."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity, workflow


@activity.defn
async def nothing() -> None:
    """No work: what is left is the server's and the worker's own time."""


@workflow.defn
class Layers:
    """As many activities at once as each width says, layer after layer."""

    @workflow.run
    async def run(self, widths: list[int]) -> None:
        for width in widths:
            calls = (
                workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=60)) for _ in range(width)
            )
            await asyncio.gather(*calls)
