"""What a killed guard leaves behind: its processes become children of this one, which ends them.

A guard is a child subreaper, and so is this process (prctl(2), Linux): when a guard is killed, every process below it,
whatever session it has moved to, becomes a child of this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import sys
import time
from collections.abc import Collection
from pathlib import Path

from activities.actions.linux_control import PR_SET_CHILD_SUBREAPER, prctl
from activities.actions.process_tree import descendants

LINUX = sys.platform == "linux"
PAUSE = 0.002


@functools.cache
def adopt() -> None:
    """Have orphans of this process's descendants become its children; once is enough."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def clock() -> float:
    """Now, on the clock that start times of processes are given in: seconds since the machine started, suspend included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if LINUX else 0.0


async def end_orphans(session: int | None, since: float, guards: Collection[int]) -> None:
    """End every process that a killed guard has left behind, and return once none is left.

    Processes that this one has started itself stay: they are guards, belong to its own session, or are older.

    Args:
        session: the command's session; elsewhere than on Linux all that can be found.
        since: when the killed guard was started, by `clock`.
        guards: process ids of the guards that live.
    """
    if not LINUX:
        if session is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(session, signal.SIGKILL)
        return
    while orphans := _orphans(since, guards):
        for orphan in orphans:
            _kill_tree(orphan)
        await asyncio.sleep(PAUSE)


def _kill_tree(root: int) -> None:
    # The whole tree at once, so that a chain of processes that keep forking has nowhere to continue.
    for pid in (root, *descendants(root)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(root, os.WNOHANG)


def _orphans(since: float, guards: Collection[int]) -> list[int]:
    own = os.getsid(0)
    # Start times are cut to whole ticks.
    first_tick = int(since * os.sysconf("SC_CLK_TCK")) - 1
    found: list[int] = []
    for pid in _children():
        with contextlib.suppress(OSError):
            # proc(5): from the third field on; session is the sixth, start time the 22nd.
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            if pid not in guards and int(fields[3]) != own and int(fields[19]) >= first_tick:
                found.append(pid)
    return found


def _children() -> list[int]:
    """Children of this process, those that have ended included."""
    parent = str(os.getpid()).encode()
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if entry.read_bytes().rpartition(b")")[2].split()[1] == parent:
                found.append(int(entry.parent.name))
    return found
