"""Ends the processes that a killed guard leaves behind.

Both a guard and this process are child subreapers (prctl(2), Linux). When a guard is killed, every process below it becomes a
child of this process, regardless of its session.
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
    """Make this process the parent of its orphaned descendants. One call is enough."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def clock() -> float:
    """The current time on the clock of process start times: seconds since boot, including suspend."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if LINUX else 0.0


async def close_orphaned_calls(session: int | None, since: float, guards: Collection[int]) -> None:
    """End every process that a killed guard has left behind. Return once none is left.

    Processes that this process itself started are not ended: they are guards, belong to its own session, or are older.

    Args:
        session: the command's session; on systems other than Linux, only this session can be found.
        since: the time at which the killed guard was started, from `clock`.
        guards: process ids of the running guards.
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
    # Kill the whole tree at once, so that a chain of forking processes cannot continue.
    for pid in (root, *descendants(root)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(root, os.WNOHANG)


def _orphans(since: float, guards: Collection[int]) -> list[int]:
    own = os.getsid(0)
    # Start times are truncated to whole ticks.
    first_tick = int(since * os.sysconf("SC_CLK_TCK")) - 1
    found: list[int] = []
    for pid in children():
        with contextlib.suppress(OSError):
            # proc(5): starts with the third field. The session is the sixth field, and the start time is the 22nd.
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            if pid not in guards and int(fields[3]) != own and int(fields[19]) >= first_tick:
                found.append(pid)
    return found


def children() -> list[int]:
    """Children of this process, including those that have ended."""
    parent = str(os.getpid()).encode()
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if entry.read_bytes().rpartition(b")")[2].split()[1] == parent:
                found.append(int(entry.parent.name))
    return found
