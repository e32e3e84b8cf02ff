"""Restarts a process whenever it ends."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable

from app.domain.backoff import backoff
from app.supervisor.child import Child, describe_end

_FIRST_PAUSE, _MAX_PAUSE = 0.5, 10.0
# A process that ran longer than this before it ended restarts after the first pause, not like one that keeps crashing.
_HEALTHY_SECONDS = 30.0

Say = Callable[[str], None]


def say_on_stderr(message: str) -> None:
    """Print a message about a process."""
    print(f"signoff: {message}", file=sys.stderr, flush=True)


async def keep_running(child: Child, say: Say) -> None:
    """Run a process, and restart it after a pause whenever it ends, until cancelled. `say` receives a message each time."""
    while True:
        started = time.monotonic()
        code = await child.run()
        child.deaths += 1
        if time.monotonic() - started > _HEALTHY_SECONDS:
            child.failures = 0
        child.failures += 1
        pause = backoff(child.failures, _FIRST_PAUSE, _MAX_PAUSE)
        ended = f"{child.name} ended ({describe_end(code)}) and restarts in {pause:g} s."
        say(ended if child.log is None else f"{ended} The last lines of {child.log}:\n{child.tail()}")
        await asyncio.sleep(pause)


def signoff_command(name: str) -> list[str]:
    """The command line of one of Signoff's commands."""
    # -P: do not import a folder named `app` from the user's current folder instead of ours.
    return [sys.executable, "-P", "-m", "app.cli", name]
