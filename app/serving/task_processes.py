"""Whether the process at the other end of a loopback connection belongs to a task (Linux).

A worker runs each command below a process of its own, the guard (`activities/actions/guard.py`), which has a name that the
kernel keeps for it. The guard is a child subreaper: whatever a process of the command does, it stays a descendant of the guard,
and it cannot rename the guard. So only ancestors are looked at, never what a process says of itself.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

# The name of every guard; `guard.py` runs without this package, and has it once more.
GUARD_NAME = "signoff-guard"
# How often to look again where processes have come or gone meanwhile.
_LOOKS = 3
# Processes that connections have come from lately: most come from them again.
_recent: deque[int] = deque(maxlen=8)


class Origin(Enum):
    """Where a connection comes from.

    Attributes:
        ELSEWHERE: from a process that belongs to no task.
        TASK: from a process of a task, or from one that may be.
        UNSEEN: no process that can be looked into has it, and none that may be a task's hides anything.
    """

    ELSEWHERE = "elsewhere"
    TASK = "task"
    UNSEEN = "unseen"


class _Process(NamedTuple):
    """What the kernel says of a process to everybody: the name, the parent and the start in clock ticks."""

    pid: int
    name: str
    parent: int
    started: int


def origin_of(inode: int, uid: int) -> Origin:
    """Where the connection comes from whose socket has this inode. Blocking: it reads /proc.

    Args:
        inode: of the socket.
        uid: the user that it belongs to.
    """
    wanted = f"socket:[{inode}]"
    for _ in range(_LOOKS):
        holder = next((pid for pid in _candidates() if wanted in _descriptors(pid)), None)
        if holder is None:
            break
        if (chain := _ancestors(holder)) is not None:
            _remember(holder)
            return Origin.TASK if _guards_in(chain) else Origin.ELSEWHERE
    return _origin_of_unseen(wanted, uid)


def _candidates() -> Iterator[int]:
    """Process ids: those of the last connections first, then the newest."""
    recent = tuple(_recent)
    yield from recent
    yield from (pid for pid in sorted(_pids(), reverse=True) if pid not in recent)


def forget() -> None:
    """Forget where connections have come from."""
    _recent.clear()


def _remember(pid: int) -> None:
    if pid not in _recent:
        _recent.appendleft(pid)


def _origin_of_unseen(wanted: str, uid: int) -> Origin:
    """As `origin_of`, where the holder was not found: it may be a process that nobody can look into, or the search missed it.

    A task's process is the holder if it has the socket, cannot be looked into, or has means to keep a socket where /proc does
    not show it: in a message that waits in another socket, or in an io_uring.
    """
    if not _sees_every_process():
        return Origin.TASK
    for _ in range(_LOOKS):
        before = _task_processes()
        for process in before:
            for thread in _threads(process.pid):
                descriptors = _descriptors(process.pid, thread)
                if descriptors is UNREADABLE and _exists(process.pid):
                    return Origin.TASK
                if any(name.startswith(("socket:", "anon_inode:[io_uring]")) for name in descriptors):
                    return Origin.TASK
        if _task_processes() == before:
            hidden = not before or any(_is_hidden(pid, uid) for pid in _pids())
            return Origin.UNSEEN if hidden else Origin.TASK
    return Origin.TASK


UNREADABLE: frozenset[str] = frozenset({""})


def _descriptors(pid: int, thread: int | None = None) -> frozenset[str]:
    """What the descriptors of a process, or of one thread, lead to; `UNREADABLE` where that cannot be read."""
    folder = f"/proc/{pid}/fd" if thread is None else f"/proc/{pid}/task/{thread}/fd"
    found: list[str] = []
    try:
        names = os.listdir(folder)  # noqa: PTH208 - a thousand of these are read for a connection
    except OSError:
        return UNREADABLE
    for name in names:
        try:
            found.append(os.readlink(f"{folder}/{name}"))  # noqa: PTH115
        except PermissionError:
            return UNREADABLE
        except OSError:
            continue
    return frozenset(found)


def _threads(pid: int) -> list[int]:
    """A thread may have descriptors of its own (unshare(2))."""
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208
    except OSError:
        return []


def _ancestors(pid: int) -> list[_Process] | None:
    """A process and all above it; None where they change while they are read, or where one that may be a guard is hidden."""
    first, second = _chain(pid), _chain(pid)
    return first if first is not None and first == second else None


def _chain(pid: int) -> list[_Process] | None:
    chain: list[_Process] = []
    while pid > 0:
        process = _read(pid)
        if process is None:
            return None if not chain or _may_signal(pid) or _exists(pid) else chain
        chain.append(process)
        pid = process.parent
    return chain


def _guards_in(chain: list[_Process]) -> list[_Process]:
    """The guards in a chain of ancestors, but for those that this process is below itself."""
    own = {(process.pid, process.started) for process in _chain(os.getpid()) or []}
    return [process for process in chain if process.name == GUARD_NAME and (process.pid, process.started) not in own]


def _task_processes() -> list[_Process]:
    """Every process below a guard, the guards themselves left out: a task can give its own processes that name too."""
    processes = {process.pid: process for pid in _pids() if (process := _read(pid)) is not None}
    own = {process.pid for process in _chain(os.getpid()) or []}
    found: list[_Process] = []
    for process in processes.values():
        above = processes.get(process.parent)
        while above is not None:
            if above.name == GUARD_NAME and above.pid not in own:
                found.append(process)
                break
            above = processes.get(above.parent)
    return found


def _read(pid: int) -> _Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return None
    # proc_pid_stat(5): "pid (name) state parent ...", the start is the 22nd field; a name may hold anything.
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()
    return _Process(pid, name, int(fields[1]), int(fields[19]))


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208


def _exists(pid: int) -> bool:
    return _read(pid) is not None


def _may_signal(pid: int) -> bool:
    """Whether there is such a process, and it may be of this user, as a guard is."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _sees_every_process() -> bool:
    """Whether /proc shows the processes of everybody (it is not mounted with `hidepid`)."""
    return _exists(1)


def _is_hidden(pid: int, uid: int) -> bool:
    """Whether a process of the user cannot be looked into."""
    if _descriptors(pid) is not UNREADABLE:
        return False
    try:
        with open(f"/proc/{pid}/status", "rb") as file:  # noqa: PTH123
            lines = file.read().splitlines()
    except OSError:
        return False
    return any(line.split()[1:3] == [b"%d" % uid] * 2 for line in lines if line.startswith(b"Uid:"))
