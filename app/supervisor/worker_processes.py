"""Several worker processes on the same queues, under one process that restarts them and stops them together."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

from app.hidden_environment import variables
from app.settings import Settings
from app.supervisor import environment
from app.supervisor.child import Child
from app.supervisor.errors import StackError
from app.supervisor.keeping import keep_running, say_on_stderr, signoff_command

# If each of them has ended so often soon after its start, in a row, a setting is probably wrong.
_MAX_FAILURES = 3
# A worker lets tasks finish for `shutdown_grace`, then interrupts them.
_MARGIN = 0.4
_LOOK_SECONDS = 0.5


async def run(settings: Settings, arguments: Sequence[str]) -> None:
    """Run `settings.processes` workers until SIGTERM or SIGINT, then let their tasks finish for `shutdown_grace` seconds.

    They write to the output of this process, and end with it even if it is killed.

    Args:
        settings: the workers' settings.
        arguments: those of their command line, such as what they serve.

    Raises:
        StackError: the processes do not start.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    one = settings.model_copy(update={"processes": 1})
    inherited = environment.for_another_worker(variables(), one)
    children = [
        Child(f"worker {number}", [*signoff_command("worker"), *arguments], inherited, None)
        for number in range(1, settings.processes + 1)
    ]
    watchers = [asyncio.create_task(keep_running(child, say_on_stderr), name=child.name) for child in children]
    try:
        await _until_stopped(stop, children)
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        # All at once, so that their grace periods do not add up.
        await asyncio.gather(*(child.stop(settings.shutdown_grace + _MARGIN) for child in children))


async def _until_stopped(stop: asyncio.Event, children: Sequence[Child]) -> None:
    while not stop.is_set():
        if all(child.failures >= _MAX_FAILURES for child in children):
            raise StackError("The worker processes do not start. Their output says why.")
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await stop.wait()
        except TimeoutError:
            continue
